using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Fanfare.Pools.Local;

/// <summary>What <c>/proc/PID/stat</c> says of a process.</summary>
/// <param name="StartTime">In clock ticks since the machine's start; with the process id it names one process for as long as the machine is up.</param>
internal readonly record struct ProcessStat(char State, int Session, ulong StartTime)
{
    /// <summary>A zombie waits for nothing but that its parent looks at it.</summary>
    public bool IsLive => State is not ('Z' or 'X' or 'x');

    /// <summary>Null when the text is not of that form. The command's name, in brackets, may hold anything.</summary>
    public static ProcessStat? Parse(string text)
    {
        var bracket = text.LastIndexOf(')');
        if (bracket < 0 || bracket + 2 >= text.Length) return null;
        var fields = text[(bracket + 2)..].Split(' ');
        return fields.Length > 19 && fields[0].Length == 1
            && int.TryParse(fields[3], CultureInfo.InvariantCulture, out var session)
            && ulong.TryParse(fields[19], CultureInfo.InvariantCulture, out var start)
            ? new ProcessStat(fields[0][0], session, start)
            : null;
    }
}

/// <summary>A process that carries a mark.</summary>
internal sealed record MarkedProcess(int Pid, ulong StartTime, string Instance);

/// <summary>The processes of this machine.</summary>
/// <param name="root">Where <c>proc</c> is mounted.</param>
internal sealed partial class ProcessTable(string root = "/proc")
{
    /// <summary>The variable that holds the mark of a worker: the id of the directory, and the instance's. Tasks do not get it.</summary>
    public const string Mark = "FANFARE_INSTANCE";

    public const int SigTerm = 15, SigKill = 9;

    private const int NotPermitted = 1;

    /// <summary>New at every start of the machine, since process ids begin anew then.</summary>
    public string Boot() => File.ReadAllText($"{root}/sys/kernel/random/boot_id").Trim();

    /// <summary>Null when there is no such process.</summary>
    public ProcessStat? Read(int pid)
    {
        try
        {
            return ProcessStat.Parse(File.ReadAllText($"{root}/{pid}/stat"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The leaders of sessions that carry the mark of a directory: what they start carries it, too.</summary>
    public IReadOnlyList<MarkedProcess> Marked(string directory)
    {
        var found = new List<MarkedProcess>();
        var needle = Encoding.ASCII.GetBytes($"{Mark}={directory}.");
        foreach (var path in Directory.EnumerateDirectories(root))
        {
            if (!int.TryParse(Path.GetFileName(path.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var pid) || pid < 2) continue;
            if (Value(path, needle) is { } instance && Read(pid) is { IsLive: true } stat && stat.Session == pid) found.Add(new MarkedProcess(pid, stat.StartTime, instance));
        }
        return found;
    }

    /// <summary>Signals a process, or with a negative id a group. False when it may not be signalled; one that is not there needs no signal.</summary>
    public static bool Signal(int id, int signal)
    {
        // 0, 1 and -1 stand for the server's own group, init, and every process there is.
        ArgumentOutOfRangeException.ThrowIfLessThan(Math.Abs((long)id), 2, nameof(id));
        return Kill(id, signal) == 0 || Marshal.GetLastPInvokeError() != NotPermitted;
    }

    private static string? Value(string path, byte[] needle)
    {
        byte[] environment;
        try
        {
            environment = File.ReadAllBytes(path + "/environ");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Ended meanwhile, or another user's.
            return null;
        }
        foreach (var range in environment.AsSpan().Split((byte)0))
        {
            var variable = environment.AsSpan(range);
            if (variable.StartsWith(needle)) return Encoding.UTF8.GetString(variable[needle.Length..]);
        }
        return null;
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int pid, int signal);
}
