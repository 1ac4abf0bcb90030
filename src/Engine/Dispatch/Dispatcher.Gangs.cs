using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

// Gangs are placed whole, on polls that wait, or not at all: none ever holds a part of what it needs, so two cannot wait for each other. One that has waited for long has workers kept for it, as many as
// could hold it: they get nothing else until it has started. Only the first in the line has that, and only while the workers that are there could hold it.
internal sealed partial class Dispatcher
{
    /// <summary>How long a gang waits for room to come by itself, before workers are kept for it.</summary>
    internal static readonly TimeSpan GangPatience = TimeSpan.FromSeconds(5);

    /// <summary>How long the choice of workers that are kept stands.</summary>
    private static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(1);

    /// <summary>How long a poll that another node sent after a gang is held here, in which others may come. That node waits for an answer for 2.5 s.</summary>
    private const int GatherMs = 1000;

    private readonly WaitingGangs _gangs = new();
    private HashSet<string> _kept = [];
    private TimeSpan _keptAt = -KeptFor;
    private bool _isKeeping;

    private void PutGang(Offer offer)
    {
        _gangs.Put(offer, node.Uptime);
        if (offer.Ready == 0) return;
        PlaceGangs();
        if (_gangs.Count == 0) return;
        node.Unserved?.Invoke();
        if (_isKeeping || !node.Options.IsOneOfSeveral) return;
        _isKeeping = true;
        node.Start(KeepAsync);
    }

    // The other nodes learn which workers are kept, as long as they are.
    private async Task KeepAsync()
    {
        while (_gangs.Count > 0 && !_released)
        {
            await node.DelayAsync(KeptFor);
            if (Kept() is { Count: > 0 } kept && FirstPatient() is { } gang) node.Keeps?.Invoke(new KeptWorkers(node.Now - (node.Uptime - gang.Since), [.. kept]));
        }
        _isKeeping = false;
    }

    private void PlaceGangs()
    {
        foreach (var gang in _gangs.InOrder)
        {
            // The largest first: a gang's tasks speak to each other.
            var rooms = _parked.Where(poll => Serves(poll.Session, gang) && IsFreeFor(poll.Session, gang)).Select(poll => (Poll: poll, Room: Math.Min(poll.Most, gang.Offer.Resources.TimesIn(poll.Free))));
            if (gang.Fit(rooms.OrderByDescending(place => place.Room)) is { } places) Place(gang, places);
        }
    }

    private void Place(WaitingGang gang, IReadOnlyList<(ParkedPoll Poll, int Count)> places)
    {
        _gangs.Remove(gang);
        _keptAt = -KeptFor;
        var rooms = places.Select(place => new GangPlace(place.Poll.Session.Worker, place.Poll.Session.Boot!, place.Count)).ToList();
        var leasing = new Work<StepEntity, IReadOnlyDictionary<string, List<Grant>>>("system", (StepEntity step, in Moment moment) =>
            step.LeaseGang(rooms, moment).GroupBy(step.WorkerOf).ToDictionary(worker => worker.Key, worker => worker.ToList()));
        node.Activate(gang.Offer.Step).Enqueue(leasing);
        foreach (var (poll, count) in places)
            Unpark(poll, [new Pick(gang.Offer.Step, count, gang.Offer.Resources) { Grants = PartOf(leasing.Done, poll.Session.Worker) }]);
    }

    private static async Task<IReadOnlyList<Grant>> PartOf(Task<IReadOnlyDictionary<string, List<Grant>>> granted, string worker) =>
        (await granted).TryGetValue(worker, out var its) ? its : [];

    /// <summary>Whether the worker gets nothing now but what it is kept for.</summary>
    private bool IsKept(WorkerSession session) => _gangs.Count > 0 && Kept().Contains(session.Worker);

    private bool IsFreeFor(WorkerSession session, WaitingGang gang) => !IsKept(session) || FirstPatient() == gang;

    private HashSet<string> Kept()
    {
        if (_gangs.Count == 0) return [];
        var now = node.Uptime;
        if (now - _keptAt < KeptFor) return _kept;
        _keptAt = now;
        // Those with the most room first: a worker that is kept only gains room, so the choice stays.
        _kept = FirstPatient() is { } gang && gang.Fit(Live(gang).OrderByDescending(session => gang.Offer.Resources.TimesIn(session.Free)).ThenBy(session => session.Worker, StringComparer.Ordinal)
            .Select(session => (session, RoomWhenIdle(session, gang)))) is { } places
            ? [.. places.Select(place => place.Place.Worker)]
            : [];
        return _kept;
    }

    // The first in the line that has waited for long and that could be held at all.
    private WaitingGang? FirstPatient() => _gangs.InOrder.FirstOrDefault(gang => node.Uptime - gang.Since >= GangPatience && CouldStart(gang));

    private bool CouldStart(WaitingGang gang) => gang.Fit(Live(gang).Select(session => (session, RoomWhenIdle(session, gang)))) is not null;

    private static int RoomWhenIdle(WorkerSession session, WaitingGang gang) => Math.Min(session.MostLeases, gang.Offer.Resources.TimesIn(session.Capacity));

    private IEnumerable<WorkerSession> Live(WaitingGang gang) =>
        _sessions.Values.Where(session => session.Boot is not null && node.Now - session.LastSeen < LiveFor && Serves(session, gang));

    private static bool Serves(WorkerSession session, WaitingGang gang) => session.Queues.Count == 0 || session.Queues.Contains(gang.Offer.Queue);

    private string? AddressOf(GangGrant gang) => _sessions.TryGetValue(gang.FirstWorker, out var first) && first.Boot is not null ? first.Address : null;

    private IEnumerable<string> WhyUnplaced(Offer offer)
    {
        var gang = new WaitingGang(offer, node.Uptime);
        var live = Live(gang).ToList();
        var (now, idle) = (live.Sum(session => (long)Math.Max(0, offer.Resources.TimesIn(session.Free))), live.Sum(session => (long)Math.Max(0, RoomWhenIdle(session, gang))));
        yield return $"The {live.Count} connected workers that serve queue '{offer.Queue}' have room for {Math.Min(now, idle)} of its {offer.Ready} tasks at the moment, and for {idle} when nothing else runs on them.";
        if (idle < offer.Ready) yield return "That is too little at any time: start more workers, or larger ones.";
        else if (FirstPatient() is { } first) yield return first.Offer.Step == offer.Step ? "Workers are kept free for it." : "Workers are kept free for a gang that is before it.";
    }

    // A worker that waits at another node is offered here for a moment only; a gang needs several at the same time.
    private int GatherMsOf(WorkerSession session, ResourceSpec free) =>
        node.Options.IsOneOfSeveral && _gangs.Count > 0 && _gangs.InOrder.Any(gang => Serves(session, gang) && gang.Offer.Resources.FitsIn(free) && CouldStart(gang)) ? GatherMs : 0;
}
