using System.Globalization;
using System.Runtime.InteropServices;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>Brings offers and workers together: holds the queues, the workers' sessions and their parked polls. It decides nothing
/// about tasks: the queue picks a step, and the step grants leases.</summary>
internal sealed partial class Dispatcher(EngineNode node, LeaseAssembly assembly)
{
    private static readonly ResourceSpec Nothing = new(0, 0, 0, 0);
    private static readonly TimeSpan SilentAfter = TimeSpan.FromMinutes(10);

    /// <summary>How long a worker that was told to end a task is not told again: it may take its grace.</summary>
    internal static readonly TimeSpan EndRepeat = TimeSpan.FromSeconds(2);

    /// <summary>How long after its last poll a worker counts as one that is there.</summary>
    private static readonly TimeSpan LiveFor = TimeSpan.FromMinutes(1);

    private readonly Dictionary<(string Namespace, string Queue), ReadyQueue> _queues = [];
    private readonly Dictionary<(string Namespace, string Queue), LeaseRate> _rates = [];
    private readonly Dictionary<StreamId, Offer> _offers = [];
    private readonly Dictionary<string, WorkerSession> _sessions = [];
    private readonly LinkedList<ParkedPoll> _parked = new();
    private bool _released;

    /// <summary>Takes a step's present offer, and gives what it offers to polls that wait.</summary>
    public void Put(Offer offer)
    {
        var idle = offer.Ready == 0 && offer.Running == 0;
        if (idle) _offers.Remove(offer.Step);
        else _offers[offer.Step] = offer;
        if (idle && !_queues.ContainsKey((offer.Step.Namespace, offer.Queue))) return;
        var queue = QueueOf(offer);
        if (offer.IsGang)
        {
            PutGang(offer);
            return;
        }
        queue.Put(offer);
        if (offer.Ready == 0) return;
        Match();
        if (queue.Count > 0) node.Unserved?.Invoke();
    }

    /// <summary>As <see cref="Put"/>, of an offer that is about to become durable. What polls that wait get of it is for the step to decide at once, so that it becomes
    /// durable in the same append.</summary>
    public IReadOnlyList<Work> PutAhead(Offer offer)
    {
        if (_parked.Count == 0 || offer.IsGang) return [];
        QueueOf(offer).Put(offer);
        List<Work> leasing = [];
        Match((parked, picks) =>
        {
            var count = picks.Where(p => p.Step == offer.Step).Sum(p => p.Count);
            if (count == 0) return picks;
            var ahead = Leasing(parked.Session, parked.Session.Boot!, count);
            leasing.Add(ahead);
            return [.. picks.Where(p => p.Step != offer.Step), new Pick(offer.Step, count, offer.Resources) { Grants = ahead.Done }];
        });
        return leasing;
    }

    /// <summary>Carries a step's effect to the worker that it concerns.</summary>
    public void Carry(Effect effect)
    {
        switch (effect)
        {
            case HoldLease hold:
                var holder = SessionOf(hold.Worker);
                // Whoever granted it may have been gone before the worker was told.
                if (holder.Leases.TryAdd(hold.Lease.Token, new SessionLease(hold.Lease, hold.Boot, Nothing))) node.Wanted?.Invoke(hold.Worker);
                holder.HearOf(hold.Boot);
                if (holder.Boot is { } boot && boot != hold.Boot && !BootId.IsBefore(boot, hold.Boot)) Lose(holder, hold.Boot);
                break;
            case EndLease { Void: true } end:
                if (_sessions.TryGetValue(end.Worker, out var former)) former.Leases.Remove(end.Lease.Token);
                break;
            case EndLease end:
                var session = SessionOf(end.Worker);
                if (!session.Leases.TryGetValue(end.Lease.Token, out var lease))
                    session.Leases[end.Lease.Token] = lease = new SessionLease(end.Lease, end.Boot, Nothing);
                lease.EndReason = end.Reason;
                if (session.Parked is null) node.Wanted?.Invoke(end.Worker);
                else LetGo(session);
                break;
            default:
                throw new InvalidOperationException($"Unknown effect {effect}.");
        }
    }

    public void Release()
    {
        _released = true;
        while (_parked.First is { } first) Unpark(first.Value, []);
    }

