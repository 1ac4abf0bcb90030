namespace Fanfare.Core;

/// <summary>A live lease on a task's attempt. The deadline is volatile: it is renewed without an event, and a new
/// activation gives a full term.</summary>
internal sealed class TaskLease
{
    public required int Attempt { get; init; }

    public required string Token { get; init; }

    public required string Worker { get; init; }

    public required string Boot { get; init; }

    public required DateTimeOffset LeasedAt { get; init; }

    /// <summary>By the owning node's uptime.</summary>
    public TimeSpan Deadline { get; set; }

    /// <summary>The worker was told to end it.</summary>
    public LeaseEnd End { get; set; }
}

internal enum LeaseEnd
{
    None,

    /// <summary>The run, step or split is cancelled: the task ends as cancelled.</summary>
    Cancel,

    /// <summary>An operator killed the attempt: it ends as a user failure.</summary>
    Kill,
}

/// <summary>What a task has used of its budgets. Kept only for tasks that had more than one attempt.</summary>
internal readonly record struct TaskBudget(int NextAttempt, int Failures, int Losses);
