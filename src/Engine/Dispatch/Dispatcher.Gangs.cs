using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

// Tells the rules of gangs (WaitingGangs) of the workers and polls that are there, and does what they say.
internal sealed partial class Dispatcher
{
    /// <summary>How long a poll that another node sent after a gang is held here, in which others may come. That node waits for an answer for 2.5 s.</summary>
    private const int GatherMs = 1000;

    private readonly WaitingGangs _gangs = new();
    private bool _isKeeping;

    // Made anew whenever it is walked through, which the rules do only when they have something to decide.
    private IEnumerable<GangWorker> Live => _sessions.Values.Where(session => session.Boot is not null && session.TakesTasks && node.Now - session.LastSeen < LiveFor)
        .Select(session => new GangWorker(session.Worker, session.Queues, session.Capacity, session.Free, session.MostLeases));

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
            await node.DelayAsync(WaitingGangs.KeptFor);
            if (_gangs.Kept(Live, node.Uptime) is { Count: > 0 } kept && _gangs.FirstPatient(Live, node.Uptime) is { } gang)
                node.Keeps?.Invoke(new KeptWorkers(node.Now - (node.Uptime - gang.Since), [.. kept]));
        }
        _isKeeping = false;
    }

    private void PlaceGangs()
    {
        var polls = _parked.Select(poll => new GangPoll(poll.Session.Worker, poll.Session.Queues, poll.Free, poll.Most));
        foreach (var (gang, places) in _gangs.Place(polls, Live, node.Uptime)) Start(gang.Offer, [.. places.Select(place => (_sessions[place.Worker].Parked!, place.Count))]);
    }

    private void Start(Offer offer, IReadOnlyList<(ParkedPoll Poll, int Count)> places)
    {
        var rooms = places.Select(place => new GangPlace(place.Poll.Session.Worker, place.Poll.Session.Boot!, place.Count)).ToList();
        var leasing = new Work<StepEntity, IReadOnlyDictionary<string, List<Grant>>>("system", (StepEntity step, in Moment moment) =>
            step.LeaseGang(rooms, moment).GroupBy(step.WorkerOf).ToDictionary(worker => worker.Key, worker => worker.ToList()));
        node.Activate(offer.Step).Enqueue(leasing);
        foreach (var (poll, count) in places)
            Unpark(poll, [new Pick(offer.Step, count, offer.Resources) { Grants = PartOf(leasing.Done, poll.Session.Worker) }]);
    }

    private static async Task<IReadOnlyList<Grant>> PartOf(Task<IReadOnlyDictionary<string, List<Grant>>> granted, string worker) =>
        (await granted).TryGetValue(worker, out var its) ? its : [];

    /// <summary>Whether the worker gets nothing now but what it is kept for.</summary>
    private bool IsKept(WorkerSession session) => _gangs.Count > 0 && _gangs.IsKept(session.Worker, Live, node.Uptime);

    private string? AddressOf(GangGrant gang) => _sessions.TryGetValue(gang.FirstWorker, out var first) && first.Boot is not null ? first.Address : null;

    private IEnumerable<string> WhyUnplaced(Offer offer)
    {
        var (workers, now, idle) = new WaitingGang(offer, node.Uptime).RoomOn(Live);
        yield return $"The {workers} connected workers that serve queue '{offer.Queue}' have room for {Math.Min(now, idle)} of its {offer.Ready} tasks at the moment, and for {idle} when nothing else runs on them.";
        if (idle < offer.Ready) yield return "That is too little at any time: start more workers, or larger ones.";
        else if (_gangs.FirstPatient(Live, node.Uptime) is { } first) yield return first.Offer.Step == offer.Step ? "Workers are kept free for it." : "Workers are kept free for a gang that is before it.";
    }

    // A worker that waits at another node is offered here for a moment only; a gang needs several at the same time.
    private int GatherMsOf(WorkerSession session, ResourceSpec free) => node.Options.IsOneOfSeveral && _gangs.Count > 0 && _gangs.Want(session.Queues, free, Live) ? GatherMs : 0;
}