    /// <summary>These steps are another node's: they wait there, and their leases are renewed there.</summary>
    public void Leave(Func<StreamId, bool> isLost)
    {
        foreach (var offer in _offers.Values.Where(offer => isLost(offer.Step)).ToList()) Put(offer with { Ready = 0, Running = 0 });
        foreach (var session in _sessions.Values)
            foreach (var (token, _) in session.Leases.Where(lease => isLost(lease.Value.Held.Task.Stream)).ToList()) session.Leases.Remove(token);
    }

    public void ForgetSilent(DateTimeOffset now)
    {
        foreach (var session in _sessions.Values.Where(s => s.Parked is null && s.Leases.Count == 0 && now - s.LastSeen > SilentAfter).ToArray())
            _sessions.Remove(session.Worker);
        foreach (var key in _queues.Where(q => q.Value.Count == 0 && _offers.Values.All(o => (o.Step.Namespace, o.Queue) != q.Key)).Select(q => q.Key).ToArray())
        {
            _queues.Remove(key);
            _rates.Remove(key);
        }
    }

    public IReadOnlyList<WorkerInfo> Workers() =>
        [.. _sessions.Values.Where(s => s.Boot is not null).OrderBy(s => s.Worker, StringComparer.Ordinal)
            .Select(s => new WorkerInfo(s.Worker, s.Boot!, s.LastSeen, s.Capacity, s.Free, s.Leases.Count, s.Queues, s.Draining))];

    public IReadOnlyList<QueueInfo> Queues() =>
        [.. _queues.OrderBy(q => q.Key).Select(q =>
        {
            var offers = _offers.Values.Where(o => (o.Step.Namespace, o.Queue) == q.Key).ToList();
            return new QueueInfo(q.Key.Namespace, q.Key.Queue, offers.Count, q.Value.ReadyTasks + offers.Where(o => o.IsGang).Sum(o => (long)o.Ready), offers.Sum(o => o.Running));
        })];

    /// <summary>What stands between a ready task and a worker, in sentences; and about when it starts, as fast as its queue has gone lately, where that is known.</summary>
    /// <param name="own">Tasks of its step that go before it.</param>
    public (IReadOnlyList<string> Why, DateTimeOffset? ExpectedAt) WhyUnserved(Offer offer, int own)
    {
        var why = WhyUnserved(offer, out var isServed);
        if (!isServed || offer.IsGang) return (why, null);
        var before = QueueOf(offer).Before(offer.Step, own);
        var rate = _rates.TryGetValue((offer.Step.Namespace, offer.Queue), out var known) ? known.PerSecond(node.Uptime) : 0;
        if (rate <= 0) return ([.. why, string.Create(CultureInfo.InvariantCulture, $"About {before} tasks go before it. None of its queue has started in the last minute, so when it does cannot be said.")], null);
        var wait = TimeSpan.FromSeconds(Math.Min((before + 1) / rate, TimeSpan.FromDays(3650).TotalSeconds));
        return ([.. why, string.Create(CultureInfo.InvariantCulture, $"About {before} tasks go before it, and {rate:0.##} of its queue have started in a second lately.")], node.Now + wait);
    }

    private IReadOnlyList<string> WhyUnserved(Offer offer, out bool isServed)
    {
        isServed = false;
        var (queue, needs) = (offer.Queue, offer.Resources);
        var live = _sessions.Values.Where(s => s.Boot is not null && node.Now - s.LastSeen < LiveFor).ToList();
        if (live.Count == 0) return ["No worker is connected. Start one with: fanfare worker --server URL."];
        var staying = live.Where(s => s.TakesTasks).ToList();
        if (staying.Count == 0) return [$"All {live.Count} connected workers drain, and take no more tasks: {live[0].Draining ?? live[0].Cordon}."];
        live = staying;
        var serving = live.Where(s => s.Queues.Count == 0 || s.Queues.Contains(queue)).ToList();
        if (serving.Count == 0) return [$"None of the {live.Count} connected workers serves queue '{queue}'."];
        var large = serving.Where(s => needs.FitsIn(s.Capacity)).ToList();
        if (large.Count == 0) return [$"None of the {serving.Count} workers that serve queue '{queue}' is large enough for what the task needs."];
        isServed = true;
        if (offer.IsGang) return [.. WhyUnplaced(offer)];
        return large.Any(s => needs.FitsIn(s.Free))
            ? [$"{large.Count} workers could take it; others are before it in the queue."]
            : [$"All {large.Count} workers that could take it are busy."];
    }

