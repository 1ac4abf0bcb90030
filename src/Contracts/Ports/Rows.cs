using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>A row of the read model, written whole; each is owned by one stream.</summary>
public abstract record Row;

/// <param name="DeletedAt">When its flow was deleted; null until then, and in what is written: a <see cref="DeletionRow"/> says it.</param>
public sealed record DeploymentRow(
    string Namespace, string Flow, int Version, string Digest, string Spec, string Source, string? Package,
    DateTimeOffset CreatedAt, string Actor, DateTimeOffset? DeletedAt = null) : Row;

/// <summary>Says of a flow's deployments, from <paramref name="First"/> to <paramref name="Last"/>, that they were deleted: they are listed and started no more, and stay readable by
/// their number, since runs have them. It is kept as part of their rows.</summary>
public sealed record DeletionRow(string Namespace, string Flow, int First, int Last, DateTimeOffset DeletedAt) : Row;

/// <summary>A schedule of a flow's latest deployment.</summary>
/// <param name="Due">When it starts a run next, as far as no run before holds it up; null while it is paused, for one that ends before, and for one that was removed.</param>
/// <param name="Standing">Null when it was removed: it is listed no more.</param>
public sealed record ScheduleRow(string Namespace, string Flow, string Schedule, DateTimeOffset? Due, ScheduleStanding? Standing) : Row;

/// <summary>How a schedule stands.</summary>
/// <param name="Deployment">The deployment that its runs are of.</param>
/// <param name="Until">The times up to this have been decided on.</param>
/// <param name="Active">Ids of runs of it that go on, the oldest first; of many the first <see cref="Limits.ListedRuns"/>.</param>
/// <param name="ActiveCount">How many go on.</param>
/// <param name="Waiting">How many times wait for a run to end.</param>
/// <param name="OldestWaiting">The oldest of these.</param>
/// <param name="Last">Id of the run that it started last.</param>
/// <param name="LastInterval">What that is about.</param>
/// <param name="LastEnd">How the run ended that ended last.</param>
/// <param name="Begun">Runs that it has started in its life.</param>
/// <param name="Skipped">Times that it left out: missed, or since others went on.</param>
public sealed record ScheduleStanding(
    int Deployment, ScheduleSpec Spec, DateTimeOffset Until, SchedulePause? Pause, IReadOnlyList<string> Active, int ActiveCount, int Waiting, DateTimeOffset? OldestWaiting,
    string? Last, DataInterval? LastInterval, RunStatus? LastEnd, long Begun, long Skipped);

/// <summary>A backfill of a schedule.</summary>
/// <param name="Backfill">Its id.</param>
/// <param name="Actor">Who asked for it.</param>
public sealed record BackfillRow(string Namespace, string Backfill, string Flow, string Schedule, string Actor, DateTimeOffset CreatedAt, BackfillStanding Standing) : Row;

/// <summary>How a backfill stands.</summary>
/// <param name="Deployment">The deployment that runs which begin now are of.</param>
/// <param name="Reached">The interval that was taken up last.</param>
/// <param name="Taken">How many intervals were taken up so far, of the plan's total.</param>
/// <param name="Present">How many of them have had a run, and got none from this.</param>
/// <param name="Succeeded">How many runs of it succeeded,</param>
/// <param name="Failed">failed,</param>
/// <param name="Cancelled">and were cancelled.</param>
/// <param name="Active">Ids of runs that go on, the oldest first; of many the first <see cref="Limits.ListedRuns"/>.</param>
/// <param name="Reason">Why it was cancelled.</param>
/// <param name="EndedAt">When the last of its runs had ended and no more came; null until then.</param>
public sealed record BackfillStanding(
    BackfillState State, BackfillPlan Plan, int Deployment, SchedulePause? Pause, DataInterval? Reached, int Taken, int Present, int Succeeded, int Failed, int Cancelled,
    IReadOnlyList<string> Active, int ActiveCount, string? Reason, DateTimeOffset? EndedAt);

public enum BackfillState
{
    Running,
    Paused,

    /// <summary>Nothing more begins, and some of its runs go on.</summary>
    Cancelling,
    Cancelled,

    /// <summary>All of its intervals have been taken up, and no run goes on.</summary>
    Done,
}

/// <summary>Who paused a schedule, a backfill or a trigger, when, and why.</summary>
public sealed record SchedulePause(string Actor, DateTimeOffset At, string? Reason);

/// <summary>A trigger of a flow's latest deployment; written by the flow.</summary>
/// <param name="Standing">Null when it was removed: nothing finds it any more.</param>
public sealed record TriggerRow(string Namespace, string Flow, string Trigger, TriggerStanding? Standing) : Row;

/// <param name="Deployment">The deployment that its runs are of.</param>
public sealed record TriggerStanding(int Deployment, TriggerSpec Spec, SchedulePause? Pause);

/// <summary>An event that was published, or a run's end that somebody listened for.</summary>
/// <param name="Event">Its id.</param>
/// <param name="Payload">JSON object.</param>
/// <param name="Outcomes">What it came to, at every trigger that listened.</param>
public sealed record EventRow(
    string Namespace, string Event, EventOrigin Origin, string Payload, string? Key, string Actor, DateTimeOffset At, IReadOnlyList<TriggerOutcome> Outcomes) : Row;

/// <summary>What should have started a run and could not; written by its event.</summary>
/// <param name="At">When that was tried last.</param>
/// <param name="Reason">Null when it is none any more: it was redriven, or dismissed.</param>
public sealed record DeadLetterRow(string Namespace, string Event, string Flow, string Trigger, EventOrigin Origin, DateTimeOffset At, string? Reason) : Row;

