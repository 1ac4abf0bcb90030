using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What comes in with a command, since Core has no clock and draws no chance.</summary>
/// <param name="Now">The deciding node's time.</param>
/// <param name="Actor">Who gave the command.</param>
/// <param name="Entropy">Random bits, new for each command.</param>
/// <param name="Incarnation">The journal's, for fencing tokens.</param>
/// <param name="Uptime">The deciding node's monotonic time. Leases are counted by it: a step of the wall clock must not end them.</param>
public readonly record struct Moment(DateTimeOffset Now, string Actor, ulong Entropy, string Incarnation, TimeSpan Uptime);

/// <summary>A message waiting in an entity's outbox until its receiver has made it durable.</summary>
public readonly record struct OutboxMessage(long Sequence, StreamId Target, EntityMessage Message);

/// <summary>An entity: the state of one stream. Commands decide events through <see cref="Emit"/>, which applies each at once;
/// <see cref="Replay"/> applies stored ones. Nothing else changes durable state. Single-threaded.</summary>
public abstract class Entity
{
    private readonly Dictionary<StreamId, List<OutboxMessage>> _outbox = [];
    private readonly HashSet<StreamId> _unsent = [];
    private readonly Dictionary<StreamId, long> _watermarks = [];
    private List<JournalEvent> _emitted = [];
    private List<Row> _rows = [];
    private long _carriedAt;
    private long _outboxSequence;
    private long _acknowledged;

    protected Entity(StreamId id) => Id = id;

    public StreamId Id { get; }

    /// <summary>Sequence of the last event applied.</summary>
    public long Sequence { get; private set; }

    /// <summary>Sequence of the last event that makes those before it needless; 0 for none.</summary>
    public long CarriedAt => _carriedAt;

    /// <summary>Whether a message waits to be acknowledged.</summary>
    public bool HasOutbox => _outbox.Count > 0;

    /// <summary>Targets that got a message since the last call.</summary>
    public IReadOnlyList<StreamId> TakeUnsent()
    {
        if (_unsent.Count == 0) return [];
        var targets = _unsent.ToArray();
        _unsent.Clear();
        return targets;
    }

    /// <summary>Place of the last message that was put into the outbox.</summary>
    public long OutboxSequence => _outboxSequence;

    /// <summary>Messages to one target not yet acknowledged, the first <paramref name="most"/> in order.</summary>
    /// <param name="upTo">No message after this place: what is not durable yet must not be told.</param>
    public IReadOnlyList<OutboxMessage> OutboxTo(StreamId target, int most, long upTo = long.MaxValue)
    {
        if (!_outbox.TryGetValue(target, out var messages)) return [];
        var count = Math.Min(most, messages.Count);
        while (count > 0 && messages[count - 1].Sequence > upTo) count--;
        return messages.GetRange(0, count);
    }

    /// <summary>When a takeover must wake this stream for its own sake (outbox apart); null for never.
    /// <see cref="DateTimeOffset.MinValue"/>: at once.</summary>
    public abstract DateTimeOffset? DurableDue { get; }

