namespace Fanfare.Contracts;

/// <summary>What a backfill is to do.</summary>
/// <param name="From">Of the schedule's data intervals those are run again or made up for that begin at this time or after it,</param>
/// <param name="To">and end at this time or before it.</param>
/// <param name="NewestFirst">Whether the newest of them is the first; else the oldest.</param>
/// <param name="Parallel">Runs that may go on at a time. They do not count among those of the schedule.</param>
/// <param name="Priority">Of its runs.</param>
/// <param name="Rerun">What is done about intervals that have had a run.</param>
/// <param name="Total">How many intervals there are.</param>
public sealed record BackfillPlan(
    string Flow, string Schedule, DateTimeOffset From, DateTimeOffset To, bool NewestFirst, int Parallel, int Priority, BackfillRerun Rerun, int Total);

/// <summary>Which intervals get a run although they have had one.</summary>
public enum BackfillRerun
{
    /// <summary>None: only what is missing gets one.</summary>
    None,

    /// <summary>Those whose run failed or was cancelled.</summary>
    Failed,

    /// <summary>All.</summary>
    All,
}

/// <summary>Somebody has asked a schedule for a backfill: the event's actor. It is an entity of its own from here on.</summary>
/// <param name="Backfill">Its id.</param>
public sealed record BackfillOpened(string Backfill, BackfillPlan Plan) : Event;

/// <summary>A backfill of the schedule has come to its end.</summary>
public sealed record BackfillClosed(string Backfill) : Event;

/// <summary>A backfill's first event.</summary>
/// <param name="Spec">The schedule as it was then: it says which intervals there are, whatever is deployed later.</param>
public sealed record BackfillStarted(BackfillPlan Plan, int Deployment, ScheduleSpec Spec) : ReceivedEvent;

/// <summary>A later deployment has the schedule, too: what begins from now on is of it, with its parameters.</summary>
public sealed record BackfillSet(int Deployment, ScheduleSpec Spec) : ReceivedEvent;

/// <summary>The next of its intervals begin.</summary>
/// <param name="Begun">In the order of the plan.</param>
/// <param name="Last">Whether no more come.</param>
public sealed record BackfillAdvanced(IReadOnlyList<DataInterval> Begun, bool Last) : Event;

/// <summary>A run of the backfill has ended for the first time, or need not begin.</summary>
/// <param name="WasThere">The interval has had this run, of the schedule or of another backfill. Where it is to be run again, that begins now.</param>
public sealed record BackfilledRunEnded(string Run, RunStatus Status, bool WasThere) : Event;

/// <summary>Nothing more begins until it is resumed. The event's actor did it.</summary>
public sealed record BackfillPaused(string? Reason) : Event;

public sealed record BackfillResumed : Event;

/// <summary>Nothing more begins, for good. The event's actor did it, or the schedule, which was removed.</summary>
/// <param name="Runs">Whether the runs that go on are cancelled, too.</param>
public sealed record BackfillCancelled(string? Reason, bool Runs) : ReceivedEvent;
