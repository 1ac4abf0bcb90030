namespace Fanfare.Core;

/// <summary>How many tasks a queue has given out lately.</summary>
public sealed class LeaseRate
{
    private const int Slots = 12;

    private static readonly TimeSpan _slot = TimeSpan.FromSeconds(5);

    private readonly long[] _counts = new long[Slots];
    private long _latest, _first = -1;

    /// <param name="uptime">Now, by the node's monotonic time.</param>
    public void Add(int leases, TimeSpan uptime)
    {
        MoveTo(uptime);
        _counts[_latest % Slots] += leases;
    }

    /// <summary>In a second, over the last minute or since the first; 0 when none was.</summary>
    public double PerSecond(TimeSpan uptime)
    {
        MoveTo(uptime);
        if (_first < 0) return 0;
        var since = Math.Max(_first, _latest - Slots + 1) * _slot;
        return _counts.Sum() / Math.Max(1, (uptime - since).TotalSeconds);
    }

    private void MoveTo(TimeSpan uptime)
    {
        var slot = uptime.Ticks / _slot.Ticks;
        if (_first < 0) _first = slot;
        if (slot - _latest >= Slots) Array.Clear(_counts);
        else
            for (var passed = _latest + 1; passed <= slot; passed++) _counts[passed % Slots] = 0;
        _latest = Math.Max(_latest, slot);
    }
}
