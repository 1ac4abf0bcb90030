using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>Appends of one or more entities on their way together: all become durable, or none does.</summary>
internal sealed class Flight
{
    /// <summary>Entities in one flight.</summary>
    private const int MostLegs = 32;

    private readonly List<Leg?> _legs = [];
    private readonly TaskCompletionSource _down = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private List<Task>? _others;

    public bool IsFull => _legs.Count >= MostLegs;

    public IEnumerable<Leg> Legs => _legs.Select(leg => leg!);

    public IReadOnlyList<Append> Appends => [.. Legs.Select(leg => leg.Append)];

    public Leg this[int seat]
    {
        set => _legs[seat] = value;
    }

    /// <summary>It leaves while these are still under way, and lands after them.</summary>
    public void Follow(IReadOnlyList<Flight> others)
    {
        if (others.Count > 0) (_others ??= []).AddRange(others.Select(other => other._down.Task));
    }

    /// <summary>Completes when all that it follows are down.</summary>
    public Task OthersDown() => _others is null ? Task.CompletedTask : Task.WhenAll(_others);

    public void IsDown() => _down.SetResult();

    /// <summary>Takes the next place, so that who sends comes before whom it takes along.</summary>
    public int Take()
    {
        _legs.Add(null);
        return _legs.Count - 1;
    }
}

/// <summary>One entity's part of a flight, and what it lets out when it has landed.</summary>
/// <param name="Outbox">Place of the last message that it makes durable.</param>
/// <param name="Unsent">Whom it has messages for that did not come along.</param>
internal sealed record Leg(Activation Activation, Entity Entity, IReadOnlyList<Work> Works, Append Append, long Outbox, IReadOnlyList<Effect> Effects, IReadOnlyList<StreamId> Unsent)
{
    /// <summary>Tasks of a step that could start.</summary>
    public int Ready { get; init; }

    /// <summary>By the node's uptime.</summary>
    public TimeSpan DecidedAt { get; init; }
}
