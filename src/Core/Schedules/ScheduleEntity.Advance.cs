using Fanfare.Contracts;

namespace Fanfare.Core;

// What is done about the times that have come, and about those that wait.
public sealed partial class ScheduleEntity
{
    /// <summary>How late a time may be looked at before it counts as missed.</summary>
    public static readonly TimeSpan MissedAfter = TimeSpan.FromMinutes(1);

    /// <summary>Times decided on by one event. A schedule of every second that was away for a month goes on in steps, and holds up nobody.</summary>
    private const int MostTimes = 1000;

    private void Advance(in Moment moment)
    {
        if (_spec is not { } spec || _pause is not null) return;
        var came = TimesUntil(moment.Now, spec, out var until, out var skipped, out var hasMore);
        var advanced = Place(spec, came, until, skipped, hasMore);
        if (until > _until || advanced is not { Begun: 0, Dropped: 0, Stopped: null }) Emit(advanced, moment);
    }

    // Those to be made up for, or just due; the others are skipped.
    private List<DataInterval> TimesUntil(DateTimeOffset now, ScheduleSpec spec, out DateTimeOffset until, out long skipped, out bool hasMore)
    {
        var came = new List<DataInterval>();
        (until, skipped, hasMore) = (_until, 0, false);
        var (last, isLastMissed) = (default(DateTimeOffset), false);
        for (var i = 0; !(WaitsForRoom(spec) && _waiting.Count + came.Count >= spec.Queue); i++)
        {
            if (_timetable!.Next(until) is not { } time || time + _timetable.JitterOf(Id.ToString(), time) is var due && due > now) break;
            if (i == MostTimes)
            {
                hasMore = true;
                break;
            }
            until = time;
            var isMissed = now - due > MissedAfter;
            if (isMissed && spec.Missed == MissedKind.Last)
            {
                // Only the last of them counts, and which that is shows later.
                if (isLastMissed) skipped++;
                (last, isLastMissed) = (time, true);
                continue;
            }
            if (isMissed && (spec.Missed == MissedKind.None || (spec.Missed == MissedKind.Within && now - time > spec.MissedWithin)))
            {
                skipped++;
                continue;
            }
            if (isLastMissed) came.Add(_timetable!.IntervalOf(last));
            isLastMissed = false;
            came.Add(_timetable.IntervalOf(time));
        }
        if (isLastMissed) came.Add(_timetable!.IntervalOf(last));
        return came;
    }

    private ScheduleAdvanced Place(ScheduleSpec spec, List<DataInterval> came, DateTimeOffset until, long skipped, bool hasMore)
    {
        var free = spec.Overlap == OverlapPolicy.Allow ? int.MaxValue : Math.Max(0, spec.Parallel - _active.Count);
        if (spec.Overlap == OverlapPolicy.QueueAll && !WaitsForRoom(spec))
        {
            // The newest of those that find no place are left out.
            var places = Math.Max(0, spec.Queue + free - _waiting.Count);
            if (came.Count > places)
            {
                skipped += came.Count - places;
                came.RemoveRange(places, came.Count - places);
            }
        }
        var waiting = _waiting.Count + came.Count;
        var most = spec.Overlap switch
        {
            OverlapPolicy.Allow or OverlapPolicy.QueueAll => int.MaxValue,
            OverlapPolicy.Skip => hasMore ? 1 : free,
            OverlapPolicy.QueueOne => hasMore ? 1 : free + 1,
            _ => 1,
        };
        var dropped = Math.Max(0, waiting - most);
        // While it is not clear which of the missed times is the last, none starts.
        var begun = hasMore && spec.Missed == MissedKind.Last ? 0 : Math.Min(free, waiting - dropped);
        var stops = spec.Overlap is OverlapPolicy.Cancel or OverlapPolicy.Terminate && waiting - dropped > begun && _stopping.Count == 0 && !hasMore;
        return new ScheduleAdvanced(until, came, skipped, dropped, begun, stops ? _active.FirstOrDefault() : null);
    }

    // Nothing that is to be made up for is left out for want of a place in the queue: the times wait where they are.
    private static bool WaitsForRoom(ScheduleSpec spec) => spec is { Overlap: OverlapPolicy.QueueAll, Missed: MissedKind.All or MissedKind.Within };

    private bool IsFull(ScheduleSpec spec) => WaitsForRoom(spec) && _waiting.Count >= spec.Queue;
}