    /// <summary>How long until <see cref="Tick"/> has something to do, volatile deadlines included; null for never.</summary>
    public abstract TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime);

    /// <summary>The stream's own row of the read model, as the present state gives it; null where there is none.</summary>
    public abstract Row? CurrentRow { get; }

    /// <summary>Does what is due: timers, backoff, leases that ran out.</summary>
    public abstract void Tick(in Moment moment);

    /// <summary>Takes messages that another entity sent, in the sender's order. Those had before are dropped.</summary>
    public void Receive(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment)
    {
        var watermark = _watermarks.GetValueOrDefault(sender);
        var fresh = messages.Where(m => m.Sequence > watermark).ToList();
        if (fresh.Count > 0) Handle(sender, fresh, moment);
    }

    /// <summary>Applies stored events of an activation.</summary>
    /// <param name="acknowledged">Outbox messages up to this sequence were delivered, and are not made again.</param>
    /// <exception cref="JournalFormatException">An event does not fit those before it, or the run that it belongs to.</exception>
    public void Replay(IEnumerable<JournalEvent> events, long acknowledged)
    {
        _acknowledged = acknowledged;
        foreach (var e in events) ApplyStored(e);
        // Without a wake row everything was acknowledged (MaxValue); what is sent from now on is not.
        _acknowledged = Math.Min(acknowledged, _outboxSequence);
    }

    /// <summary>Events and rows decided since the last call, for one append.</summary>
    public (IReadOnlyList<JournalEvent> Events, IReadOnlyList<Row> Rows) TakeDecided()
    {
        CollectRows(_rows);
        var decided = (_emitted, _rows);
        if (_emitted.Count > 0) _emitted = [];
        if (_rows.Count > 0) _rows = [];
        return decided;
    }

    /// <summary>Events decided and not yet taken.</summary>
    public int DecidedCount => _emitted.Count;

    /// <summary>The receiver has made these messages durable.</summary>
    public void Acknowledge(StreamId target, long upTo)
    {
        if (!_outbox.TryGetValue(target, out var messages)) return;
        messages.RemoveAll(m => m.Sequence <= upTo);
        if (messages.Count == 0) _outbox.Remove(target);
    }

    /// <summary>The wake row that belongs to the present state; null when nothing needs to wake this stream.</summary>
    public Wake? WakeRow
    {
        get
        {
            var due = HasOutbox ? DateTimeOffset.MinValue : DurableDue;
            return due is { } at ? new Wake(at, AcknowledgedUpTo()) : null;
        }
    }

    // A lower bound will do: what is sent again is dropped by its receiver. So many targets are not searched for the exact one.
    private long AcknowledgedUpTo()
    {
        if (_outbox.Count == 0) _acknowledged = _outboxSequence;
        else if (_outbox.Count <= 64) _acknowledged = _outbox.Values.Min(m => m[0].Sequence) - 1;
        return _acknowledged;
    }

    protected abstract void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment);

    /// <summary>The only mutator of durable state.</summary>
    protected abstract void Apply(JournalEvent entry);

    /// <summary>Rows that follow from an event just applied; called for new events only, never in replay.</summary>
    protected abstract void Project(JournalEvent entry, List<Row> rows);

    /// <summary>Rows written once an append, whatever the number of its events.</summary>
    protected abstract void CollectRows(List<Row> rows);

    /// <summary>Called before an event is applied; what a projection needs of the state before it.</summary>
    protected virtual void BeforeApply(JournalEvent entry)
    {
    }

    /// <summary>Whether so many events have come since the stream was carried last that it is to be again, and no message is on its way.</summary>
    protected bool IsCarriedAfter(int events) => !HasOutbox && Sequence - _carriedAt >= events;

    /// <summary>Fills in what every entity has to carry.</summary>
    protected TEvent Carrying<TEvent>(Func<long, IReadOnlyList<SenderPlace>, TEvent> carried)
        where TEvent : CarriedEvent => carried(_outboxSequence, [.. _watermarks.Select(place => new SenderPlace(place.Key, place.Value)).OrderBy(place => place.Sender.ToString(), StringComparer.Ordinal)]);

    protected void Emit(Event e, in Moment moment)
    {
        var entry = new JournalEvent(Sequence + 1, moment.Now, moment.Actor, e);
        BeforeApply(entry);
        ApplyNext(entry);
        _emitted.Add(entry);
        Project(entry, _rows);
    }

    /// <summary>A time as exact as the journal keeps it: what follows from an event's time is to be the same after a replay.</summary>
    protected static DateTimeOffset Stored(DateTimeOffset at) => at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond));

    /// <summary>Puts a message into the outbox; only from <see cref="Apply"/>, so that replay makes the same ones.</summary>
    protected void Send(StreamId target, EntityMessage message)
    {
        _outboxSequence++;
        if (_outboxSequence <= _acknowledged) return;
        if (!_outbox.TryGetValue(target, out var messages)) _outbox[target] = messages = [];
        messages.Add(new OutboxMessage(_outboxSequence, target, message));
        _unsent.Add(target);
    }

    // Apply trusts what this code once decided. Stored bytes are no such thing: they may have been damaged, or written by a newer release.
    private void ApplyStored(JournalEvent entry)
    {
        try
        {
            ApplyNext(entry);
        }
        catch (Exception exception) when (exception is not JournalFormatException)
        {
            throw new JournalFormatException($"Event {entry.Sequence} of {Id}, {entry.Event.GetType().Name}, does not fit what the stream holds before it: {exception.Message}", exception);
        }
    }

    // What comes first when the stream is read; decided on its own stream, it changes nothing.
    private void Carry(long sequence, CarriedEvent carried)
    {
        if (Sequence == 0) Sequence = sequence - 1;
        (_carriedAt, _outboxSequence) = (sequence, carried.Sent);
        _watermarks.Clear();
        foreach (var place in carried.Received) _watermarks[place.Sender] = place.Sequence;
    }

    private void ApplyNext(JournalEvent entry)
    {
        if (entry.Event is CarriedEvent carried) Carry(entry.Sequence, carried);
        if (entry.Sequence != Sequence + 1)
            throw new InvalidOperationException($"Stream {Id} has event {entry.Sequence} after {Sequence}: the history has a gap.");
        Sequence = entry.Sequence;
        if (entry.Event is ReceivedEvent { Sender: { } sender } received) _watermarks[sender] = received.SenderSequence;
        Apply(entry);
    }
}
