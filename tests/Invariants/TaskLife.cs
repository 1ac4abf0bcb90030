using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of one task so far.</summary>
public sealed class TaskLife
{
    public TaskLeased? Lease { get; set; }

    public int NextAttempt { get; set; }

    /// <summary>User failures since the budgets were last fresh.</summary>
    public int Failures { get; set; }

    public int Losses { get; set; }

    public int? SucceededIn { get; set; }

    public bool FailedForGood { get; set; }

    public bool Cancelled { get; set; }

    public bool Skipped { get; set; }

    public DateTimeOffset? RetryAt { get; set; }

    public bool Killed { get; set; }
}
