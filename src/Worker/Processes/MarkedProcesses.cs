using System.Globalization;
using System.Text;

namespace Fanfare.Worker.Processes;

/// <summary>Finds processes by the mark that tasks carry in their environment, which also those keep that left their group.</summary>
internal static class MarkedProcesses
{
    /// <summary>The variable that holds the mark.</summary>
    public const string Variable = "FANFARE_MARK";

    /// <summary>Kills every process whose mark begins with <paramref name="prefix"/> and whose rest <paramref name="chosen"/> picks.
    /// Returns how many.</summary>
    public static int Kill(string prefix, Func<string, bool> chosen)
    {
        var needle = Encoding.ASCII.GetBytes($"{Variable}={prefix}");
        var killed = 0;
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) || pid < 2) continue;
            if (Mark(directory, needle) is { } rest && chosen(rest) && Libc.Kill(pid, Libc.SigKill)) killed++;
        }
        return killed;
    }

    private static string? Mark(string directory, byte[] needle)
    {
        byte[] environment;
        try
        {
            environment = File.ReadAllBytes(directory + "/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Ended meanwhile, or another user's.
            return null;
        }
        var span = environment.AsSpan();
        while (span.IndexOf(needle) is var at and >= 0)
        {
            var starts = at == 0 || span[at - 1] == 0;
            span = span[(at + needle.Length)..];
            if (!starts) continue;
            var end = span.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? span : span[..end]);
        }
        return null;
    }
}
