namespace Fanfare.Chaos.Faults;

/// <summary>The faults of one target, one after another, all drawn from the seed: neither time nor what happens meanwhile changes them. Lanes
/// run beside each other, so faults of different targets overlap.</summary>
/// <param name="restMax">Seconds between two faults, at most.</param>
internal sealed class FaultLane(string target, int seed, TimeSpan leaseTerm, double restMax, IReadOnlyList<FaultKind> kinds)
{
    private readonly Random _random = new(seed);
    private readonly Queue<FaultKind> _bag = new();
    private int _rounds;

    public string Target => target;

    public Fault Next()
    {
        if (_bag.Count == 0) Fill();
        var kind = _bag.Dequeue();
        var after = Seconds(0.3, restMax);
        return kind switch
        {
            FaultKind.KillServer or FaultKind.KillWorker or FaultKind.KillAll or FaultKind.DrainServer or FaultKind.DrainWorker or FaultKind.KillStore or FaultKind.KillBlobs =>
                new Fault(kind, after, Seconds(0, 2), 0),
            FaultKind.FreezeWorkerPastLease or FaultKind.CutPastLease or FaultKind.FreezeServerPastLease => new Fault(kind, after, (leaseTerm * 1.75) + Seconds(1.5, 4), 0),
            FaultKind.Delay => new Fault(kind, after, Seconds(2, 6), _random.Next(20, 1500)),
            FaultKind.ResetReplies => new Fault(kind, after, Seconds(2, 6), _random.Next(1, 400)),
            FaultKind.StepClock => new Fault(kind, after, TimeSpan.Zero, _random.Next(5, 90) * (_random.Next(2) == 0 ? 1 : -1)),
            _ => new Fault(kind, after, Seconds(0.5, 5), 0),
        };
    }

    // Every kind comes twice in a round, and a long one early in every other round: a short campaign has seen them all.
    private void Fill()
    {
        var round = kinds.Where(k => !IsLong(k)).SelectMany(k => (FaultKind[])[k, k]).ToArray();
        _random.Shuffle(round);
        var order = round.ToList();
        foreach (var kind in kinds.Where(k => IsLong(k) && _rounds % 2 == 0)) order.Insert(_random.Next(1, 6), kind);
        foreach (var kind in order) _bag.Enqueue(kind);
        _rounds++;
    }

    private static bool IsLong(FaultKind kind) => kind is FaultKind.FreezeServerPastLease or FaultKind.FreezeWorkerPastLease or FaultKind.CutPastLease;

    private TimeSpan Seconds(double from, double to) => TimeSpan.FromSeconds(from + (_random.NextDouble() * (to - from)));
}
