namespace Fanfare.Engine;

/// <summary>Since when the ready tasks of a step wait. It is told only how many there are and how many were leased: those that have waited longest are taken for the ones that were leased.</summary>
internal sealed class WaitTimes
{
    /// <summary>Arrivals that are kept apart; what comes beyond counts as having come with the last of them.</summary>
    private const int MostKept = 256;

    private readonly Queue<Arrival> _arrivals = new();
    private Arrival? _last;
    private int _ready;

    /// <summary>Since when the one waits that has waited longest, by the node's uptime; null when none does.</summary>
    public TimeSpan? Oldest => _arrivals.TryPeek(out var first) ? first.Since : null;

    /// <summary>Takes note of what a batch changed, and times the waits that it ended.</summary>
    /// <param name="ready">Tasks that could start when it was decided.</param>
    /// <param name="leased">Tasks that it leased.</param>
    /// <param name="decidedAt">By the node's uptime.</param>
    /// <param name="now">When it had become durable, by the node's uptime.</param>
    public void Change(int ready, int leased, TimeSpan decidedAt, TimeSpan now)
    {
        var came = ready - _ready + leased;
        if (came > 0) Enter(decidedAt, came);
        Leave(leased, now);
        // Paused, cancelled or skipped.
        if (_ready > ready) Leave(_ready - ready, leasedAt: null);
    }

    private void Enter(TimeSpan since, int count)
    {
        if (_last is null || _arrivals.Count < MostKept) _arrivals.Enqueue(_last = new Arrival(since));
        _last.Left += count;
        _ready += count;
    }

    private void Leave(int count, TimeSpan? leasedAt)
    {
        while (count > 0 && _arrivals.TryPeek(out var first))
        {
            var some = Math.Min(count, first.Left);
            if (leasedAt is { } now) EngineInstruments.Waited(now - first.Since, some);
            (first.Left, _ready, count) = (first.Left - some, _ready - some, count - some);
            if (first.Left == 0) _arrivals.Dequeue();
        }
    }

    /// <summary>Tasks that became ready at one time.</summary>
    private sealed class Arrival(TimeSpan since)
    {
        public TimeSpan Since => since;

        public int Left { get; set; }
    }
}
