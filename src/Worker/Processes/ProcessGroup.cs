using System.ComponentModel;
using System.Diagnostics;
using Fanfare.Worker.Logs;

namespace Fanfare.Worker.Processes;

/// <summary>What to run in a group of its own.</summary>
/// <param name="Command">The argument vector.</param>
/// <param name="Directory">Where it runs.</param>
/// <param name="Environment">All of its environment.</param>
/// <param name="FailedMark">A file that comes into being when the command could not be executed.</param>
/// <param name="Cgroup">A cgroup directory to enter first; empty for none.</param>
internal sealed record GroupCommand(
    IReadOnlyList<string> Command, string Directory, IReadOnlyDictionary<string, string> Environment, string FailedMark, string Cgroup);

/// <summary>A command running as leader of its own session and process group, which was noted before it ran.</summary>
internal sealed class ProcessGroup : IDisposable
{
    // The process holds still until it has been noted where it will be found if this worker dies; if it dies before, the
    // input ends and so does the process. exec fails only by ending the shell, which then leaves its mark.
    private const string Hold = """
        trap ': >"$0"' 0
        IFS= read -r go || exit 125
        if [ -n "$1" ]; then echo $$ >"$1/cgroup.procs" || exit 125; fi
        [ -n "$2" ] || exec </dev/null
        shift 2
        exec "$@"
        """;

    private readonly LiveGroups _live;
    private readonly LiveGroup _group;
    private readonly IDisposable _held;

    /// <param name="live">Where the group is noted.</param>
    /// <param name="group">The group.</param>
    /// <param name="output">What it writes to standard output.</param>
    /// <param name="error">What it writes to standard error.</param>
    /// <param name="exited">The leader's exit code; 128 and the signal's number when a signal ended it.</param>
    /// <param name="held">What is of no use after it.</param>
    public ProcessGroup(LiveGroups live, LiveGroup group, Stream output, Stream error, Task<int> exited, IDisposable held)
    {
        _live = live;
        _group = group;
        _held = held;
        Output = output;
        Error = error;
        Exited = exited;
    }

    public int Id => _group.Id;

    public Stream Output { get; }

    public Stream Error { get; }

    /// <summary>The leader's exit code; 128 and the signal's number when a signal ended it.</summary>
    public Task<int> Exited { get; }

    /// <summary>Where its output is to be kept, too; null where nowhere.</summary>
    public LogPaths? Logs { get; init; }

    /// <summary>Whether it was a signal that ended a forked leader, which then did nothing of what it does at its end.</summary>
    public Task<bool> EndedBySignal { get; init; } = Task.FromResult(false);

    /// <summary>Makes the process that does it in its stead, given the exit code; null where nobody would.</summary>
    public Func<int, CancellationToken, Task<ProcessGroup?>>? Successor { get; set; }

    /// <summary>Whether the leader or a process that it left behind is there.</summary>
    public bool IsAlive => !Exited.IsCompleted || _group.IsAlive;

    /// <summary>Path of setsid.</summary>
    /// <exception cref="PlatformNotSupportedException">This machine cannot run tasks.</exception>
    public static string FindSetsid()
    {
        if (!OperatingSystem.IsLinux()) throw new PlatformNotSupportedException("A worker runs tasks on Linux only. Start it on a Linux machine, or in a container.");
        if (!File.Exists("/bin/sh")) throw new PlatformNotSupportedException("A worker needs /bin/sh. Install a POSIX shell there.");
        foreach (var directory in (string[])["/usr/bin", "/bin", "/usr/local/bin"])
            if (File.Exists($"{directory}/setsid")) return $"{directory}/setsid";
        throw new PlatformNotSupportedException("A worker needs setsid, which is not in /usr/bin, /bin or /usr/local/bin. Install util-linux.");
    }

    /// <summary>Starts a command with an empty standard input.</summary>
    /// <exception cref="Win32Exception">The system refused to start it.</exception>
    public static ProcessGroup Start(string setsid, GroupCommand command, LiveGroups live)
    {
        var (group, input) = Start(setsid, command, live, keepsInput: false);
        input.Close();
        return group;
    }

    /// <summary>Starts a command whose standard input is written here.</summary>
    /// <exception cref="Win32Exception">The system refused to start it.</exception>
    public static (ProcessGroup Group, Stream Input) StartWithInput(string setsid, GroupCommand command, LiveGroups live) => Start(setsid, command, live, keepsInput: true);

    /// <summary>Signals the leader and all that are in its group.</summary>
    public void Signal(int signal)
    {
        // Before the leader has made the group, there is only the leader.
        if (!_group.Signal(signal) && !Exited.IsCompleted && ProcStat.Read(Id)?.StartTime == _group.StartTime) Libc.Kill(Id, signal);
    }

    /// <summary>The group is done with. What may still be alive in it, against SIGKILL, stays noted for the next worker.</summary>
    public void Dispose()
    {
        if (IsAlive) Signal(Libc.SigKill);
        if (!IsAlive) _live.Remove(_group);
        _held.Dispose();
    }

    private static (ProcessGroup Group, Stream Input) Start(string setsid, GroupCommand command, LiveGroups live, bool keepsInput)
    {
        var start = new ProcessStartInfo(setsid)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = command.Directory,
        };
        foreach (var argument in (string[])["/bin/sh", "-c", Hold, command.FailedMark, command.Cgroup, keepsInput ? "keep" : ""]) start.ArgumentList.Add(argument);
        foreach (var argument in command.Command) start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var (name, value) in command.Environment) start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException("The process did not start.");
        // It waits for its first line, so it is there to be read.
        var group = new LiveGroup(process.Id, ProcStat.Read(process.Id)?.StartTime ?? 0);
        live.Add(group);
        var input = process.StandardInput.BaseStream;
        try
        {
            input.Write("go\n"u8);
            input.Flush();
        }
        catch (IOException)
        {
            // Somebody ended it already; its exit code will tell.
        }
        return (new ProcessGroup(live, group, process.StandardOutput.BaseStream, process.StandardError.BaseStream, ExitAsync(process), process), input);
    }

    private static async Task<int> ExitAsync(Process process)
    {
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
