using System.ComponentModel;
using System.Diagnostics;

namespace Fanfare.Pools.Local;

/// <summary>A command in a session of its own that holds still until it is told to go. If whoever started it dies before, its input ends, and it ends without having done anything: so nothing ever runs that was not noted.</summary>
internal sealed class HeldProcess : IDisposable
{
    // The file that says that it went is there before the command runs, and never if it does not. A redirection that fails ends the shell.
    private const string Hold = """
        IFS= read -r go || exit 125
        exec </dev/null >>"$1" 2>&1
        : >"$2" || exit 125
        shift 2
        exec "$@"
        """;

    private readonly Stream _input;

    private HeldProcess(Process process, ulong startTime)
    {
        (Id, StartTime) = (process.Id, startTime);
        _input = process.StandardInput.BaseStream;
        Exited = ExitAsync(process);
    }

    public int Id { get; }

    public ulong StartTime { get; }

    /// <summary>Its exit code; 128 and the signal's number when a signal ended it.</summary>
    public Task<int> Exited { get; }

    /// <summary>Path of setsid.</summary>
    /// <exception cref="PlatformNotSupportedException">Processes cannot be started here as machines are; says what is missing.</exception>
    public static string FindSetsid()
    {
        if (!OperatingSystem.IsLinux()) throw new PlatformNotSupportedException("Local pools run on Linux only. Start the server on a Linux machine, or in a container.");
        if (!File.Exists("/bin/sh")) throw new PlatformNotSupportedException("Local pools need /bin/sh. Install a POSIX shell there.");
        foreach (var directory in (string[])["/usr/bin", "/bin", "/usr/local/bin"])
            if (File.Exists($"{directory}/setsid")) return $"{directory}/setsid";
        throw new PlatformNotSupportedException("Local pools need setsid, which is not in /usr/bin, /bin or /usr/local/bin. Install util-linux.");
    }

    /// <param name="directory">Where it runs.</param>
    /// <param name="log">What its output is appended to.</param>
    /// <param name="went">The file that says that it went.</param>
    /// <exception cref="Win32Exception">The system refused to start it.</exception>
    public static HeldProcess Start(string setsid, LocalCommand command, string mark, string directory, string log, string went, ProcessTable processes)
    {
        var start = new ProcessStartInfo(setsid) { UseShellExecute = false, RedirectStandardInput = true, WorkingDirectory = directory };
        foreach (var argument in (string[])["/bin/sh", "-c", Hold, "fanfare-instance", log, went, command.Program]) start.ArgumentList.Add(argument);
        foreach (var argument in command.Arguments) start.ArgumentList.Add(argument);
        foreach (var (name, value) in command.Environment)
        {
            if (value is null) start.Environment.Remove(name);
            else start.Environment[name] = value;
        }
        start.Environment[ProcessTable.Mark] = mark;
        var process = Process.Start(start) ?? throw new InvalidOperationException("The process did not start.");
        // It waits for its first line, so it is there to be read, if nobody killed it meanwhile.
        return new HeldProcess(process, processes.Read(process.Id)?.StartTime ?? 0);
    }

    public void Go()
    {
        try
        {
            _input.Write("go\n"u8);
            _input.Flush();
        }
        catch (IOException)
        {
            // Somebody ended it already; its exit code will tell.
        }
    }

    /// <summary>Ends it if it was not told to go, and leaves it alone otherwise.</summary>
    public void Dispose() => _input.Dispose();

    private static async Task<int> ExitAsync(Process process)
    {
        // The runtime looks at the end of its children itself, so none stays as a zombie.
        using (process)
        {
            await process.WaitForExitAsync().ConfigureAwait(false);
            return process.ExitCode;
        }
    }
}
