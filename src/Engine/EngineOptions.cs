using Fanfare.Contracts;

namespace Fanfare.Engine;

/// <summary>Settings of an engine node.</summary>
public sealed record EngineOptions
{
    /// <summary>How long a lease lasts without renewal. It outlasts the longest outage that running tasks are to survive.
    /// Default: 5 minutes.</summary>
    public TimeSpan LeaseTerm { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How much longer than the term the engine waits, for clocks that drift and requests on their way. Default: 15 s.</summary>
    public TimeSpan LeaseMargin { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>After how long without work an entity is put out of memory. Default: 60 s.</summary>
    public TimeSpan IdleAfter { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Entities that are kept in memory though they have nothing to do; of more, those that were not used for longest leave it before their time. Each takes a few
    /// kilobytes. Default: 20,000.</summary>
    public int MostAtRest { get; init; } = 20_000;

    /// <summary>How often streams that are due are looked for. Default: 5 s.</summary>
    public TimeSpan ScanEvery { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Events that are worth an append of their own beside the one before it of the same entity. Fewer wait until that one is durable, and what comes meanwhile goes with them. Default: 100, at least 1.</summary>
    public int HeavyAppend
    {
        get;
        init
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            field = value;
        }
    } = 100;

    /// <summary>Carries messages to another entity by calling what it is given, which returns when they are durable there. It may fail, and they may have arrived
    /// all the same; it may call twice, or late. Null for at once.</summary>
    public Func<StreamId, Func<Task>, Task>? Carrier { get; init; }

    /// <summary>Whether an entity is to be reached through <see cref="Carrier"/> alone: then what it makes of a message is durable after the message, never in one append
    /// with it. Null for none.</summary>
    public Func<StreamId, bool>? IsApart { get; init; }

    /// <summary>Whether the node is one of several that own the journal together. Then it has entities only of the shards that it was given (<see cref="EngineNode.GainAsync"/>).</summary>
    public bool IsOneOfSeveral { get; init; }

    /// <summary>Whether the node may say what it does not write, above all that a worker keeps its leases: what it owns may be another's when this is false. Null for always.</summary>
    public Func<bool>? IsHeld { get; init; }

    /// <summary>Whether the node tells what there is at it by gauges (docs/telemetry.md). What happens is counted in any case. Default: false.</summary>
    public bool IsMeasured { get; init; }

    /// <summary>Takes what is said to operators, in place of the node's own way of warning. Null for that.</summary>
    public IEngineLog? Log { get; init; }

    /// <summary>Takes what traces are made of. Null where none are kept, which costs nothing.</summary>
    public ITraces? Traces { get; init; }

    /// <summary>Events after which streams that never end are carried on by one event, in place of those before it. Null for what each kind of them has by default.</summary>
    public int? CarriedAfter { get; init; }

    /// <summary>Tells receivers of notices. Null where there are none: then every notice is a dead letter.</summary>
    public INotifier? Notifier { get; init; }

    /// <summary>Who makes machines of pools; null of what none here makes.</summary>
    public Func<PoolProvider, IInstanceProvider?>? ProviderOf { get; init; }

    /// <summary>The cluster's name, which its machines carry. Default: <c>fanfare</c>.</summary>
    public string Cluster { get; init; } = "fanfare";

    /// <summary>Seed of the node's chance (jitter). Random in production, drawn from the run's seed in simulation.</summary>
    public required ulong Seed { get; init; }
}
