namespace Fanfare.Contracts;

/// <summary>Something has happened, and what came of it: the event's first event.</summary>
/// <param name="Payload">JSON object.</param>
/// <param name="Key">Idempotency key, from which the event's id follows; null without one.</param>
/// <param name="Outcomes">For every trigger that listened.</param>
public sealed record EventPublished(EventOrigin Origin, string Payload, string? Key, IReadOnlyList<TriggerOutcome> Outcomes) : Event;

/// <summary>What could not start a run was tried again.</summary>
/// <param name="Outcomes">Each in the place of what the same trigger came to before.</param>
public sealed record EventRedriven(IReadOnlyList<TriggerOutcome> Outcomes) : Event;

/// <summary>What these triggers could not do is not to be tried again.</summary>
public sealed record DeadLettersDismissed(IReadOnlyList<TriggerName> Triggers) : Event;

/// <summary>Nothing starts runs by the trigger until it is resumed. The event's actor did it.</summary>
public sealed record TriggerPaused(string Trigger, string? Reason) : Event;

/// <summary>Events that came while it was paused are left out.</summary>
public sealed record TriggerResumed(string Trigger) : Event;

/// <summary>A trigger that needs several events has one more of them.</summary>
/// <param name="Id">The event's id.</param>
/// <param name="PublishedAt">When it was published.</param>
/// <param name="Source">Place of its source in the trigger's.</param>
/// <param name="Parameters">JSON object of what the source maps.</param>
/// <param name="Deployment">Of which the trigger is as it is now.</param>
/// <param name="Spec">How it is, where that is news; null otherwise.</param>
/// <param name="Fired">Id of the run that starts, since all are there now; null while some are missing.</param>
public sealed record TriggerTook(
    string Id, DateTimeOffset PublishedAt, int Source, string Parameters, int Deployment, TriggerSpec? Spec, string? Fired) : Event;

/// <summary>All that a trigger which needs several events has come to.</summary>
/// <param name="Had">What it has, of each source at most one.</param>
/// <param name="Taken">Ids of events that it remembers as taken, the oldest first.</param>
public sealed record TriggerCarried(int Deployment, TriggerSpec Spec, IReadOnlyList<HadEvent> Had, IReadOnlyList<string> Taken) : CarriedEvent;

/// <summary>An event that a trigger has, which needs others beside it.</summary>
/// <param name="Source">Place of its source in the trigger's.</param>
/// <param name="Parameters">JSON object of what the source maps.</param>
public sealed record HadEvent(int Source, string Id, DateTimeOffset PublishedAt, string Parameters);

/// <summary>What an event is about.</summary>
/// <param name="Name">The event's name; of a run's end, the flow's.</param>
public sealed record EventOrigin(EventKind Kind, string Name);

public enum EventKind
{
    /// <summary>Somebody published it.</summary>
    Event,

    /// <summary>A run has ended.</summary>
    RunEnd,
}

/// <summary>A trigger, by its flow.</summary>
public readonly record struct TriggerName(string Flow, string Trigger);

/// <summary>What an event came to at one trigger.</summary>
/// <param name="Deployment">The deployment that has the trigger so.</param>
/// <param name="Start">What starts, when something does.</param>
/// <param name="Held">What a trigger is told that needs several events.</param>
/// <param name="Reason">Why nothing starts, for people; null where something does, or may.</param>
public sealed record TriggerOutcome(
    string Flow, string Trigger, int Deployment, TriggerResult Result, TriggeredStart? Start = null, HeldEvent? Held = null, string? Reason = null)
{
    /// <summary>Which trigger it is.</summary>
    public TriggerName Of() => new(Flow, Trigger);
}

public enum TriggerResult
{
    /// <summary>A run starts.</summary>
    Started,

    /// <summary>The trigger needs more, and has this now.</summary>
    Held,

    /// <summary>The payload is not what the trigger listens for.</summary>
    Filtered,

    /// <summary>The trigger is paused.</summary>
    Paused,

    /// <summary>A run should start, and cannot: a dead letter.</summary>
    Failed,

    /// <summary>It had failed, and somebody has dismissed that.</summary>
    Dismissed,
}

/// <param name="Run">Id of the run.</param>
/// <param name="Parameters">JSON object, without the flow's defaults.</param>
public sealed record TriggeredStart(string Run, string Parameters, IReadOnlyList<string> Tags, int Priority);

/// <param name="Source">Place of the source in the trigger's.</param>
/// <param name="Parameters">JSON object of what the source maps.</param>
public sealed record HeldEvent(int Source, string Parameters, TriggerSpec Spec);
