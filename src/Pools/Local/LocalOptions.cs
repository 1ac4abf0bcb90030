namespace Fanfare.Pools.Local;

/// <summary>Where the machines of this machine are kept, and how one is started.</summary>
public sealed record LocalOptions
{
    /// <summary>Where launches are remembered and workers have their directories. One process at a time may use it: it belongs into a directory that its user has locked, as a server has its data directory.</summary>
    public required string Directory { get; init; }

    /// <summary>What is to be run as a machine. Called right before the start, and not remembered: secrets may stand in its environment.</summary>
    public required Func<LocalStart, LocalCommand> Command { get; init; }

    /// <summary>Ends what the tasks of a worker that is dead left running, given its work directory. Called once it is dead and did not end in order, and again after it failed; until it has succeeded the machine counts as ending.</summary>
    public required Func<string, CancellationToken, Task> Sweep { get; init; }

    /// <summary>From SIGTERM to SIGKILL; 0 to 1 day. A worker that is told to end gives its tasks their grace.</summary>
    public TimeSpan KilledAfter { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>How long one that ended is listed, and its directory with its log kept; 0 to 30 days.</summary>
    public TimeSpan ShownFor { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Takes lines for the operator: what was found damaged, and what was done about it. From any thread; must be quick and not throw.</summary>
    public Action<string> Log { get; init; } = _ => { };

    /// <summary>How long after it was first asked for a repeated launch still starts what it lacks. Launches are remembered for an hour longer, for clocks that are set back.</summary>
    internal TimeSpan RepeatWithin { get; init; } = TimeSpan.FromHours(24);

    internal TimeSpan RememberedFor => RepeatWithin + TimeSpan.FromHours(1);

    /// <exception cref="ArgumentException">Names the field, the rule and what to set.</exception>
    internal void Check()
    {
        if (string.IsNullOrWhiteSpace(Directory)) throw new ArgumentException($"{nameof(Directory)} of local pools is empty. Name a directory that this process alone uses.");
        if (KilledAfter < TimeSpan.Zero || KilledAfter > TimeSpan.FromDays(1)) throw new ArgumentException($"{nameof(KilledAfter)} of local pools is {KilledAfter}. Set it to 0 to 1 day.");
        if (ShownFor < TimeSpan.Zero || ShownFor > TimeSpan.FromDays(30)) throw new ArgumentException($"{nameof(ShownFor)} of local pools is {ShownFor}. Set it to 0 to 30 days.");
    }
}

/// <summary>A worker that is to be started.</summary>
/// <param name="Id">The machine's id, which has to be the worker's name: letters, digits, '-' and '_', at most 128.</param>
/// <param name="WorkDirectory">Absolute, there, and its own.</param>
/// <param name="Cores">To offer; null for what the machine has.</param>
/// <param name="MemoryMiB">MiB to offer; null for what the machine has.</param>
/// <param name="Gpus">To offer; null for what the machine has.</param>
/// <param name="Labels">Of the launch; <c>queues</c> among them, with commas between them.</param>
public sealed record LocalStart(string Id, string Pool, string WorkDirectory, int? Cores, long? MemoryMiB, int? Gpus, IReadOnlyDictionary<string, string> Labels);

/// <summary>A command.</summary>
/// <param name="Program">A path, or a name that is found along PATH.</param>
public sealed record LocalCommand(string Program, IReadOnlyList<string> Arguments)
{
    /// <summary>Variables over those of this process; null takes one away.</summary>
    public IReadOnlyDictionary<string, string?> Environment { get; init; } = new Dictionary<string, string?>();
}
