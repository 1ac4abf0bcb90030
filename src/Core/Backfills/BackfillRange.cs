using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>The data intervals that a backfill is about, in its order: a pure function.</summary>
internal static class BackfillRange
{
    /// <param name="timetable">Of the spec.</param>
    /// <param name="reached">The interval that was the last so far; null at the start.</param>
    public static IEnumerable<DataInterval> Of(Timetable timetable, ScheduleSpec spec, BackfillPlan plan, DataInterval? reached = null) =>
        plan.NewestFirst ? NewestFirst(timetable, spec, plan, reached) : OldestFirst(timetable, plan, reached);

    private static IEnumerable<DataInterval> OldestFirst(Timetable timetable, BackfillPlan plan, DataInterval? reached)
    {
        var time = reached?.End ?? plan.From;
        while (timetable.Next(time) is { } next && next <= plan.To)
        {
            time = next;
            if (timetable.IntervalOf(next) is var interval && interval.Start >= plan.From) yield return interval;
        }
    }

    private static IEnumerable<DataInterval> NewestFirst(Timetable timetable, ScheduleSpec spec, BackfillPlan plan, DataInterval? reached)
    {
        var time = reached?.End ?? plan.To.AddTicks(1);
        while (timetable.Previous(time) is { } previous && !(previous < spec.Start))
        {
            time = previous;
            var interval = timetable.IntervalOf(previous);
            if (interval.Start < plan.From) break;
            yield return interval;
        }
    }
}
