using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Gangs that wait for room for all of their tasks at once: higher priority first, then who came first. Derived from steps' offers, like a <see cref="ReadyQueue"/>.</summary>
/// <remarks>Gangs are placed whole, on polls that wait, or not at all: none ever holds a part of what it needs, so two cannot wait for each other. One that has waited for long has workers
/// kept for it, as many as could hold it: they get nothing else until it has started. Only the first in the line has that, and only while the workers that are there could hold it.</remarks>
public sealed class WaitingGangs
{
    /// <summary>How long a gang waits for room to come by itself, before workers are kept for it.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>How long the choice of workers that are kept stands.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(1);

    private readonly List<WaitingGang> _inOrder = [];
    private HashSet<string> _kept = [];
    private TimeSpan _keptAt = -KeptFor;

    public IReadOnlyList<WaitingGang> InOrder => _inOrder;

    public int Count => _inOrder.Count;

    /// <summary>Takes a step's present offer in place of its former one; one without ready tasks withdraws it.</summary>
    /// <param name="uptime">The node's, from which a gang that is new counts its wait.</param>
    public void Put(Offer offer, TimeSpan uptime)
    {
        var at = _inOrder.FindIndex(gang => gang.Offer.Step == offer.Step);
        if (at >= 0 && offer.Ready > 0 && _inOrder[at].Offer.Priority == offer.Priority)
        {
            _inOrder[at] = _inOrder[at] with { Offer = offer };
            return;
        }
        var since = at >= 0 ? _inOrder[at].Since : uptime;
        if (at >= 0) _inOrder.RemoveAt(at);
        if (offer.Ready <= 0) return;
        var behind = _inOrder.FindIndex(gang => gang.Offer.Priority < offer.Priority);
        _inOrder.Insert(behind < 0 ? _inOrder.Count : behind, new WaitingGang(offer, since));
    }

    /// <summary>Takes the gangs out of the line for which the polls have room, and says where each starts. A step's next offer says if it waits again.</summary>
    /// <param name="polls">At most one of each worker, in the order in which they came.</param>
    /// <param name="workers">All that are there.</param>
    public IReadOnlyList<GangStart> Place(IEnumerable<GangPoll> polls, IEnumerable<GangWorker> workers, TimeSpan uptime)
    {
        if (_inOrder.Count == 0) return [];
        List<GangPoll> waiting = [.. polls];
        List<GangStart> starts = [];
        foreach (var gang in _inOrder.ToList())
        {
            if (gang.PlacesOn(waiting.Where(poll => IsFreeFor(poll.Worker, gang, workers, uptime))) is not { } places) continue;
            _inOrder.Remove(gang);
            // Another may be the first in the line now.
            _keptAt = -KeptFor;
            waiting.RemoveAll(poll => places.Any(place => place.Worker == poll.Worker));
            starts.Add(new GangStart(gang, places));
        }
        return starts;
    }

    /// <summary>Whether the worker gets nothing now but what it is kept for.</summary>
    public bool IsKept(string worker, IEnumerable<GangWorker> workers, TimeSpan uptime) => Kept(workers, uptime).Contains(worker);

    /// <summary>Workers that get nothing now but the first gang that has waited for long.</summary>
    public IReadOnlySet<string> Kept(IEnumerable<GangWorker> workers, TimeSpan uptime)
    {
        if (_inOrder.Count == 0) return new HashSet<string>();
        if (uptime - _keptAt < KeptFor) return _kept;
        _keptAt = uptime;
        _kept = [.. FirstPatient(workers, uptime)?.ToBeKept(workers) ?? []];
        return _kept;
    }

    /// <summary>The first in the line that has waited for long and that the workers could hold at all.</summary>
    public WaitingGang? FirstPatient(IEnumerable<GangWorker> workers, TimeSpan uptime) => _inOrder.Find(gang => uptime - gang.Since >= Patience && gang.CouldStart(workers));

    /// <summary>Whether a gang that could start waits for room like this.</summary>
    public bool Want(IReadOnlyList<string> queues, ResourceSpec free, IEnumerable<GangWorker> workers) =>
        _inOrder.Exists(gang => gang.IsServedBy(queues) && gang.Offer.Resources.FitsIn(free) && gang.CouldStart(workers));

    private bool IsFreeFor(string worker, WaitingGang gang, IEnumerable<GangWorker> workers, TimeSpan uptime) => !IsKept(worker, workers, uptime) || FirstPatient(workers, uptime) == gang;
}
