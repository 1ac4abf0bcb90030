using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>What one entity tells another. A message is derived from the sender's events, so replay derives it again;
/// it is delivered at least once and in order, and takes effect once.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "t")]
[JsonDerivedType(typeof(ArriveSplits), "arrive_splits")]
[JsonDerivedType(typeof(OpenForeach), "open_foreach")]
[JsonDerivedType(typeof(ArriveMembers), "arrive_members")]
[JsonDerivedType(typeof(ExpectMembers), "expect_members")]
[JsonDerivedType(typeof(AnnounceSteps), "announce_steps")]
[JsonDerivedType(typeof(ReportStep), "report_step")]
[JsonDerivedType(typeof(ReportPaused), "report_paused")]
[JsonDerivedType(typeof(ReportFailure), "report_failure")]
[JsonDerivedType(typeof(ReportEnd), "report_end")]
[JsonDerivedType(typeof(CancelScope), "cancel_scope")]
[JsonDerivedType(typeof(CancelStep), "cancel_step")]
[JsonDerivedType(typeof(PauseStep), "pause_step")]
[JsonDerivedType(typeof(ResumeStep), "resume_step")]
[JsonDerivedType(typeof(RetryStep), "retry_step")]
[JsonDerivedType(typeof(SetSchedule), "set_schedule")]
[JsonDerivedType(typeof(RemoveSchedule), "remove_schedule")]
[JsonDerivedType(typeof(BeginRun), "begin_run")]
[JsonDerivedType(typeof(StopRun), "stop_run")]
[JsonDerivedType(typeof(ReportRun), "report_run")]
[JsonDerivedType(typeof(BeginBackfill), "begin_backfill")]
[JsonDerivedType(typeof(ReportBackfill), "report_backfill")]
[JsonDerivedType(typeof(AnnounceEnd), "announce_end")]
[JsonDerivedType(typeof(TakeEvent), "take_event")]
[JsonDerivedType(typeof(RaiseNotice), "raise_notice")]
[JsonDerivedType(typeof(WatchRun), "watch_run")]
[JsonDerivedType(typeof(EndWatch), "end_watch")]
public abstract record EntityMessage;

public sealed record ArriveSplits(RunInfo Run, StepKey Source, SplitRanges Splits, long OutputBytes, ForeachItems? Items = null) : EntityMessage;

public sealed record OpenForeach(RunInfo Run, StepKey Opener, int OpenerSplit, int Count, ForeachItems Items, long OutputBytes) : EntityMessage;

public sealed record ArriveMembers(RunInfo Run, int Split, StepKey Source, SplitRanges Members, SplitRanges Failed, long OutputBytes, ForeachItems? Items = null) : EntityMessage;

public sealed record ExpectMembers(RunInfo Run, int Split, StepKey Opener, int Count, ForeachItems? Items = null) : EntityMessage;

public sealed record AnnounceSteps(IReadOnlyList<StepKey> Steps, bool? Halted = null) : EntityMessage;

public sealed record ReportStep(StepKey Step, int FailedTasks, int CancelledTasks, int Cancels) : EntityMessage;

public sealed record ReportPaused(StepKey Step, int Pauses) : EntityMessage;

public sealed record ReportFailure(StepKey Step, int Split, TaskError Error) : EntityMessage;

public sealed record ReportEnd(StepKey Step) : EntityMessage;

public sealed record CancelScope(StepKey Opener, int Split) : EntityMessage;

public sealed record CancelStep(RunInfo Run, int? Split) : EntityMessage;

public sealed record PauseStep(RunInfo Run) : EntityMessage;

public sealed record ResumeStep(RunInfo Run) : EntityMessage;

public sealed record RetryStep(RunInfo Run, IReadOnlyList<string> Reset) : EntityMessage;

/// <summary>To a schedule, from its flow, and from the schedule to its backfills: a deployment has it.</summary>
/// <param name="Notify">The flow's rules for times that are left out; null for none.</param>
public sealed record SetSchedule(int Deployment, ScheduleSpec Spec, IReadOnlyList<NotifySpec>? Notify = null) : EntityMessage;

/// <summary>To a schedule, from its flow, and from the schedule to its backfills: the latest deployment has it no more.</summary>
public sealed record RemoveSchedule : EntityMessage;

/// <summary>To a run that does not exist yet. One that does has had it.</summary>
/// <param name="Parameters">JSON object, without the defaults.</param>
public sealed record BeginRun(string Flow, int Deployment, string Parameters, IReadOnlyList<string> Tags, int Priority, RunCause Cause) : EntityMessage;

/// <summary>To a run, from what started it: it is to make room. One that has ended before has nothing to do.</summary>
/// <param name="SkipHandlers">Without on_failure and finally.</param>
public sealed record StopRun(string Reason, bool SkipHandlers) : EntityMessage;

/// <summary>From a run, to what started it: it has ended; or to what would have started it, that it was there already.</summary>
/// <param name="WasThere">That something else has started it. It may still go on.</param>
public sealed record ReportRun(string Run, RunStatus Status, bool WasThere = false) : EntityMessage;

/// <summary>To a backfill that does not exist yet, from its schedule.</summary>
/// <param name="Actor">Who asked for it.</param>
public sealed record BeginBackfill(BackfillPlan Plan, int Deployment, ScheduleSpec Spec, string Actor) : EntityMessage;

/// <summary>From a backfill to its schedule: nothing more comes of it.</summary>
public sealed record ReportBackfill(string Backfill) : EntityMessage;

/// <summary>From a run to the event of its end, which does not exist yet. One that does has had it.</summary>
/// <param name="Payload">JSON object.</param>
public sealed record AnnounceEnd(string Flow, string Payload) : EntityMessage;

/// <summary>To a trigger that needs several events, from one.</summary>
/// <param name="At">When it was published.</param>
public sealed record TakeEvent(string Id, DateTimeOffset At, int Deployment, HeldEvent Held) : EntityMessage;

/// <summary>To a notice that does not exist yet. One that does has had it.</summary>
public sealed record RaiseNotice(NoticeContent Content) : EntityMessage;

/// <summary>To a notice that does not exist yet, from a run that is to have ended by a time. One that does has had it.</summary>
/// <param name="From">When the run began.</param>
public sealed record WatchRun(NoticeContent Content, DateTimeOffset From, DateTimeOffset Deadline) : EntityMessage;

/// <summary>To a notice, from the run that it watches: it has ended.</summary>
public sealed record EndWatch : EntityMessage;

/// <summary>A message on its way: who sent it, its place in the sender's outbox, and where it goes.</summary>
public sealed record Envelope(StreamId Sender, long Sequence, StreamId Target, EntityMessage Message);

/// <summary>What one entity tells another that lives on another node.</summary>
/// <param name="Messages">In order.</param>
public sealed record Delivery(StreamId Sender, StreamId Target, IReadOnlyList<Envelope> Messages);
