using Fanfare.Contracts;

namespace Fanfare.Simulation.Checks;

/// <summary>Which pairs of a state and of what came upon it were seen: an event in a state of its run or step, a command in a state of its run. When many
/// seeds bring no new pair, more of them would tell little.</summary>
internal sealed class Coverage
{
    public HashSet<string> Pairs { get; } = [];

    /// <summary>Takes an event, before the history has read it.</summary>
    public void Note(HistoryChecker history, Recorded recorded)
    {
        var state = recorded.Stream.Kind switch
        {
            StreamKind.Run => history.Runs.TryGetValue(recorded.Stream.Name, out var run) ? StateOf(run) : "run new",
            StreamKind.Step => history.Steps.TryGetValue(recorded.Stream, out var step) ? StateOf(step, history.Runs[recorded.Stream.RunId!]) : "step new",
            StreamKind.Schedule => history.Schedules.TryGetValue(recorded.Stream, out var schedule) ? StateOf(schedule) : "schedule new",
            StreamKind.Notice => history.Notices.StateOf(recorded.Stream),
            StreamKind.Pool => history.Pools.StateOf(recorded.Stream),
            StreamKind.Backfill => history.Backfills.TryGetValue(recorded.Stream, out var backfill) ? backfill.State : "backfill new",
            _ => "flow",
        };
        Pairs.Add($"{state} | {Name(recorded.Entry.Event)}");
    }

    /// <summary>Takes an operator's command that was answered.</summary>
    public void Note(HistoryChecker history, string run, string verb, string outcome) =>
        Pairs.Add($"{(history.Runs.TryGetValue(run, out var life) ? StateOf(life) : "run new")} | {verb} {outcome}");

    private static string Name(Event e) => e switch
    {
        TaskFailed failed => $"TaskFailed {(failed.RetryAt is null ? "for good" : "to retry")} {failed.Error.Type}",
        TaskSucceeded { Caught: not null } => "TaskSucceeded caught",
        StepCancelled cancelled => cancelled.Split is null ? "StepCancelled" : "StepCancelled split",
        RunRetried retried => retried.FromStep is null ? "RunRetried" : "RunRetried from step",
        StepOpened opened => opened.Run.Halted is true ? "StepOpened halted" : "StepOpened",
        ScheduleAdvanced advanced => $"ScheduleAdvanced{(advanced.Came.Count > 1 ? " several" : "")}{(advanced.Skipped > 0 ? " skipping" : "")}{(advanced.Dropped > 0 ? " dropping" : "")}{(advanced.Begun > 0 ? " beginning" : "")}{(advanced.Stopped is not null ? " stopping" : "")}",
        BackfilledRunEnded ended => $"BackfilledRunEnded{(ended.WasThere ? " was there" : "")} {ended.Status}",
        BackfillCancelled cancelled => $"BackfillCancelled{(cancelled.Runs ? " with runs" : "")}{(cancelled.Sender is null ? "" : " by its schedule")}",
        _ => e.GetType().Name,
    };

    private static string StateOf(ScheduleLife schedule) =>
        schedule.Spec is { } spec ? $"schedule {spec.Overlap} {spec.Missed}{(schedule.Paused ? " paused" : "")}{(schedule.Running.Count > 0 ? " running" : "")}" : "schedule gone";

    private static string StateOf(RunLife run) =>
        $"run{(run.Generation > 0 ? " again" : "")}{(run.Ended is { } ended ? " " + ended.Status : "")}{(run.Paused ? " paused" : "")}{(run.CancelRequested ? " cancelled" : "")}{(run.Handlers.Count > 0 ? " handling" : "")}";

    private static string StateOf(StepLife step, RunLife run)
    {
        bool leased = false, failed = false, waits = false;
        foreach (var task in step.Tasks.Values)
        {
            leased |= task.Lease is not null;
            failed |= task.FailedForGood;
            waits |= task.RetryAt is not null;
        }
        return $"{(step.Spec.Join is { } join ? join.Kind + " join" : "step")}{(run.Generation > 0 ? " again" : "")}{(step.Paused ? " paused" : "")}{(step.Cancelled ? " cancelled" : "")}{(step.CancelledSplits.Count > 0 ? " splits cancelled" : "")}{(leased ? " leased" : "")}{(failed ? " failed" : "")}{(waits ? " backing off" : "")}{(run.Ended is not null ? " over" : "")}";
    }
}
