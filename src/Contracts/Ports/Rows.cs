namespace Fanfare.Contracts;

/// <summary>A row of the read model, written whole; each is owned by one stream.</summary>
public abstract record Row;

public sealed record DeploymentRow(
    string Namespace, string Flow, int Version, string Digest, string Spec, string Source, string? Package,
    DateTimeOffset CreatedAt, string Actor) : Row;

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
public sealed record TaskRow(
    string Namespace, string Run, StepKey Key, int Split, TaskStatus Status, int Attempt, string? Worker,
    DateTimeOffset? LeasedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, TaskError? Error, string? Output,
    IReadOnlyList<Artifact>? Artifacts) : Row;

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
