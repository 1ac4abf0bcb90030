using Fanfare.Contracts;
using Fanfare.Engine;

namespace Fanfare.Grains;

/// <summary>The engine that lives in this silo, and what it lives from. While the silo starts or stops, or has to join anew, there is none, and what is asked of it is refused for the caller to ask again.</summary>
public sealed class Resident
{
    private volatile Tenancy? _now;

    /// <summary>What the database says of the nodes; null while there is no engine.</summary>
    public IShardMap? Map => _now?.Map;

    internal EngineNode Engine => Now.Engine;

    private Tenancy Now => _now ?? throw new RefusedException(RefusalKind.Busy, "FAN0008", "This server is joining the others, or leaving them. Repeat the request in a moment.");

    /// <summary>From now on calls reach this engine.</summary>
    /// <param name="scheduler">Leads to all nodes, this one among them.</param>
    /// <param name="self">What the node says of itself; its numbers are filled in here.</param>
    public void MoveIn(EngineNode engine, NodeScheduler scheduler, IShardMap map, IJournal journal, IReadModel reads, NodeInfo self) =>
        _now = new Tenancy(engine, scheduler, map, reads, new CommitWatch(journal, TimeProvider.System), self);

    /// <summary>Calls are refused from now on.</summary>
    public void MoveOut()
    {
        var was = Interlocked.Exchange(ref _now, null);
        was?.Commits.Dispose();
    }

    internal async Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken)
    {
        var now = Owner(run);
        return await now.Reads.GetPositionAsync(run.Namespace, run.Name, cancellationToken);
    }

    internal Task<long> WatchAsync(StreamId run, long after, CancellationToken cancellationToken) => Owner(run).Commits.WaitAsync(run, after, cancellationToken);

    internal Task HearAsync(NodeWord word) => _now?.Scheduler.HearAsync(word) ?? Task.CompletedTask;

    internal async Task<bool> TakeInAsync(Delivery delivery)
    {
        await Engine.DeliverAsync(delivery, CancellationToken.None);
        return true;
    }

    internal async Task<NodeInfo> DescribeAsync()
    {
        var now = Now;
        return now.Self with { Shards = now.Map.OwnedShards, Awake = await now.Engine.CountAwakeAsync(), Workers = (await now.Engine.ListWorkersAsync(CancellationToken.None)).Count };
    }

    // Who is asked of another's run would say how far it knows it itself, which may be less.
    private Tenancy Owner(StreamId run)
    {
        var now = Now;
        return now.Map.AddressOf(Shards.Of(run)) == now.Map.Own ? now : throw RefusedException.Moved(run);
    }

    private sealed record Tenancy(EngineNode Engine, NodeScheduler Scheduler, IShardMap Map, IReadModel Reads, CommitWatch Commits, NodeInfo Self);
}
