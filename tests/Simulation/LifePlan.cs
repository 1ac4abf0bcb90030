using Fanfare.Contracts;
using Fanfare.Simulation.Cluster;

namespace Fanfare.Simulation;

/// <summary>What one life is made of. With the seed alone, everything is drawn.</summary>
internal sealed record LifePlan(ulong Seed)
{
    /// <summary>The flows that are run; null draws them.</summary>
    public IReadOnlyList<FlowSpec>? Flows { get; init; }

    /// <summary>Names of drawn flows that are run; null for all of them.</summary>
    public IReadOnlySet<string>? OnlyFlows { get; init; }

    /// <summary>Strikes that come to pass; null for all that are drawn.</summary>
    public IReadOnlySet<string>? OnlyStrikes { get; init; }

    /// <summary>No faults and no operators, but for the crash point.</summary>
    public bool Calm { get; init; }

    public CrashPoint? CrashPoint { get; init; }
}
