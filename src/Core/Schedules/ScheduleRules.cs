using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What must hold of a flow's schedules, so that nothing but the journal can keep a run of theirs from starting.</summary>
internal static class ScheduleRules
{
    public static void Check(StepIndex index)
    {
        if (index.Spec.Schedules is not { } schedules) return;
        if (schedules.Count > Limits.Schedules)
        {
            index.Error("schedules", $"The flow has {schedules.Count} schedules; it may have at most {Limits.Schedules}.", "Start the flow by fewer, or make several flows.");
            return;
        }
        foreach (var twice in schedules.GroupBy(schedule => schedule.Name).Where(same => same.Count() > 1))
            index.Error($"schedules.{twice.Key}", $"Schedule '{twice.Key}' stands twice; a name stands once.", "Rename one of them.");
        foreach (var schedule in schedules) Check(index, schedule);
    }

    private static void Check(StepIndex index, ScheduleSpec schedule)
    {
        var path = $"schedules.{schedule.Name}";
        if (!Names.IsValid(schedule.Name)) index.Error(path, $"'{schedule.Name}' is no valid name of a schedule: {Names.Rule}.", "Choose a name of that form.");
        Timetable.Compile(schedule, out var errors);
        foreach (var error in errors) index.Error($"{path}.{error.Path}", error.Message, error.Remedy);
        if (schedule.Missed is MissedKind.All or MissedKind.Within && schedule.Overlap is not (OverlapPolicy.Allow or OverlapPolicy.QueueAll))
            index.Error($"{path}.overlap", "Times that were missed are all made up for, and with this overlap most of them would be left out again.", "Use 'overlap: queue_all' or 'overlap: allow', or 'missed: last'.");
        CheckInterval(index, schedule.IntervalStart, $"{path}.interval_start");
        CheckInterval(index, schedule.IntervalEnd, $"{path}.interval_end");
        CheckParameters(index, schedule, path);
    }

    private static void CheckInterval(StepIndex index, string? parameter, string path)
    {
        if (parameter is null || index.Spec.Parameters.Any(p => p.Name == parameter && p is { Type: ParameterType.String, Sensitive: false })) return;
        index.Error(path, $"The flow has no parameter '{parameter}' of type string; the interval's times are given as text.", "Add it to the flow's parameters, or name another.");
    }

    // With times that are as long as any.
    private static void CheckParameters(StepIndex index, ScheduleSpec schedule, string path)
    {
        var known = index.Spec.Parameters.Select(p => p.Name).ToHashSet();
        var checkedFor = schedule with { IntervalStart = Known(schedule.IntervalStart), IntervalEnd = Known(schedule.IntervalEnd) };
        var (_, errors) = FlowParameters.Bind(index.Spec, ScheduleParameters.Of(checkedFor, new DataInterval(DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch)));
        foreach (var error in errors) index.Error($"{path}.{error.Path}", error.Message, error.Remedy);

        string? Known(string? parameter) => parameter is not null && known.Contains(parameter) ? parameter : null;
    }
}
