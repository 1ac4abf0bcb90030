using System.Globalization;
using System.Text.RegularExpressions;

namespace Fanfare.Postgres;

/// <summary>The server's programs on this machine; installed when they are missing and that goes without asking anybody.</summary>
internal static partial class Installation
{
    private const int OldestVersion = 14;

    private const string DebiansFolder = "/usr/lib/postgresql", ClusterSettings = "/etc/postgresql-common/createcluster.conf", NoCluster = "create_main_cluster = false";

    private static readonly Lazy<(string? Folder, string? Refusal)> Found = new(Look);

    /// <summary>Why no server can be started here; null when one can.</summary>
    public static string? Refusal => Found.Value.Refusal;

    /// <summary>Path of one of the server's programs.</summary>
    public static string Program(string name) => Path.Combine(Found.Value.Folder ?? throw new InvalidOperationException(Refusal), name);

    private static (string? Folder, string? Refusal) Look()
    {
        if (!OperatingSystem.IsLinux()) return (null, "The tests start PostgreSQL on Linux only.");
        if (Account.Missing is { } missing) return (null, missing);
        if (Find() is { } there) return (there, null);
        var error = Install();
        return Find() is { } installed
            ? (installed, null)
            : (null, $"PostgreSQL {OldestVersion} or newer is not installed{(error is null ? "" : $" and could not be: {error}")} (Debian: apt-get install postgresql)");
    }

    private static string? Find() =>
        Candidates().FirstOrDefault(f => File.Exists(Path.Combine(f, "initdb")) && File.Exists(Path.Combine(f, "postgres")) && Version(f) >= OldestVersion);

    private static IEnumerable<string> Candidates()
    {
        // A link on the PATH leads to the folder that has the others too.
        if (Command.OnPath("postgres") is { } program) yield return Path.GetDirectoryName(File.ResolveLinkTarget(program, returnFinalTarget: true)?.FullName ?? program)!;
        if (Directory.Exists(DebiansFolder))
        {
            foreach (var folder in Directory.GetDirectories(DebiansFolder).OrderByDescending(f => double.TryParse(Path.GetFileName(f), CultureInfo.InvariantCulture, out var version) ? version : 0))
                yield return Path.Combine(folder, "bin");
        }
        if (Command.OnPath("pg_config") is { } config && Command.Run(config, "--bindir") is { ExitCode: 0 } told) yield return told.Output.Trim();
    }

    private static int Version(string folder) =>
        MajorVersion().Match(Command.Run(Path.Combine(folder, "postgres"), "--version").Output) is { Success: true } match ? int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) : 0;

    // As root, with the system's own package, which else would make a cluster and start it; a cluster that is there stays as it is.
    private static string? Install()
    {
        if (!Environment.IsPrivilegedProcess || Command.OnPath("apt-get") is null) return null;
        Directory.CreateDirectory(Path.GetDirectoryName(ClusterSettings)!);
        if (!File.Exists(ClusterSettings) || !File.ReadLines(ClusterSettings).Contains(NoCluster))
            File.AppendAllText(ClusterSettings, $"\n# The tests of Fanfare make clusters of their own.\n{NoCluster}\n");
        var first = AptGet("install", "-y", "--no-install-recommends", "postgresql");
        if (first.ExitCode == 0) return null;
        // On a fresh machine the lists of packages are empty or old.
        AptGet("update");
        var second = AptGet("install", "-y", "--no-install-recommends", "postgresql");
        return second.ExitCode == 0 ? null : string.Join(' ', second.Error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).TakeLast(3));
    }

    private static CommandResult AptGet(params string[] arguments) => Command.Run(
        "timeout", ["300", "env", "DEBIAN_FRONTEND=noninteractive", "UCF_FORCE_CONFFOLD=1", "apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120", .. arguments]);

    [GeneratedRegex(@"\(PostgreSQL\) (\d+)")]
    private static partial Regex MajorVersion();
}
