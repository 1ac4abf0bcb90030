using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of one backfill so far. It works out itself which intervals there are, of a schedule of intervals.</summary>
public sealed class BackfillLife
{
    private readonly Queue<DataInterval> _left = new();
    private readonly Dictionary<string, RunStatus> _ended = [];
    private ScheduleSpec? _spec;
    private bool _isPaused, _isLast;
    private int _active;

    public BackfillPlan? Plan { get; private set; }

    public bool IsCancelled { get; private set; }

    /// <summary>Intervals that it has taken up.</summary>
    public HashSet<DataInterval> Begun { get; } = [];

    public string State => Plan is null ? "backfill new" : $"backfill {Plan.Rerun}{(_isPaused ? " paused" : "")}{(IsCancelled ? " cancelled" : "")}{(_isLast ? " last" : "")}{(_active > 0 ? " running" : "")}";

    public void Read(Recorded recorded, Action<string> complain)
    {
        if (Plan is null && recorded.Entry.Event is not BackfillStarted) complain($"a backfill that was not started has {recorded.Entry.Event.GetType().Name}");
        switch (recorded.Entry.Event)
        {
            case BackfillStarted e:
                if (Plan is not null) complain("a backfill was started twice");
                (Plan, _spec) = (e.Plan, e.Spec);
                foreach (var interval in IntervalsOf(e.Spec, e.Plan)) _left.Enqueue(interval);
                if (_left.Count != e.Plan.Total) complain($"a backfill of {_left.Count} intervals says that it has {e.Plan.Total}");
                break;
            case BackfillAdvanced e:
                ReadAdvanced(e, complain);
                break;
            case BackfilledRunEnded e:
                _active--;
                if (!e.WasThere && !e.Status.IsTerminal()) complain($"run {e.Run} of a backfill has ended as {e.Status}");
                if (!e.WasThere && !_ended.TryAdd(e.Run, e.Status)) complain($"run {e.Run} of a backfill ended twice");
                // Then the backfill's own begins in its place.
                if (e.WasThere && Plan!.Rerun == BackfillRerun.Failed && e.Status is RunStatus.Failed or RunStatus.Cancelled && !IsCancelled) _active++;
                if (_active < 0) complain("more runs of a backfill ended than began");
                break;
            case BackfillPaused:
                if (_isPaused || IsCancelled) complain("a backfill was paused that nothing more comes of");
                _isPaused = true;
                break;
            case BackfillResumed:
                if (!_isPaused) complain("a backfill that is not paused was resumed");
                _isPaused = false;
                break;
            case BackfillCancelled:
                IsCancelled = true;
                break;
        }
    }

    /// <summary>What holds when all is over: all its intervals have been taken up, unless it was cancelled, and all their runs have ended.</summary>
    public string? Unfinished() => _active > 0 ? $"{_active} runs of it have not ended" : _left.Count > 0 && !IsCancelled ? $"{_left.Count} of its intervals were not taken up" : null;

    private void ReadAdvanced(BackfillAdvanced e, Action<string> complain)
    {
        if (_isPaused || IsCancelled) complain("a backfill went on that is paused or cancelled");
        foreach (var interval in e.Begun)
        {
            if (_left.Count == 0 || _left.Dequeue() != interval) complain($"the interval from {interval.Start:O} to {interval.End:O} is not the next of the backfill");
            Begun.Add(interval);
            _active++;
        }
        if (_active > Plan!.Parallel) complain($"{_active} runs of a backfill go on at a time; {Plan.Parallel} may");
        _isLast = e.Last;
        if (e.Last != (_left.Count == 0)) complain($"a backfill takes its last intervals for {(e.Last ? "" : "not ")}the last, and {_left.Count} are left");
    }

    private static List<DataInterval> IntervalsOf(ScheduleSpec spec, BackfillPlan plan)
    {
        var (anchor, every) = (spec.Start ?? DateTimeOffset.UnixEpoch, spec.Every!.Value);
        var intervals = new List<DataInterval>();
        var first = (plan.From - anchor).Ticks / every.Ticks;
        for (var start = anchor + (every * Math.Max(first, -1)); start + every <= plan.To; start += every)
            if (start >= plan.From && (spec.Start is null || start + every >= spec.Start) && !(start + every >= spec.End)) intervals.Add(new DataInterval(start, start + every));
        if (plan.NewestFirst) intervals.Reverse();
        return intervals;
    }
}
