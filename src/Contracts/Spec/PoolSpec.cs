namespace Fanfare.Contracts;

/// <summary>A pool: like machines that are started when tasks wait and ended when none do. One machine is one worker, whose name is the machine's id.</summary>
public sealed record PoolSpec
{
    /// <summary>Most machines that a pool may have.</summary>
    public const int MostMachines = 10_000;

    public required string Name { get; init; }

    /// <summary>Who makes its machines.</summary>
    public required PoolProvider Provider { get; init; }

    /// <summary>Queues whose tasks it is for, and that its workers serve, the preferred one first; empty for all.</summary>
    public IReadOnlyList<string> Queues { get => field ?? []; init; }

    /// <summary>What the worker of one machine offers to tasks, at least. A task that needs more is not for this pool.</summary>
    public required ResourceSpec Machine { get; init; }

    /// <summary>Machines that it has though nothing waits. 0 to <see cref="Max"/>, default 0.</summary>
    public int Min { get; init; }

    /// <summary>Machines that it never has more than, those on their way up or down among them. 1 to <see cref="MostMachines"/>.</summary>
    public required int Max { get; init; }

    /// <summary>Idle machines that it keeps ready for what comes next, beside those that are needed. 0 to <see cref="Max"/>, default 0.</summary>
    public int Spare { get; init; }

    /// <summary>How long a machine is idle before it is ended. 1 s to 1 day, default 1 min.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a machine may take from its launch until its worker is heard of; then it is ended, and another takes its place. 10 s to 1 day, default 10 min.</summary>
    public TimeSpan RegisterWithin { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Age at which a machine takes no more tasks, and ends with its last. 1 min to 365 days; null for none.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>With <see cref="PoolProvider.Ec2"/>: which machines.</summary>
    public Ec2PoolSpec? Ec2 { get; init; }
}

public enum PoolProvider
{
    /// <summary>Worker processes on the server's own machine.</summary>
    Local,

    /// <summary>Machines of EC2.</summary>
    Ec2,
}

/// <summary>Machines of EC2 that a pool is made of.</summary>
public sealed record Ec2PoolSpec
{
    /// <summary>Id or name of the launch template, and its version, as in <c>fanfare-gpu:7</c>.</summary>
    public required string Template { get; init; }

    /// <summary>Which machines, where; with <see cref="Needs"/> these say only where. At most <see cref="Offering.MostChoices"/>.</summary>
    public required IReadOnlyList<MachineChoice> Choices { get; init; }

    /// <summary>What machines have to have; null where they are named.</summary>
    public MachineNeeds? Needs { get; init; }

    /// <summary>How much of each launch is asked for as spot, in percent. 0 to 100, default 0.</summary>
    public int SpotPercent { get; init; }

    /// <summary>Whether what spot does not give is asked for on demand. Default: true.</summary>
    public bool OnDemandFallback { get; init; } = true;

    /// <summary>Most that one spot machine may cost an hour, in US dollars; null for whatever it costs.</summary>
    public decimal? MaxPrice { get; init; }

    /// <summary>Put onto each machine as tags, beside those of the pool itself.</summary>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}
