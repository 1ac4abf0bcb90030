namespace Fanfare.Engine;

internal sealed partial class Dispatcher
{
    /// <summary>How many workers there are, and what they take.</summary>
    public WorkerCounts Count()
    {
        var (live, silent, used, free) = (0, 0, 0, 0);
        foreach (var session in _sessions.Values)
        {
            if (session.Boot is null) continue;
            if (node.Now - session.LastSeen >= LiveFor)
            {
                silent++;
                continue;
            }
            live++;
            used += session.Leases.Count;
            free += Math.Max(0, session.MostLeases - session.Leases.Count);
        }
        return new WorkerCounts(live, silent, used, free, _parked.Count);
    }
}
