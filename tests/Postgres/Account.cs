using System.Globalization;
using System.Runtime.InteropServices;

namespace Fanfare.Postgres;

/// <summary>Who the server runs as. It refuses to run as root, and then runs as another user.</summary>
internal static partial class Account
{
    private static readonly string[] Users = ["postgres", "nobody"];

    private static readonly (uint User, uint Group)? Other = Environment.IsPrivilegedProcess ? Users.Select(Lookup).FirstOrDefault(found => found is not null) : null;

    /// <summary>What is missing here; null when nothing is.</summary>
    public static string? Missing =>
        new[] { "setsid", "setpriv", "ipcrm" }.Where(p => Command.OnPath(p) is null).ToArray() is { Length: > 0 } missing
            ? $"{string.Join(", ", missing)} of util-linux is not installed."
            : null;

    /// <summary>Words before a command that run it as the server's user.</summary>
    public static string[] Prefix =>
        Other is var (user, group) ? ["setpriv", FormattableString.Invariant($"--reuid={user}"), FormattableString.Invariant($"--regid={group}"), "--clear-groups", "--"] : [];

    public static void Give(string path)
    {
        if (Other is not var (user, group)) return;
        if (ChangeOwner(path, user, group) != 0) throw new InvalidOperationException($"chown of {path} failed with errno {Marshal.GetLastPInvokeError()}.");
    }

    // name:password:user:group:…
    private static (uint User, uint Group)? Lookup(string name) =>
        File.ReadLines("/etc/passwd").Select(l => l.Split(':')).FirstOrDefault(f => f[0] == name && f.Length > 3) is { } fields
            ? (uint.Parse(fields[2], CultureInfo.InvariantCulture), uint.Parse(fields[3], CultureInfo.InvariantCulture))
            : null;

    [LibraryImport("libc", EntryPoint = "chown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint user, uint group);
}
