using Fanfare.Contracts;

namespace Fanfare.Core;

/// <param name="Since">When it came, by the node's uptime.</param>
public sealed record WaitingGang(Offer Offer, TimeSpan Since)
{
    public int Size => Offer.Ready;

    /// <summary>Whether a worker of these queues, none for all, takes its tasks.</summary>
    public bool IsServedBy(IReadOnlyList<string> queues) => queues.Count == 0 || queues.Contains(Offer.Queue);

    /// <summary>How many of its tasks the worker has room for when it has nothing else.</summary>
    public int RoomWhenIdle(GangWorker worker) => Math.Min(worker.MostLeases, Offer.Resources.TimesIn(worker.Capacity));

    /// <summary>Whether the workers have room for it when they have nothing else.</summary>
    public bool CouldStart(IEnumerable<GangWorker> workers) => Fit(Serving(workers).Select(worker => (worker, RoomWhenIdle(worker)))) is not null;

    /// <summary>As many workers as could hold it. Those with the most room now come first: one that is kept only gains room, so the choice stays when it is made again.</summary>
    public IReadOnlyList<string>? ToBeKept(IEnumerable<GangWorker> workers) =>
        Fit(Serving(workers).OrderByDescending(worker => Offer.Resources.TimesIn(worker.Free)).ThenBy(worker => worker.Name, StringComparer.Ordinal)
            .Select(worker => (worker.Name, RoomWhenIdle(worker)))) is { } places ? [.. places.Select(place => place.Place)] : null;

    /// <summary>Places on polls that wait; null when they have no room for all of it. The largest first: a gang's tasks speak to each other.</summary>
    public IReadOnlyList<(string Worker, int Count)>? PlacesOn(IEnumerable<GangPoll> polls) =>
        Fit(polls.Where(poll => IsServedBy(poll.Queues)).Select(poll => (poll.Worker, Room: Math.Min(poll.Most, Offer.Resources.TimesIn(poll.Free)))).OrderByDescending(place => place.Room));

    /// <summary>What the workers that serve its queue have room for.</summary>
    public GangRoom RoomOn(IEnumerable<GangWorker> workers)
    {
        var serving = Serving(workers).ToList();
        return new GangRoom(serving.Count, serving.Sum(worker => (long)Math.Max(0, Offer.Resources.TimesIn(worker.Free))), serving.Sum(worker => (long)Math.Max(0, RoomWhenIdle(worker))));
    }

    /// <summary>Finds room for all of its tasks; null when there is not enough.</summary>
    /// <param name="places">Each with how many tasks it has room for, those to be taken first in front.</param>
    public IReadOnlyList<(T Place, int Count)>? Fit<T>(IEnumerable<(T Place, int Room)> places)
    {
        var (left, taken) = (Size, new List<(T, int)>());
        foreach (var (place, room) in places)
        {
            if (room <= 0) continue;
            taken.Add((place, Math.Min(left, room)));
            if ((left -= room) <= 0) return taken;
        }
        return null;
    }

    private IEnumerable<GangWorker> Serving(IEnumerable<GangWorker> workers) => workers.Where(worker => IsServedBy(worker.Queues));
}

/// <summary>A worker that is there.</summary>
/// <param name="Queues">Those that it serves; none for all.</param>
/// <param name="MostLeases">How many tasks it takes when it has none.</param>
public readonly record struct GangWorker(string Name, IReadOnlyList<string> Queues, ResourceSpec Capacity, ResourceSpec Free, int MostLeases);

/// <summary>A worker's poll that waits: it takes up to <paramref name="Most"/> tasks for which there is room in <paramref name="Free"/>.</summary>
public readonly record struct GangPoll(string Worker, IReadOnlyList<string> Queues, ResourceSpec Free, int Most);

/// <summary>A gang that starts now, and how many of its tasks on which worker.</summary>
public sealed record GangStart(WaitingGang Gang, IReadOnlyList<(string Worker, int Count)> Places);

/// <param name="Workers">How many serve its queue.</param>
/// <param name="Now">How many of its tasks they have room for at the moment.</param>
/// <param name="Idle">How many when they have nothing else.</param>
public readonly record struct GangRoom(int Workers, long Now, long Idle);
