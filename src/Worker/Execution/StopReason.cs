namespace Fanfare.Worker;

/// <summary>Why a worker ends a task's processes.</summary>
public enum StopReason
{
    /// <summary>The gateway asked for it.</summary>
    Cancelled,

    /// <summary>The lease is another's now: the result would be refused.</summary>
    Void,

    /// <summary>No gateway renewed the lease within its term.</summary>
    Expired,

    /// <summary>The worker goes down.</summary>
    Shutdown,

    /// <summary>The machine is taken back. The task may use the time that is left, and counts when it succeeds within that.</summary>
    Interrupted,
}
