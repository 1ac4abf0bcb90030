using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>A durable fact of one stream. Events are written for ever: a released event's name and meaning never change;
/// a new meaning gets a new event. Time and actor are kept beside the payload, in <see cref="JournalEvent"/>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "t")]
[JsonDerivedType(typeof(FlowDeployed), "flow_deployed")]
[JsonDerivedType(typeof(FlowDeleted), "flow_deleted")]
[JsonDerivedType(typeof(RunStarted), "run_started")]
[JsonDerivedType(typeof(StepsAnnounced), "steps_announced")]
[JsonDerivedType(typeof(StepReported), "step_reported")]
[JsonDerivedType(typeof(StepPauseReported), "step_pause_reported")]
[JsonDerivedType(typeof(RunFailureSeen), "run_failure_seen")]
[JsonDerivedType(typeof(RunEndReached), "run_end_reached")]
[JsonDerivedType(typeof(RunScopeCancelled), "run_scope_cancelled")]
[JsonDerivedType(typeof(RunPaused), "run_paused")]
[JsonDerivedType(typeof(RunResumed), "run_resumed")]
[JsonDerivedType(typeof(RunCancelRequested), "run_cancel_requested")]
[JsonDerivedType(typeof(RunTimedOut), "run_timed_out")]
[JsonDerivedType(typeof(RunHandlerStarted), "run_handler_started")]
[JsonDerivedType(typeof(RunEnded), "run_ended")]
[JsonDerivedType(typeof(RunRetried), "run_retried")]
[JsonDerivedType(typeof(StepOpened), "step_opened")]
[JsonDerivedType(typeof(SplitsArrived), "splits_arrived")]
[JsonDerivedType(typeof(ForeachOpened), "foreach_opened")]
[JsonDerivedType(typeof(MembersArrived), "members_arrived")]
[JsonDerivedType(typeof(MembersExpected), "members_expected")]
[JsonDerivedType(typeof(TaskLeased), "task_leased")]
[JsonDerivedType(typeof(TaskSucceeded), "task_succeeded")]
[JsonDerivedType(typeof(TaskFailed), "task_failed")]
[JsonDerivedType(typeof(TaskLost), "task_lost")]
[JsonDerivedType(typeof(TaskCancelled), "task_cancelled")]
[JsonDerivedType(typeof(TaskKillRequested), "task_kill_requested")]
[JsonDerivedType(typeof(TaskRetried), "task_retried")]
[JsonDerivedType(typeof(TaskSkipped), "task_skipped")]
[JsonDerivedType(typeof(ResultRefused), "result_refused")]
[JsonDerivedType(typeof(StepPaused), "step_paused")]
[JsonDerivedType(typeof(StepResumed), "step_resumed")]
[JsonDerivedType(typeof(StepCancelled), "step_cancelled")]
[JsonDerivedType(typeof(StepRetried), "step_retried")]
[JsonDerivedType(typeof(ScheduleSet), "schedule_set")]
[JsonDerivedType(typeof(ScheduleRemoved), "schedule_removed")]
[JsonDerivedType(typeof(SchedulePaused), "schedule_paused")]
[JsonDerivedType(typeof(ScheduleResumed), "schedule_resumed")]
[JsonDerivedType(typeof(ScheduleAdvanced), "schedule_advanced")]
[JsonDerivedType(typeof(ScheduledRunEnded), "scheduled_run_ended")]
[JsonDerivedType(typeof(BackfillOpened), "backfill_opened")]
[JsonDerivedType(typeof(BackfillClosed), "backfill_closed")]
[JsonDerivedType(typeof(BackfillStarted), "backfill_started")]
[JsonDerivedType(typeof(BackfillSet), "backfill_set")]
[JsonDerivedType(typeof(BackfillAdvanced), "backfill_advanced")]
[JsonDerivedType(typeof(BackfilledRunEnded), "backfilled_run_ended")]
[JsonDerivedType(typeof(BackfillPaused), "backfill_paused")]
[JsonDerivedType(typeof(BackfillResumed), "backfill_resumed")]
[JsonDerivedType(typeof(BackfillCancelled), "backfill_cancelled")]
[JsonDerivedType(typeof(EventPublished), "event_published")]
[JsonDerivedType(typeof(EventRedriven), "event_redriven")]
[JsonDerivedType(typeof(DeadLettersDismissed), "dead_letters_dismissed")]
[JsonDerivedType(typeof(TriggerPaused), "trigger_paused")]
[JsonDerivedType(typeof(TriggerResumed), "trigger_resumed")]
[JsonDerivedType(typeof(TriggerTook), "trigger_took")]
[JsonDerivedType(typeof(ScheduleCarried), "schedule_carried")]
[JsonDerivedType(typeof(TriggerCarried), "trigger_carried")]
[JsonDerivedType(typeof(NoticeRaised), "notice_raised")]
[JsonDerivedType(typeof(RunWatched), "run_watched")]
[JsonDerivedType(typeof(WatchPutOff), "watch_put_off")]
[JsonDerivedType(typeof(WatchEnded), "watch_ended")]
[JsonDerivedType(typeof(RunLate), "run_late")]
[JsonDerivedType(typeof(NoticeTold), "notice_told")]
[JsonDerivedType(typeof(NoticeFailed), "notice_failed")]
[JsonDerivedType(typeof(NoticeRedriven), "notice_redriven")]
[JsonDerivedType(typeof(NoticeDismissed), "notice_dismissed")]
[JsonDerivedType(typeof(PoolSet), "pool_set")]
[JsonDerivedType(typeof(PoolDeleted), "pool_deleted")]
[JsonDerivedType(typeof(LaunchAsked), "launch_asked")]
[JsonDerivedType(typeof(LaunchSettled), "launch_settled")]
[JsonDerivedType(typeof(LaunchFailed), "launch_failed")]
[JsonDerivedType(typeof(MachinesEnding), "machines_ending")]
[JsonDerivedType(typeof(StraysEnding), "strays_ending")]
[JsonDerivedType(typeof(MachinesEnded), "machines_ended")]
[JsonDerivedType(typeof(PoolCarried), "pool_carried")]
public abstract record Event;

