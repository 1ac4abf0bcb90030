using System.Diagnostics;

namespace Fanfare.Pools.Local;

/// <summary>All that is known of launches and their machines: what the files say, once what a crash left open is settled. Not safe for several threads.</summary>
internal sealed class Known
{
    /// <summary>How long a process whose starter died may take to go or to end; it does one of them as soon as it gets to run.</summary>
    private static readonly TimeSpan Held = TimeSpan.FromSeconds(5), Killed = TimeSpan.FromSeconds(5), Look = TimeSpan.FromMilliseconds(5);

    private readonly ProcessTable _processes;

    private Known(LocalFiles files, ProcessTable processes)
    {
        (Files, _processes) = (files, processes);
        Boot = processes.Boot();
    }

    public LocalFiles Files { get; }

    /// <summary>Names this start of the machine.</summary>
    public string Boot { get; }

    public Dictionary<string, LocalLaunch> Launches { get; } = new(StringComparer.Ordinal);

    public IEnumerable<LocalMachine> Machines => Launches.Values.SelectMany(l => l.Machines.Values);

    /// <exception cref="IOException">The files cannot be read or written.</exception>
    public static async Task<Known> LoadAsync(LocalOptions options, TimeProvider clock, ProcessTable processes, CancellationToken cancellationToken)
    {
        var known = new Known(new LocalFiles(options.Directory), processes);
        var marked = processes.Marked(known.Files.Id);
        foreach (var token in known.Files.Tokens(options.Log)) await known.LoadAsync(token, marked, options.Log, clock.GetUtcNow(), cancellationToken).ConfigureAwait(false);
        var live = known.Machines.Where(m => m.File.GoneAt is null && known.IsLive(m.File)).Select(m => m.File.Id).ToHashSet();
        foreach (var stray in marked.Where(m => !live.Contains(m.Instance) && processes.Read(m.Pid)?.StartTime == m.StartTime))
        {
            // Held ones end by themselves; one that runs has lost its files by somebody else's hand, and nobody would ever end it.
            ProcessTable.Signal(-stray.Pid, ProcessTable.SigKill);
            options.Log($"Ended process {stray.Pid}, a worker named {stray.Instance}, of which {options.Directory} knows nothing.");
        }
        return known;
    }

    public LocalMachine? Find(string id, string cluster) => Machines.FirstOrDefault(m => m.File.Id == id && m.File.Cluster == cluster);

    /// <summary>Whether a machine's process is there, and is the one that was started.</summary>
    public bool IsLive(InstanceFile file) => file.Boot == Boot && _processes.Read(file.Pid) is { IsLive: true } stat && stat.StartTime == file.StartTime;

    /// <summary>What the ids of a launch begin with: short, and no other launch's.</summary>
    public string Prefix(string pool, string token)
    {
        for (var digits = 8; ; digits += 4)
        {
            var prefix = $"{pool}-{token[..digits]}";
            // Of pools whose names end as other prefixes do, too.
            if (digits == token.Length || (Launches.Values.All(l => l.File?.Prefix != prefix) && !Machines.Any(m => m.File.Id.StartsWith(prefix + "-", StringComparison.Ordinal)))) return prefix;
        }
    }

    private async Task LoadAsync(string token, IReadOnlyList<MarkedProcess> marked, Action<string> log, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var launch = new LocalLaunch(token) { File = Files.Read(token, out var fault) };
        foreach (var number in Files.Numbers(token))
            if (await MachineAsync(launch, number, marked, log, now, cancellationToken).ConfigureAwait(false) is { } file)
                launch.Machines.Add(number, new LocalMachine(token, number, file) { IsCleaned = !Directory.Exists(Files.Machine(token, number)) });
        if (launch.File is null && launch.Machines.Count == 0)
        {
            // Whoever began it died before it was noted, so nothing was made.
            Files.Remove(token, log);
            return;
        }
        if (launch.File is null) log($"{fault ?? $"{Files.LaunchPath(token)} is not there."} What the launch made is known; the launch cannot be repeated.");
        Launches.Add(token, launch);
    }

    /// <summary>What is known of a machine; null when it was not started, and can be.</summary>
    private async Task<InstanceFile?> MachineAsync(LocalLaunch launch, int number, IReadOnlyList<MarkedProcess> marked, Action<string> log, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var file = Files.Read(launch.Token, number, out var fault);
        var went = Files.Went(launch.Token, number);
        if (file is not null)
        {
            if (file.GoneAt is not null || File.Exists(went) || await WentAsync(file, went, cancellationToken).ConfigureAwait(false)) return file;
            File.Delete(Files.InstancePath(launch.Token, number));
            return null;
        }
        // Not noted, and so not let go: its process, if there was one, held still until its starter died.
        if (!File.Exists(went) && (fault is null || Directory.Exists(Files.Machine(launch.Token, number))))
        {
            if (fault is not null) File.Delete(Files.InstancePath(launch.Token, number));
            return null;
        }
        // It went, and what was noted of it is lost.
        var prefix = launch.File?.Prefix;
        if (prefix is null)
        {
            log($"{fault ?? $"{Files.InstancePath(launch.Token, number)} is not there."} Neither is what was asked for, so this machine is not known any more.");
            return null;
        }
        var id = $"{prefix}-{number}";
        var found = marked.FirstOrDefault(m => m.Instance == id);
        var request = launch.File!.Request;
        file = new InstanceFile
        {
            Id = id,
            Cluster = request.Cluster,
            Pool = request.Pool,
            Pid = found?.Pid ?? 0,
            StartTime = found?.StartTime ?? 0,
            Boot = Boot,
            LaunchedAt = request.AskedAt,
            Labels = request.Labels,
            GoneAt = found is null ? now : null,
            Ended = found is null ? "its process is gone" : null,
        };
        Files.Write(launch.Token, number, file);
        log($"{fault ?? $"{Files.InstancePath(launch.Token, number)} was not there."} It is written anew: {(found is null ? "no process of the machine is there" : $"its process, {found.Pid}, was found by its mark")}.");
        return file;
    }

    /// <summary>Whether a machine that was noted went, which is open while its process is there: it reads the word to go, or the end of its input.</summary>
    private async Task<bool> WentAsync(InstanceFile file, string went, CancellationToken cancellationToken)
    {
        var since = Stopwatch.StartNew();
        var isKilled = false;
        while (IsLive(file))
        {
            if (File.Exists(went)) return true;
            if (!isKilled && since.Elapsed > Held)
            {
                ProcessTable.Signal(file.Pid, ProcessTable.SigKill);
                isKilled = true;
            }
            if (since.Elapsed > Held + Killed) throw new IOException($"Process {file.Pid} of {file.Id} does not end, though it was killed.");
            await Task.Delay(Look, cancellationToken).ConfigureAwait(false);
        }
        return File.Exists(went);
    }
}
