using System.Diagnostics;
using System.Globalization;

namespace Fanfare.Worker.Tests.Fakes;

/// <summary>Looks at real processes.</summary>
public static class Procs
{
    /// <summary>Whether a process runs; a zombie does not.</summary>
    public static bool IsRunning(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    public static async Task GoneAsync(int pid, double seconds = 20)
    {
        var clock = Stopwatch.StartNew();
        while (IsRunning(pid))
        {
            if (clock.Elapsed.TotalSeconds > seconds) throw new TimeoutException($"Process {pid} still runs after {seconds} s: {File.ReadAllText($"/proc/{pid}/cmdline").Replace('\0', ' ')}");
            await Task.Delay(10);
        }
    }

    /// <summary>Waits for a file that holds a number, written with a rename or a line end.</summary>
    public static async Task<int> PidFromAsync(string path, double seconds = 60)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed.TotalSeconds < seconds)
        {
            if (File.Exists(path) && await File.ReadAllTextAsync(path) is { } text && text.EndsWith('\n') && int.TryParse(text.Trim(), CultureInfo.InvariantCulture, out var pid)) return pid;
            await Task.Delay(10);
        }
        throw new TimeoutException($"No process id came in {path} within {seconds} s.");
    }

    public static void Kill(int pid, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", pid.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
    }
}