/// <summary>An event of an entity that a message from another entity caused. The receiver keeps, per sender, the highest
/// sequence it has applied, and drops what is not above it.</summary>
public abstract record ReceivedEvent : Event
{
    /// <summary>The sending stream; null when the cause was not a message.</summary>
    public StreamId? Sender { get; init; }

    /// <summary>Place in the sender's outbox, from 1.</summary>
    public long SenderSequence { get; init; }
}

/// <summary>An event that says all that its stream has come to, for streams that never end. Those before it are not needed any more, and the journal removes them in time; it is decided only when no message is on its way, since none follows from it.</summary>
public abstract record CarriedEvent : Event
{
    /// <summary>Messages that the stream has sent; the next has the place after these.</summary>
    public required long Sent { get; init; }

    /// <summary>Up to which place it has had the messages of each sender.</summary>
    public required IReadOnlyList<SenderPlace> Received { get; init; }
}

/// <param name="Sequence">Place in the sender's outbox.</param>
public sealed record SenderPlace(StreamId Sender, long Sequence);

/// <summary>Which run a step belongs to, and what it needs of it; carried by every message that may open the step.</summary>
/// <param name="Run">The run's id.</param>
/// <param name="Flow">The flow's name.</param>
/// <param name="Deployment">Version of the flow's deployment, from 1.</param>
/// <param name="Priority">The run's priority.</param>
/// <param name="Generation">How often the run was reopened by a retry, from 0.</param>
/// <param name="Halted">True when the sender is paused or cancelled, else null: a step that opens by this message opens paused, and the run tells it how to go on.</param>
/// <param name="Resets">The steps that were run again from the start, each with the generation in which it last was; null for none. What they sent before speaks of
/// work that is done again.</param>
public sealed record RunInfo(
    string Run, string Flow, int Deployment, int Priority, int Generation, bool? Halted = null, IReadOnlyDictionary<string, int>? Resets = null)
{
    /// <summary>The same run in a later generation, in which these steps are run again.</summary>
    public RunInfo Retried(int generation, IReadOnlyList<string> reset)
    {
        if (reset.Count == 0) return this with { Generation = generation };
        var resets = Resets is null ? [] : new Dictionary<string, int>(Resets, StringComparer.Ordinal);
        foreach (var step in reset) resets[step] = generation;
        return this with { Generation = generation, Resets = resets };
    }

    public bool Equals(RunInfo? other) => ReferenceEquals(this, other)
        || (other is not null && Run == other.Run && Flow == other.Flow && Deployment == other.Deployment && Priority == other.Priority
            && Generation == other.Generation && Halted == other.Halted && HasSameResets(other));

    public override int GetHashCode() => HashCode.Combine(Run, Generation);

    private bool HasSameResets(RunInfo other) => ReferenceEquals(Resets, other.Resets)
        || (Resets is not null && other.Resets is not null && Resets.Count == other.Resets.Count && Resets.All(reset => other.Resets.TryGetValue(reset.Key, out var generation) && generation == reset.Value));
}

/// <summary>Why an attempt or a run failed.</summary>
/// <param name="Type">A stable word: <c>exit</c>, <c>timeout</c>, <c>out_of_memory</c>, <c>output_too_large</c>, <c>bad_output</c>,
/// <c>switch_no_case</c>, <c>loop_bound</c>, <c>foreach_source</c>, <c>start_failed</c>, <c>killed</c>, <c>losses</c>, <c>join</c>, <c>run_timeout</c>, …</param>
/// <param name="Message">One or a few lines for people; at most <see cref="Limits.ErrorChars"/>.</param>
public sealed record TaskError(string Type, string Message, int? ExitCode = null);