    /// <summary>What ready tasks need that no worker has taken yet, those of a queue that need the same together.</summary>
    public IReadOnlyList<Demand> Demand()
    {
        var demand = new Dictionary<(string Namespace, string Queue, ResourceSpec Each), long>();
        foreach (var (key, queue) in _queues)
            foreach (var (each, ready) in queue.Waiting) CollectionsMarshal.GetValueRefOrAddDefault(demand, (key.Namespace, key.Queue, each), out _) += ready;
        return [.. demand.Select(each => new Demand(each.Key.Namespace, each.Key.Queue, each.Key.Each, each.Value)), .. _gangs.InOrder.Select(gang => new Demand(gang.Offer.Step.Namespace, gang.Offer.Queue, gang.Offer.Resources, gang.Size, IsGang: true))];
    }

    /// <summary>The worker takes no more tasks, and is told to end when it has none.</summary>
    public void Cordon(string worker, string reason)
    {
        var session = SessionOf(worker);
        session.Cordon ??= reason;
        if (!session.IsToDrain) return;
        if (session.Parked is null) node.Wanted?.Invoke(worker);
        else LetGo(session);
    }

    private ReadyQueue QueueOf(Offer offer)
    {
        var key = (offer.Step.Namespace, offer.Queue);
        return _queues.TryGetValue(key, out var queue) ? queue : _queues[key] = new ReadyQueue();
    }

    private WorkerSession SessionOf(string worker)
    {
        if (_sessions.TryGetValue(worker, out var session)) return session;
        return _sessions[worker] = new WorkerSession(worker) { LastSeen = node.Now };
    }

    // Gives what waits to polls that wait, in the order in which they came.
    private void Match(Func<ParkedPoll, List<Pick>, List<Pick>>? ahead = null)
    {
        for (var parked = _parked.First; parked is not null;)
        {
            var next = parked.Next;
            var picks = PickFor(parked.Value.Session, parked.Value.Free, parked.Value.Most);
            if (picks.Count > 0) Unpark(parked.Value, ahead?.Invoke(parked.Value, picks) ?? picks);
            parked = next;
        }
    }

    private List<Pick> PickFor(WorkerSession session, ResourceSpec free, int most)
    {
        if (!session.TakesTasks || IsKept(session)) return [];
        var picks = new List<Pick>();
        foreach (var (key, queue) in QueuesOf(session))
        {
            while (most > 0 && queue.Pick(free, most) is { } picked)
            {
                RateOf(key).Add(picked.Count, node.Uptime);
                picks.Add(new Pick(picked.Step, picked.Count, picked.Each));
                most -= picked.Count;
                for (var i = 0; i < picked.Count; i++) free = free.Minus(picked.Each);
            }
        }
        return picks;
    }

    private IEnumerable<KeyValuePair<(string Namespace, string Queue), ReadyQueue>> QueuesOf(WorkerSession session) =>
        session.Queues.Count == 0 ? _queues : session.Queues.SelectMany(name => _queues.Where(q => q.Key.Queue == name));

    private LeaseRate RateOf((string Namespace, string Queue) queue) => _rates.TryGetValue(queue, out var rate) ? rate : _rates[queue] = new LeaseRate();

    private void LetGo(WorkerSession session)
    {
        if (session.Parked is { } parked) Unpark(parked, []);
    }

    private void Unpark(ParkedPoll parked, IReadOnlyList<Pick> picks)
    {
        _parked.Remove(parked.Place);
        parked.Session.Parked = null;
        parked.Release(picks);
    }

    /// <summary>Nothing of the worker runs any more, whatever it held.</summary>
    public void Gone(string worker, string reason)
    {
        if (!_sessions.TryGetValue(worker, out var session)) return;
        LetGo(session);
        foreach (var boot in session.Leases.Values.Select(lease => lease.Boot).Distinct().ToList()) Lose(session, boot, reason);
        _sessions.Remove(worker);
    }

    // A new boot proves that what an older one held is gone.
    private void Lose(WorkerSession session, string boot) => Lose(session, boot, LossCauses.WorkerRestarted(session.Worker));

    private void Lose(WorkerSession session, string boot, string reason)
    {
        var lost = session.Leases.Values.Where(l => l.Boot == boot).ToList();
        foreach (var lease in lost) session.Leases.Remove(lease.Held.Token);
        foreach (var step in lost.Select(l => l.Held.Task.Stream).Distinct().Where(node.Owns))
        {
            node.Activate(step).Tell((StepEntity entity, in Moment moment) =>
                entity.WorkerGone(session.Worker, boot, reason, moment));
        }
    }
}