/// <summary>What somebody is told, or could not be told; or would be, of a run that is watched.</summary>
/// <param name="Notice">Its id.</param>
/// <param name="At">When it came about, or the run began that is watched.</param>
public sealed record NoticeRow(string Namespace, string Notice, string Flow, DateTimeOffset At, NoticeStanding Standing) : Row
{
    /// <summary>Whether somebody is told. One that is not is found by nobody.</summary>
    [JsonIgnore]
    public bool IsRaised => Standing.Deliveries.Count > 0;

    /// <summary>Whether it is a dead letter of some receiver.</summary>
    [JsonIgnore]
    public bool IsDead => Standing.Deliveries.Any(delivery => delivery.State == NoticeState.Dead);
}

/// <param name="Deliveries">Of each receiver, in the order of the rule.</param>
public sealed record NoticeStanding(NoticeContent Content, IReadOnlyList<NoticeDelivery> Deliveries);

/// <summary>A pool; written by its stream.</summary>
/// <param name="Standing">Null when it was deleted and its last machine has ended: it is listed no more.</param>
public sealed record PoolRow(string Pool, PoolStanding? Standing) : Row;

/// <param name="DeletedAt">When it was deleted; null until then.</param>
public sealed record PoolStanding(int Version, PoolSpec Spec, PoolSetting Setting, DateTimeOffset? DeletedAt);

public sealed record RunRow(
    string Namespace, string Run, string Flow, int Deployment, RunStatus Status, string Parameters, IReadOnlyList<string> Tags,
    int Priority, string? IdempotencyKey, string Actor, int Generation,
    DateTimeOffset CreatedAt, DateTimeOffset? EndedAt, TaskError? Error) : Row;

/// <summary>An opening of a step and its counts. Total is what is known of its width so far; the splits that wait are
/// Total - Running - Succeeded - Failed - Cancelled - Backoff.</summary>
public sealed record StepRow(
    string Namespace, string Run, StepKey Key, StepStatus Status, bool InForeach, int Total, int Running, int Backoff, int Succeeded,
    int Failed, int Cancelled, DateTimeOffset OpenedAt, DateTimeOffset? EndedAt) : Row;

public enum StepStatus
{
    /// <summary>Waits for splits, or has ready or running tasks.</summary>
    Open,
    Paused,

    /// <summary>All known tasks succeeded, were skipped or caught.</summary>
    Succeeded,
    Failed,
    Cancelled,
}

/// <summary>A task that has been leased at least once, or was skipped or cancelled; one that never started has no row.</summary>
/// <param name="Token">Of attempt 0 that was granted in a <see cref="GrantRow"/> and succeeded: the row then stands for that attempt too, which has no
/// <see cref="AttemptRow"/>, and it is the task's first. Null otherwise, and in what a query returns.</param>
public sealed record TaskRow(
    string Namespace, string Run, StepKey Key, int Split, TaskStatus Status, int Attempt, string? Worker,
    DateTimeOffset? LeasedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, TaskError? Error, string? Output,
    IReadOnlyList<Artifact>? Artifacts, string? Token = null) : Row
{
    /// <summary>The attempt that the row stands for; null when its attempts have rows of their own.</summary>
    [JsonIgnore]
    public AttemptRow? OwnAttempt => Token is null ? null
        : new AttemptRow(Namespace, Run, Key, Split, Attempt, AttemptStatus.Succeeded, Worker!, Token, LeasedAt!.Value, StartedAt, EndedAt, Error);
}

/// <summary>First attempts that a step leased to one worker in one go. Each is running as long as its task has no row; so a million tasks that end well are
/// written once each, at their end. The row goes when the last of them has ended: then <paramref name="Tasks"/> is empty.</summary>
/// <param name="Grant">Names it within its step: the sequence of its first event.</param>
public sealed record GrantRow(
    string Namespace, string Run, StepKey Key, long Grant, string Worker, DateTimeOffset LeasedAt, IReadOnlyList<GrantedTask> Tasks) : Row
{
    /// <summary>What the row says of one of its tasks, as long as that has no row.</summary>
    public (TaskRow Task, AttemptRow Attempt) Running(GrantedTask task) => (
        new TaskRow(Namespace, Run, Key, task.Split, TaskStatus.Running, 0, Worker, LeasedAt, null, null, null, null, null),
        new AttemptRow(Namespace, Run, Key, task.Split, 0, AttemptStatus.Running, Worker, task.Token, LeasedAt, null, null, null));
}

/// <summary>One of a grant's tasks, at its attempt 0.</summary>
public readonly record struct GrantedTask(int Split, string Token);

public enum TaskStatus
{
    /// <summary>Ready or waiting for its inputs. A task without a row is waiting; a row says so only of one that an operator sent back to the start.</summary>
    Waiting,
    Running,

    /// <summary>Failed or lost, and will be tried again.</summary>
    Backoff,
    Succeeded,

    /// <summary>Succeeded because <c>catch</c> stored its error.</summary>
    Caught,
    Skipped,
    Failed,
    Cancelled,
}

/// <summary>An attempt. A first one that runs under a <see cref="GrantRow"/>, or succeeded, is written as part of another row.</summary>
public sealed record AttemptRow(
    string Namespace, string Run, StepKey Key, int Split, int Attempt, AttemptStatus Status, string Worker, string Token,
    DateTimeOffset LeasedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, TaskError? Error) : Row;

public enum AttemptStatus
{
    Running,
    Succeeded,
    Failed,
    Lost,
    Cancelled,
}
