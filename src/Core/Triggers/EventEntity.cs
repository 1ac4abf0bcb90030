using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>One event: what it says, and what it came to at every trigger that listened. Its first append publishes it, so it is published once; what starts follows from it, and starts once.</summary>
public sealed class EventEntity(StreamId id) : Entity(id)
{
    private readonly List<TriggerOutcome> _outcomes = [];
    private readonly HashSet<TriggerName> _changed = [];
    private EventPublished? _published;
    private string _actor = "";
    private DateTimeOffset _at;
    private bool _rowDue;

    public override DateTimeOffset? DurableDue => null;

    public override Row? CurrentRow => _published is not { } e ? null : new EventRow(Id.Namespace, Id.Name, e.Origin, e.Payload, e.Key, _actor, _at, [.. _outcomes]);

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => null;

    /// <summary>What it is about, its payload, and what it should have started and could not.</summary>
    /// <exception cref="RefusedException">There is no such event.</exception>
    public (EventOrigin Origin, string Payload, IReadOnlyList<TriggerName> Dead) Read() =>
        (Published.Origin, Published.Payload, [.. _outcomes.Where(outcome => outcome.Result == TriggerResult.Failed).Select(outcome => outcome.Of())]);

    /// <summary>Publishes it; what was published before stands.</summary>
    public Published Publish(EventOrigin origin, string payload, string? key, IReadOnlyList<TriggerOutcome> outcomes, in Moment moment)
    {
        var isNew = _published is null;
        if (isNew) Emit(new EventPublished(origin, payload, key, outcomes), moment);
        return new Published(Id.Name, isNew, [.. _outcomes]);
    }

    /// <summary>What could not start a run has been tried again. What is no dead letter any more is passed over.</summary>
    public IReadOnlyList<TriggerOutcome> Redrive(IReadOnlyList<TriggerOutcome> outcomes, in Moment moment)
    {
        var dead = Read().Dead;
        List<TriggerOutcome> tried = [.. outcomes.Where(outcome => dead.Contains(outcome.Of()))];
        if (tried.Count > 0) Emit(new EventRedriven(tried), moment);
        return tried;
    }

    /// <summary>Dismisses what could not start a run, of these triggers.</summary>
    public IReadOnlyList<TriggerOutcome> Dismiss(Func<TriggerName, bool> isMeant, in Moment moment)
    {
        List<TriggerName> dismissed = [.. Read().Dead.Where(isMeant)];
        if (dismissed.Count > 0) Emit(new DeadLettersDismissed(dismissed), moment);
        return [.. _outcomes.Where(outcome => dismissed.Contains(outcome.Of()))];
    }

    public override void Tick(in Moment moment)
    {
    }

    // Who listens has to be looked up first, which the shell does (EventEntity.Publish): what is there already has had it.
    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment)
    {
        if (_published is null) throw new RefusedException(RefusalKind.Busy, "FAN0008", $"Event {Id} is not published yet.");
    }

    protected override void Apply(JournalEvent entry)
    {
        switch (entry.Event)
        {
            case EventPublished e:
                (_published, _actor, _at) = (e, entry.Actor, Stored(entry.At));
                _outcomes.AddRange(e.Outcomes);
                foreach (var outcome in e.Outcomes) Follow(outcome);
                break;
            case EventRedriven e:
                foreach (var outcome in e.Outcomes)
                {
                    _outcomes[IndexOf(outcome.Of())] = outcome;
                    Follow(outcome);
                }
                break;
            case DeadLettersDismissed e:
                foreach (var trigger in e.Triggers)
                {
                    var index = IndexOf(trigger);
                    _outcomes[index] = _outcomes[index] with { Result = TriggerResult.Dismissed };
                    _changed.Add(trigger);
                }
                break;
            default:
                throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of an event.");
        }
        _rowDue = true;
    }

    protected override void Project(JournalEvent entry, List<Row> rows)
    {
        // Of the first one nobody was told yet; what did not fail has nothing that a row would have to go for.
        foreach (var trigger in _changed)
        {
            var outcome = _outcomes[IndexOf(trigger)];
            if (entry.Event is EventPublished && outcome.Result != TriggerResult.Failed) continue;
            rows.Add(new DeadLetterRow(Id.Namespace, Id.Name, trigger.Flow, trigger.Trigger, Published.Origin, entry.At, outcome.Result == TriggerResult.Failed ? outcome.Reason : null));
        }
        _changed.Clear();
    }

    protected override void CollectRows(List<Row> rows)
    {
        if (!_rowDue || CurrentRow is not { } row) return;
        _rowDue = false;
        rows.Add(row);
    }

    private void Follow(TriggerOutcome outcome)
    {
        _changed.Add(outcome.Of());
        if (outcome.Start is { } start)
            Send(StreamId.Run(Id.Namespace, start.Run), new BeginRun(outcome.Flow, outcome.Deployment, start.Parameters, start.Tags, start.Priority, new RunCause(Trigger: outcome.Trigger, Events: [Id.Name])));
        else if (outcome.Held is { } held)
            Send(StreamId.Trigger(Id.Namespace, outcome.Flow, outcome.Trigger), new TakeEvent(Id.Name, _at, outcome.Deployment, held));
    }

    private int IndexOf(TriggerName trigger)
    {
        var index = _outcomes.FindIndex(outcome => outcome.Of() == trigger);
        return index >= 0 ? index : throw new JournalFormatException($"Event {Id} came to nothing at trigger {trigger.Trigger} of flow {trigger.Flow}, of which more is said.");
    }

    private EventPublished Published => _published ?? throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no event '{Id.Name}' in namespace '{Id.Namespace}'.");
}
