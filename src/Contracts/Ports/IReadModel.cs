namespace Fanfare.Contracts;

/// <summary>A page of a listing; <see cref="Next"/> is the cursor of the following page, null at the end.</summary>
public sealed record Page<T>(IReadOnlyList<T> Items, string? Next);

/// <summary>What a listing of runs is narrowed by; null for no bound. <paramref name="Active"/>: true for runs not yet ended.</summary>
public sealed record RunFilter(
    string Namespace, string? Flow = null, RunStatus? Status = null, string? Tag = null,
    DateTimeOffset? CreatedAfter = null, DateTimeOffset? CreatedBefore = null, bool? Active = null, int? Deployment = null);

/// <summary>What a listing of tasks is narrowed by.</summary>
public sealed record TaskFilter(string? Step = null, StepKey? Key = null, TaskStatus? Status = null);

/// <summary>An event in a run's history: the stream it stands in, and its position in the whole journal.</summary>
public sealed record HistoryEvent(long Position, StreamId Stream, JournalEvent Entry);

/// <summary>Output of one predecessor's task, for an input.</summary>
public sealed record TaskOutput(StepKey Step, int Split, int Attempt, string? Output, IReadOnlyList<Artifact>? Artifacts);

/// <summary>What there is at the moment of what somebody has to look after, of all namespaces together.</summary>
/// <param name="DeadEvents">Dead letters of events, one for each event and trigger whose run it could not start.</param>
/// <param name="DeadNotices">Notices that are a dead letter of some receiver; of several receivers of one it is counted once.</param>
/// <param name="ActiveRuns">Runs that have not ended, by status; each status of them is there.</param>
public sealed record OpenCounts(int DeadEvents, int DeadNotices, IReadOnlyDictionary<RunStatus, int> ActiveRuns);

/// <summary>Queries over what was committed. Safe to call from any thread; a query never blocks the journal.
/// Cursors are opaque; an unknown one throws <see cref="FormatException"/>.</summary>
public interface IReadModel
{
    /// <param name="version">Null for the latest that has not been deleted. By its number one is found that has been, too.</param>
    Task<DeploymentRow?> GetDeploymentAsync(string ns, string flow, int? version, CancellationToken cancellationToken);

    /// <summary>The latest deployment of each flow that has not been deleted, by name.</summary>
    Task<Page<DeploymentRow>> ListFlowsAsync(string ns, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>Newest first; without those that were deleted.</summary>
    Task<Page<DeploymentRow>> ListDeploymentsAsync(string ns, string flow, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>A schedule that a flow's latest deployment has; null for none.</summary>
    Task<ScheduleRow?> GetScheduleAsync(string ns, string flow, string schedule, CancellationToken cancellationToken);

    /// <summary>By flow and name; those that were removed are left out.</summary>
    /// <param name="flow">Null for all flows'.</param>
    Task<Page<ScheduleRow>> ListSchedulesAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>Those of all flows that are due, by when they are.</summary>
    Task<IReadOnlyList<ScheduleRow>> ListDueSchedulesAsync(string ns, int limit, CancellationToken cancellationToken);

    Task<BackfillRow?> GetBackfillAsync(string ns, string id, CancellationToken cancellationToken);

    /// <summary>Newest first.</summary>
    /// <param name="flow">Only those of this flow's schedules; null for all.</param>
    Task<Page<BackfillRow>> ListBackfillsAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>A trigger that a flow's latest deployment has; null for none.</summary>
    Task<TriggerRow?> GetTriggerAsync(string ns, string flow, string trigger, CancellationToken cancellationToken);

    /// <summary>By flow and name.</summary>
    /// <param name="flow">Null for all flows'.</param>
    Task<Page<TriggerRow>> ListTriggersAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>All that listen for this, by flow and name.</summary>
    Task<IReadOnlyList<TriggerRow>> ListListenersAsync(string ns, EventOrigin origin, CancellationToken cancellationToken);

    /// <summary>The flows whose runs' ends some trigger listens for, of all namespaces.</summary>
    Task<IReadOnlyList<(string Namespace, string Flow)>> ListAwaitedFlowsAsync(CancellationToken cancellationToken);

    Task<EventRow?> GetEventAsync(string ns, string id, CancellationToken cancellationToken);

    /// <summary>Newest first.</summary>
    /// <param name="name">Only those of this name, or of runs of this flow; null for all.</param>
    Task<Page<EventRow>> ListEventsAsync(string ns, string? name, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>Oldest first.</summary>
    /// <param name="flow">Only those of this flow's triggers; null for all.</param>
    Task<Page<DeadLetterRow>> ListDeadLettersAsync(string ns, string? flow, string? trigger, string? cursor, int limit, CancellationToken cancellationToken);

    Task<NoticeRow?> GetNoticeAsync(string ns, string id, CancellationToken cancellationToken);

    /// <summary>Newest first.</summary>
    /// <param name="flow">Only those of this flow; null for all.</param>
    /// <param name="isDead">Only those that are a dead letter of some receiver.</param>
    Task<Page<NoticeRow>> ListNoticesAsync(string ns, string? flow, bool isDead, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>Null for none.</summary>
    Task<PoolRow?> GetPoolAsync(string pool, CancellationToken cancellationToken);

    /// <summary>By name.</summary>
    Task<Page<PoolRow>> ListPoolsAsync(string? cursor, int limit, CancellationToken cancellationToken);

    /// <param name="most">No more than so many of each are counted; of active runs, which are counted together, the oldest of a namespace first.</param>
    Task<OpenCounts> CountOpenAsync(int most, CancellationToken cancellationToken);

    Task<RunRow?> GetRunAsync(string ns, string run, CancellationToken cancellationToken);

    /// <summary>The tombstone of a run that is closed or archived; null for all other runs, and when it has been removed, too.</summary>
    Task<RetiredRun?> GetRetiredAsync(string ns, string run, CancellationToken cancellationToken);

    /// <summary>Newest first.</summary>
    Task<Page<RunRow>> ListRunsAsync(RunFilter filter, string? cursor, int limit, CancellationToken cancellationToken);

    /// <summary>In order of opening.</summary>
    Task<Page<StepRow>> ListStepsAsync(string ns, string run, string? cursor, int limit, CancellationToken cancellationToken);

    Task<StepRow?> GetStepAsync(string ns, string run, StepKey key, CancellationToken cancellationToken);

    /// <summary>Tasks that have a row, by step opening and split.</summary>
    Task<Page<TaskRow>> ListTasksAsync(string ns, string run, TaskFilter filter, string? cursor, int limit, CancellationToken cancellationToken);

    Task<TaskRow?> GetTaskAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken);

    Task<IReadOnlyList<AttemptRow>> ListAttemptsAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken);

    /// <summary>Events of the run and its steps after <paramref name="afterPosition"/>, in commit order.</summary>
    Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string ns, string run, long afterPosition, int limit, CancellationToken cancellationToken);

    /// <summary>The position up to which a run's history can be read now: what comes later stands above it.</summary>
    Task<long> GetPositionAsync(string ns, string run, CancellationToken cancellationToken);

    /// <summary>Outputs and artifacts of the succeeded, caught or skipped tasks of one step opening among
    /// <paramref name="splits"/>, by split.</summary>
    IAsyncEnumerable<TaskOutput> ReadOutputsAsync(string ns, string run, StepKey key, SplitRanges splits, CancellationToken cancellationToken);
}
