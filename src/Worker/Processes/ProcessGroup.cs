using System.ComponentModel;
using System.Diagnostics;

namespace Fanfare.Worker.Processes;

/// <summary>What to run in a group of its own.</summary>
/// <param name="Command">The argument vector.</param>
/// <param name="Directory">Where it runs.</param>
/// <param name="Environment">All of its environment.</param>
/// <param name="FailedMark">A file that comes into being when the command could not be executed.</param>
/// <param name="Cgroup">A cgroup directory to enter first; empty for none.</param>
internal sealed record GroupCommand(
    IReadOnlyList<string> Command, string Directory, IReadOnlyDictionary<string, string> Environment, string FailedMark, string Cgroup);

/// <summary>A command running as leader of its own session and process group. This is the one place that knows how the
/// operating system does that; it needs Linux, util-linux' setsid and /bin/sh.</summary>
internal sealed class ProcessGroup : IDisposable
{
    // The process holds still until it has been noted where it will be found if this worker dies; if it dies before, the
    // input ends and so does the process. exec fails only by ending the shell, which then leaves its mark.
    private const string Hold = """
        trap ': >"$0"' 0
        IFS= read -r go || exit 125
        if [ -n "$1" ]; then echo $$ >"$1/cgroup.procs" || exit 125; fi
        shift
        exec "$@" </dev/null
        """;

    private readonly Process _process;
    private readonly LiveGroups _live;
    private readonly LiveGroup _group;

    private ProcessGroup(Process process, LiveGroups live, LiveGroup group)
    {
        _process = process;
        _live = live;
        _group = group;
        Exited = ExitAsync();
    }

    public int Id => _group.Id;

    public Stream Output => _process.StandardOutput.BaseStream;

    public Stream Error => _process.StandardError.BaseStream;

    /// <summary>The leader's exit code; 128 and the signal's number when a signal ended it.</summary>
    public Task<int> Exited { get; }

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

    /// <exception cref="Win32Exception">The system refused to start it.</exception>
    public static ProcessGroup Start(string setsid, GroupCommand command, LiveGroups live)
    {
        var start = new ProcessStartInfo(setsid)
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = command.Directory,
        };
        foreach (var argument in (string[])["/bin/sh", "-c", Hold, command.FailedMark, command.Cgroup]) start.ArgumentList.Add(argument);
        foreach (var argument in command.Command) start.ArgumentList.Add(argument);
        start.Environment.Clear();
        foreach (var (name, value) in command.Environment) start.Environment[name] = value;
        var process = Process.Start(start) ?? throw new InvalidOperationException("The process did not start.");
        // It waits for its first line, so it is there to be read.
        var group = new LiveGroup(process.Id, ProcStat.Read(process.Id)?.StartTime ?? 0);
        live.Add(group);
        try
        {
            process.StandardInput.BaseStream.Write("go\n"u8);
            process.StandardInput.Close();
        }
        catch (IOException)
        {
            // Somebody ended it already; its exit code will tell.
        }
        return new ProcessGroup(process, live, group);
    }

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
        _process.Dispose();
    }

    private async Task<int> ExitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }
}
