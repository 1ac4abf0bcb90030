using Fanfare.Contracts;

namespace Fanfare.Worker.Leases;

/// <summary>A lease that this worker holds. Guarded by its table's lock.</summary>
internal sealed class HeldTask(Lease lease, long since, long renewedAt)
{
    public Lease Lease { get; } = lease;

    /// <summary>The first poll that lists this lease.</summary>
    public long Since { get; } = since;

    /// <summary>Timestamp of the sending of the newest poll that renewed the lease.</summary>
    public long RenewedAt { get; set; } = renewedAt;

    public long ReceivedAt { get; init; }

    /// <summary>Null while the lease waits for room.</summary>
    public TaskAssignment? Assignment { get; set; }

    /// <summary>Set when the gateway asked for the end before the task was started.</summary>
    public CancelLease? Cancelled { get; set; }
}
