using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A trigger that needs several events: which of them it has. The newest of each source counts. When there is one of each, and none lies further back than the trigger allows, a run starts and all are used up.</summary>
/// <param name="carriedAfter">Events after which all that it has come to is said by one, and those before it are removed.</param>
public sealed class TriggerEntity(StreamId id, int carriedAfter = TriggerEntity.CarriedAfter) : Entity(id)
{
    /// <summary>As many as it remembers: what is carried is about as large as what it stands for.</summary>
    public const int CarriedAfter = MostRemembered;

    /// <summary>Events remembered as taken: one that comes again, since its sender did not hear that it had arrived, is known among so many that came after it.</summary>
    private const int MostRemembered = 1000;

    private readonly SortedDictionary<int, HadEvent> _had = [];
    private readonly HashSet<string> _taken = [];
    private readonly Queue<string> _order = new();
    private TriggerSpec? _spec;
    private int _deployment;

    public override DateTimeOffset? DurableDue => null;

    /// <summary>What it has, as far as that is for the same sources as now.</summary>
    public IReadOnlyList<HadEvent> HeldFor(TriggerSpec spec) => HasSameSources(spec) ? [.. _had.Values] : [];

    public override Row? CurrentRow => null;

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => null;

    public override void Tick(in Moment moment)
    {
    }

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment)
    {
        foreach (var (_, _, message) in messages)
        {
            if (message is not TakeEvent take) throw new InvalidOperationException($"Trigger {Id} was sent {message.GetType().Name}, which no trigger takes.");
            // What an older deployment's trigger took is not this one's, when what it listens to has changed since.
            if (_taken.Contains(take.Id) || (take.Deployment < _deployment && !HasSameSources(take.Held.Spec))) continue;
            Take(take, moment);
        }
        if (IsCarriedAfter(carriedAfter)) Emit(Carrying((sent, received) => new TriggerCarried(_deployment, _spec!, [.. _had.Values], [.. _order]) { Sent = sent, Received = received }), moment);
    }

    protected override void Apply(JournalEvent entry)
    {
        if (entry.Event is TriggerCarried carried)
        {
            ApplyCarried(carried);
            return;
        }
        if (entry.Event is not TriggerTook e) throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a trigger.");
        if (e.Spec is { } spec)
        {
            if (!HasSameSources(spec)) _had.Clear();
            _spec = spec;
        }
        if (_spec is null) throw new JournalFormatException($"Trigger {Id} took an event before it was known what it listens to.");
        _deployment = e.Deployment;
        Remember(e.Id);
        _had[e.Source] = HadEventOf(e);
        if (e.Fired is not { } run) return;
        var (flow, name) = Id.TriggerName;
        Send(StreamId.Run(Id.Namespace, run), new BeginRun(
            flow, e.Deployment, TriggerMatch.Merge(_spec.Parameters, _had.Values.Select(had => had.Parameters)), TriggerMatch.TagsOf(_spec), _spec.Priority,
            new RunCause(Trigger: name, Events: [.. _had.Values.Select(had => had.Id)])));
        _had.Clear();
    }

    protected override void Project(JournalEvent entry, List<Row> rows)
    {
    }

    protected override void CollectRows(List<Row> rows)
    {
    }

    private void ApplyCarried(TriggerCarried e)
    {
        (_deployment, _spec) = (e.Deployment, e.Spec);
        _had.Clear();
        foreach (var had in e.Had) _had[had.Source] = had;
        _taken.Clear();
        _order.Clear();
        foreach (var taken in e.Taken) Remember(taken);
    }

    private static HadEvent HadEventOf(TriggerTook e) => new(e.Source, e.Id, e.PublishedAt, e.Parameters);

    private void Take(TakeEvent take, in Moment moment)
    {
        var isNews = take.Deployment > _deployment && !Equals(_spec, take.Held.Spec);
        var spec = isNews ? take.Held.Spec : _spec!;
        var took = new TriggerTook(take.Id, take.At, take.Held.Source, take.Held.Parameters, Math.Max(take.Deployment, _deployment), isNews ? spec : null, null);
        var have = isNews && !HasSameSources(spec) ? [] : new SortedDictionary<int, HadEvent>(_had);
        have[took.Source] = HadEventOf(took);
        var (flow, name) = Id.TriggerName;
        Emit(IsWhole(spec, have) ? took with { Fired = RunIds.OfTrigger(Id.Namespace, flow, name, have.Values.Select(had => had.Id)) } : took, moment);
    }

    // One that lies too far back stays until a newer one takes its place: clocks of several servers published them, and the next may lie closer to it.
    private static bool IsWhole(TriggerSpec spec, SortedDictionary<int, HadEvent> have) =>
        have.Count == spec.Sources.Count && have.Values.Max(had => had.PublishedAt) - have.Values.Min(had => had.PublishedAt) <= spec.Within;

    private void Remember(string id)
    {
        if (_taken.Add(id)) _order.Enqueue(id);
        if (_order.Count > MostRemembered) _taken.Remove(_order.Dequeue());
    }

    private bool HasSameSources(TriggerSpec spec) => _spec is { } known && known.Sources.Count == spec.Sources.Count && known.Sources.Zip(spec.Sources).All(pair => pair.First.Origin == pair.Second.Origin);
}
