namespace Fanfare.Contracts;

/// <summary>The schedule is as a deployment has it. Where it was not there before, or its times are others now, only times after this event are due.</summary>
/// <param name="Notify">The flow's rules for times that are left out; null for none.</param>
public sealed record ScheduleSet(int Deployment, ScheduleSpec Spec, IReadOnlyList<NotifySpec>? Notify = null) : ReceivedEvent;

/// <summary>The flow's deployment has no such schedule any more, or the flow was deleted. What waits is left out, and what runs goes on.</summary>
public sealed record ScheduleRemoved : ReceivedEvent;

/// <summary>Nothing is due until it is resumed. The event's actor did it.</summary>
public sealed record SchedulePaused(string? Reason) : Event;

/// <summary>Times that passed while it was paused are left out.</summary>
public sealed record ScheduleResumed : Event;

/// <summary>What is done about the times up to <paramref name="Until"/>, and about those that wait: <paramref name="Came"/> go to the end of what waits, then of the oldest <paramref name="Dropped"/> are left out,
/// and then the next <paramref name="Begun"/> start their runs.</summary>
/// <param name="Skipped">Times that were left out and never waited.</param>
/// <param name="Stopped">Id of the run that is ended to make room; null for none.</param>
public sealed record ScheduleAdvanced(DateTimeOffset Until, IReadOnlyList<DataInterval> Came, long Skipped, int Dropped, int Begun, string? Stopped = null) : Event;

/// <summary>A run of the schedule has ended, for the first time: one that an operator reopens does not count as going on.</summary>
public sealed record ScheduledRunEnded(string Run, RunStatus Status) : Event;

/// <summary>All that a schedule has come to.</summary>
/// <param name="Spec">Null when no deployment has it; then <paramref name="Deployment"/> says nothing.</param>
/// <param name="Until">The times up to this have been decided on.</param>
/// <param name="Waiting">Times that wait for a run to end, the oldest first.</param>
/// <param name="Active">Ids of the runs that go on, the oldest first.</param>
/// <param name="Stopping">Those of them that were told to end.</param>
/// <param name="Backfills">Ids of all that it has had.</param>
/// <param name="OpenBackfills">Those of them that go on.</param>
public sealed record ScheduleCarried(
    int Deployment, ScheduleSpec? Spec, IReadOnlyList<NotifySpec>? Notify, DateTimeOffset Until, SchedulePause? Pause, IReadOnlyList<DataInterval> Waiting, IReadOnlyList<string> Active, IReadOnlyList<string> Stopping,
    IReadOnlyList<string> Backfills, IReadOnlyList<string> OpenBackfills, string? Last, DataInterval? LastInterval, RunStatus? LastEnd, long Begun, long Skipped) : CarriedEvent;

/// <summary>What a run that a schedule starts is about: from the time before it to its own, at which it is due. Its end names it among the schedule's.</summary>
public readonly record struct DataInterval(DateTimeOffset Start, DateTimeOffset End);

/// <summary>What started a run by itself: a schedule, for an interval, a backfill of it, or a trigger, by events.</summary>
/// <param name="Schedule">Its flow's schedule.</param>
/// <param name="Trigger">Its flow's trigger.</param>
/// <param name="Events">Ids of the events that the trigger had, in the order of its sources.</param>
/// <param name="Backfill">Id of the schedule's backfill; null where the schedule itself did.</param>
public sealed record RunCause(string? Schedule = null, DataInterval? Interval = null, string? Trigger = null, IReadOnlyList<string>? Events = null, string? Backfill = null)
{
    /// <summary>What it is called, as an actor and for people: <c>schedule:NAME</c>, <c>trigger:NAME</c> or <c>backfill:ID</c>.</summary>
    public string Actor() => Backfill is { } backfill ? $"backfill:{backfill}" : Trigger is { } trigger ? $"trigger:{trigger}" : $"schedule:{Schedule}";
}
