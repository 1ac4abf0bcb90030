using Fanfare.Contracts;

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

    /// <summary>The grant whose row says that it runs; null when the task has a row of its own.</summary>
    public required TaskGrant? Grant { get; init; }

    /// <summary>By the owning node's uptime.</summary>
    public TimeSpan Deadline { get; set; }

    /// <summary>The worker was told to end it.</summary>
    public LeaseEnd End { get; set; }
}

/// <summary>First attempts that were leased to one worker in one go.</summary>
internal sealed class TaskGrant(long id, string worker, DateTimeOffset leasedAt)
{
    private readonly List<GrantedTask> _tasks = [];
    private int _count;

    public long Id { get; } = id;

    /// <summary>How many of them run.</summary>
    public int Running { get; private set; }

    public bool IsOf(string by, DateTimeOffset at, long sequence) => worker == by && leasedAt == at && Id + _count == sequence;

    public void Add(GrantedTask task)
    {
        _tasks.Add(task);
        (_count, Running) = (_count + 1, Running + 1);
    }

    /// <summary>One of them runs no more. With the last, nothing of them is kept: many steps stay in memory for a while after their end.</summary>
    public void End()
    {
        if (--Running > 0) return;
        _tasks.Clear();
        _tasks.TrimExcess();
    }

    public GrantRow Row(StreamId step) => new(step.Namespace, step.RunId!, step.StepKey, Id, worker, leasedAt, [.. _tasks]);
}

internal enum LeaseEnd
{
    None,

    /// <summary>The run, step or split is cancelled: the task ends as cancelled.</summary>
    Cancel,

    /// <summary>An operator killed the attempt: it ends as a user failure.</summary>
    Kill,

    /// <summary>Another task of its gang has to start again: so does it, and is not charged for it.</summary>
    Gang,
}

/// <summary>What a task has used of its budgets. Kept for every task that has a row and may be leased again.</summary>
/// <param name="NextAttempt">The number of the next attempt.</param>
/// <param name="Failures">Attempts that failed by the user's doing.</param>
/// <param name="Losses">Attempts that the platform lost.</param>
/// <param name="WasLost">Whether the latest attempt was one of those.</param>
internal readonly record struct TaskBudget(int NextAttempt, int Failures, int Losses, bool WasLost);
