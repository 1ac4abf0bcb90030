namespace Fanfare.Worker.Processes;

/// <summary>Processes that an earlier worker on the same directory left running, in case its guard died with it.</summary>
internal static class Leftovers
{
    /// <summary>New at every start of the machine, since process ids begin anew then.</summary>
    public static string MachineBoot()
    {
        try
        {
            return File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
        }
        catch (IOException)
        {
            return "unknown";
        }
    }

    /// <summary>Groups that the file lists as live.</summary>
    public static IReadOnlyCollection<LiveGroup> Read(string path)
    {
        var live = new HashSet<LiveGroup>();
        if (!File.Exists(path)) return live;
        var boot = "";
        foreach (var line in File.ReadLines(path))
        {
            if (line.StartsWith("boot ", StringComparison.Ordinal)) boot = line[5..];
            // The last line may be torn; what was not noted whole had not started.
            if (line.Length < 3 || !LiveGroup.TryParse(line[2..], out var group)) continue;
            if (line[0] == '+') live.Add(group);
            else if (line[0] == '-') live.Remove(group);
        }
        return boot == MachineBoot() ? live : [];
    }

    /// <summary>Ends what is left, and waits for a moment until it is gone. Returns how many groups there were.</summary>
    public static async Task<int> EndAsync(string path, string workMark, TimeProvider time, CancellationToken cancellationToken)
    {
        var left = Read(path).Where(g => g.Signal(Libc.SigKill)).ToList();
        MarkedProcesses.Kill($"{workMark}.", _ => true);
        var since = time.GetTimestamp();
        while (left.Exists(g => g.IsAlive) && time.GetElapsedTime(since) < TimeSpan.FromSeconds(2))
            await Task.Delay(TimeSpan.FromMilliseconds(10), time, cancellationToken);
        return left.Count;
    }
}
