using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of one schedule so far. It knows schedules of intervals, whose times it works out itself.</summary>
public sealed class ScheduleLife
{
    private static readonly TimeSpan MissedAfter = TimeSpan.FromMinutes(1);

    private readonly List<DateTimeOffset> _waiting = [];

    public ScheduleSpec? Spec { get; private set; }

    /// <summary>The times that were to start a run.</summary>
    public HashSet<DateTimeOffset> Begun { get; } = [];

    /// <summary>The one run of a time that a schedule or a backfill starts, whichever is first; that of a backfill which runs intervals again is none.</summary>
    public Dictionary<DateTimeOffset, string> Own { get; } = [];

    /// <summary>Its runs that have started and not ended.</summary>
    public HashSet<string> Running { get; } = [];

    /// <summary>How many may go on at a time; null for any number, also since that many were allowed once.</summary>
    public int? Most { get; private set; }

    public bool Paused { get; private set; }

    public DateTimeOffset Until { get; private set; } = DateTimeOffset.MinValue;

    public void Read(Recorded recorded, Action<string> complain)
    {
        switch (recorded.Entry.Event)
        {
            case ScheduleSet e:
                if (Spec is null || (Spec.Every, Spec.Start) != (e.Spec.Every, e.Spec.Start)) Until = Later(Until, recorded.Entry.At);
                Most = e.Spec.Overlap == OverlapPolicy.Allow || (Spec is not null && Most is null) ? null : Math.Max(Most ?? 0, e.Spec.Parallel);
                Spec = e.Spec;
                break;
            case ScheduleRemoved:
                (Spec, Paused) = (null, false);
                _waiting.Clear();
                break;
            case SchedulePaused:
                if (Paused) complain("a schedule that is paused was paused");
                Paused = true;
                break;
            case ScheduleResumed:
                if (!Paused) complain("a schedule that is not paused was resumed");
                Paused = false;
                Until = Later(Until, recorded.Entry.At);
                break;
            case ScheduleAdvanced e:
                ReadAdvanced(recorded, e, complain);
                break;
        }
    }

    private void ReadAdvanced(Recorded recorded, ScheduleAdvanced e, Action<string> complain)
    {
        if (Spec is not { } spec)
        {
            complain("a schedule moved on that no deployment has");
            return;
        }
        if (Paused) complain("a schedule moved on while it was paused");
        if (e.Until < Until) complain($"a schedule went back from {Until:O} to {e.Until:O}");
        if (e.Until > Until && e.Until > recorded.Entry.At) complain($"a schedule has decided on {e.Until:O} before that time");
        // Every time up to the new mark either came, or was left out and counted.
        var passed = TimesIn(spec, Until, e.Until);
        if (passed != e.Came.Count + e.Skipped) complain($"{passed} times have passed, of which {e.Came.Count} came and {e.Skipped} were left out");
        var last = Until;
        foreach (var interval in e.Came)
        {
            if (interval.End <= last || interval.End > e.Until || TimesIn(spec, interval.End.AddTicks(-1), interval.End) != 1) complain($"{interval.End:O} is no time of the schedule that has come now");
            if (interval.End - interval.Start != spec.Every) complain($"the interval from {interval.Start:O} to {interval.End:O} is not as long as the others");
            var late = recorded.Entry.At - interval.End;
            if (late > MissedAfter + spec.Jitter && spec.Missed == MissedKind.None) complain($"{interval.End:O} came though it was missed");
            if (spec.Missed == MissedKind.Within && late > spec.MissedWithin && late > MissedAfter + spec.Jitter) complain($"{interval.End:O} came though it was missed for longer than {spec.MissedWithin}");
            last = interval.End;
        }
        if (spec.Missed == MissedKind.All && e.Skipped + e.Dropped > 0) complain("times were left out of a schedule that makes up for all");
        if (spec.Missed == MissedKind.Last && e.Came.Count(interval => recorded.Entry.At - interval.End > MissedAfter + spec.Jitter) > 1) complain("more than the last of the missed times came");
        Until = e.Until;
        _waiting.AddRange(e.Came.Select(interval => interval.End));
        if (e.Dropped + e.Begun > _waiting.Count)
        {
            complain("more times were left out and begun than wait");
            return;
        }
        _waiting.RemoveRange(0, e.Dropped);
        foreach (var time in _waiting.Take(e.Begun))
            if (!Begun.Add(time)) complain($"{time:O} was begun twice");
        _waiting.RemoveRange(0, e.Begun);
        var most = spec.Overlap switch
        {
            OverlapPolicy.Allow or OverlapPolicy.Skip => 0,
            OverlapPolicy.QueueAll => spec.Queue,
            _ => 1,
        };
        if (_waiting.Count > most) complain($"{_waiting.Count} times wait, and {most} may");
        if (e.Stopped is not null && spec.Overlap is not (OverlapPolicy.Cancel or OverlapPolicy.Terminate)) complain("a run was stopped for another, against the schedule");
    }

    // Those after one time, up to the other.
    private static long TimesIn(ScheduleSpec spec, DateTimeOffset after, DateTimeOffset until)
    {
        var (anchor, every) = (spec.Start ?? DateTimeOffset.UnixEpoch, spec.Every!.Value);
        var end = spec.End is { } stop && stop.AddTicks(-1) < until ? stop.AddTicks(-1) : until;
        if (end < anchor) return 0;
        var first = after < anchor ? -1 : (after - anchor).Ticks / every.Ticks;
        return Math.Max(0, ((end - anchor).Ticks / every.Ticks) - first);
    }

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
