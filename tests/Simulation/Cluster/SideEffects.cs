using Fanfare.Contracts;

namespace Fanfare.Simulation.Cluster;

/// <summary>What workers really did, whatever the journal says of it.</summary>
internal sealed class SideEffects
{
    private readonly Dictionary<TaskRef, List<Execution>> _byTask = [];

    public List<Execution> All { get; } = [];

    public List<string> Overlaps { get; } = [];

    /// <summary>Called for each start.</summary>
    public Action<Lease>? Began { get; set; }

    public Execution Begin(Lease lease, string boot, DateTimeOffset now)
    {
        var execution = new Execution(lease, boot, now);
        if (!_byTask.TryGetValue(lease.Task, out var former)) _byTask[lease.Task] = former = [];
        foreach (var other in former)
        {
            if (other.EndedAt is not null || other.Froze) continue;
            Overlaps.Add($"{lease.Task.Run} {lease.Name}: attempt {lease.Attempt} began on {boot} at {Kernel.VirtualLoop.Stamp(now)} while attempt {other.Lease.Attempt} still ran on {other.Boot} since {Kernel.VirtualLoop.Stamp(other.StartedAt)}.");
        }
        former.Add(execution);
        All.Add(execution);
        Began?.Invoke(lease);
        return execution;
    }
}

/// <summary>One start of a task's process.</summary>
internal sealed class Execution(Lease lease, string boot, DateTimeOffset startedAt)
{
    public Lease Lease => lease;

    public string Boot => boot;

    public DateTimeOffset StartedAt => startedAt;

    public DateTimeOffset? EndedAt { get; private set; }

    public string? How { get; private set; }

    /// <summary>Its worker was frozen while it ran, so it may outlive its lease.</summary>
    public bool Froze { get; set; }

    public void Stop(DateTimeOffset now, string how)
    {
        EndedAt ??= now;
        How ??= how;
    }
}
