using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Fanfare.Postgres;

/// <summary>
/// All processes of one server. They are in sessions of their own, and outlive the postmaster for a while; but each has the cluster's name in its command line: the
/// postmaster in the path of the data, the others in their title.
/// </summary>
public sealed partial class ServerProcesses(string cluster)
{
    private const int NoSuchProcess = 3;

    private const char Stopped = 'T', Gone = 'Z';

    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    private readonly byte[] _name = Encoding.UTF8.GetBytes(cluster);

    /// <summary>Those that live. A zombie has no command line.</summary>
    public IReadOnlyList<int> Live() => [.. Directory.EnumerateDirectories("/proc")
        .Where(d => char.IsAsciiDigit(Path.GetFileName(d)[0]) && Read(d + "/cmdline").AsSpan().IndexOf(_name) >= 0)
        .Select(d => int.Parse(Path.GetFileName(d), CultureInfo.InvariantCulture))];

    public Task GoneAsync() => UntilAsync(() => Live().Count == 0, "The end of all of the server's processes");

    internal static async Task UntilAsync(Func<bool> done, string what)
    {
        for (var until = DateTime.UtcNow + Limit; !done(); await Task.Delay(Look))
            if (DateTime.UtcNow > until) throw new TimeoutException($"{what} did not come within {Limit.TotalSeconds} s.");
    }

    /// <summary>Stops all, and returns when they stand still.</summary>
    internal async Task FreezeAsync(int postmaster)
    {
        // The postmaster first: then no process comes while the others are stopped.
        Send(postmaster, Signal.Stop);
        await UntilAsync(() => StandsStill(postmaster), "The postmaster's standstill");
        var others = Live();
        foreach (var process in others) Send(process, Signal.Stop);
        await UntilAsync(() => others.All(StandsStill), "The standstill of the server's processes");
    }

    /// <summary>Lets all go on, and returns when none stands still.</summary>
    internal async Task ThawAsync()
    {
        var all = Live();
        foreach (var process in all) Send(process, Signal.Continue);
        await UntilAsync(() => !all.Any(p => State(p) == Stopped), "The thaw of the server's processes");
    }

    internal static void Send(int process, Signal signal)
    {
        if (Kill(process, (int)signal) != 0 && Marshal.GetLastPInvokeError() is not NoSuchProcess and var error)
            throw new InvalidOperationException($"kill({process}, {signal}) failed with errno {error}.");
    }

    private static bool StandsStill(int process) => State(process) is Stopped or Gone;

    // "id (title) state …"
    private static char State(int process)
    {
        var stat = Encoding.UTF8.GetString(Read($"/proc/{process}/stat"));
        return stat.Length == 0 ? Gone : stat[stat.LastIndexOf(')') + 2];
    }

    private static byte[] Read(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return []; // It ended meanwhile, or is another user's.
        }
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);

    internal enum Signal
    {
        Interrupt = 2,
        Quit = 3,
        Kill = 9,
        Continue = 18,
        Stop = 19,
    }
}
