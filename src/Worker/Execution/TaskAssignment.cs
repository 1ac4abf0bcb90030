using System.Diagnostics.CodeAnalysis;
using Fanfare.Contracts;

namespace Fanfare.Worker;

/// <summary>One attempt that this worker is to run, and the way to tell its executor to stop. Safe to call from any thread.</summary>
[SuppressMessage("Reliability", "CA1001", Justification = "The sources have no timers, and a late stop may still reach them.")]
public sealed class TaskAssignment(Lease lease, IReadOnlyList<int> gpus, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _abandon = new();
    private long _killAt = long.MaxValue;

    public Lease Lease { get; } = lease;

    /// <summary>Indexes of the GPUs that are the attempt's own while it runs.</summary>
    public IReadOnlyList<int> Gpus { get; } = gpus;

    /// <summary>Cancelled when the task is to end.</summary>
    public CancellationToken Stop => _stop.Token;

    /// <summary>Cancelled when nothing of the attempt is worth uploading any more.</summary>
    public CancellationToken Abandon => _abandon.Token;

    /// <summary>Why the task is to end; null while it may run.</summary>
    public StopReason? Reason { get; private set; }

    /// <summary>The reason in words, for the attempt's error.</summary>
    public string ReasonText { get; private set; } = "";

    /// <summary>Set with <see cref="StopReason.Interrupted"/>: what is done with the machine, and when.</summary>
    public Interruption? Interruption { get; private set; }

    /// <summary>What names the attempt under its fence.</summary>
    public HeldLease Held { get; } = new(lease.Task, lease.Token);

    /// <summary>Asks for the end. The first reason stays; a later call can only shorten the grace.</summary>
    /// <param name="reason">Why.</param>
    /// <param name="text">The same in words.</param>
    /// <param name="grace">From now to SIGKILL.</param>
    public void RequestStop(StopReason reason, string text, TimeSpan grace)
    {
        lock (_lock)
        {
            _killAt = Math.Min(_killAt, time.GetTimestamp() + (long)(Math.Max(0, grace.TotalSeconds) * time.TimestampFrequency));
            if (Reason is null)
            {
                Reason = reason;
                ReasonText = text;
            }
        }
        _stop.Cancel();
        if (reason is StopReason.Void or StopReason.Expired) _abandon.Cancel();
    }

    /// <summary>Asks for the end because the machine is taken back. The step's own grace does not bound the time that is left.</summary>
    /// <param name="interruption">What is done with the machine.</param>
    /// <param name="text">The same in words.</param>
    /// <param name="grace">From now to SIGKILL.</param>
    public void Interrupt(Interruption interruption, string text, TimeSpan grace)
    {
        lock (_lock)
            if (Reason is null) Interruption = interruption;
        RequestStop(StopReason.Interrupted, text, grace);
    }

    /// <summary>Gives up on uploads.</summary>
    public void AbandonUploads() => _abandon.Cancel();

    /// <summary>What is left until SIGKILL, given the grace that began at <paramref name="since"/>.</summary>
    internal TimeSpan UntilKill(long since, TimeSpan grace)
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var left = grace - time.GetElapsedTime(since, now);
            var ordered = _killAt == long.MaxValue ? left : time.GetElapsedTime(now, _killAt);
            var shorter = ordered < left ? ordered : left;
            return shorter > TimeSpan.Zero ? shorter : TimeSpan.Zero;
        }
    }
}
