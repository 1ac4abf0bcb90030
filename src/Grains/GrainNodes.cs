using Fanfare.Contracts;
using Orleans;

namespace Fanfare.Grains;

/// <summary>The nodes as a silo sees them: who owns what the database says, and the way to the others is Orleans'.</summary>
/// <param name="own">This node's engine, which is called without detours.</param>
public sealed class GrainNodes(IShardMap map, IScheduler own, IGrainFactory grains) : INodes
{
    public string Own => map.Own;

    public IReadOnlyCollection<string> All => map.Live;

    public string? OwnerOf(StreamId stream) => map.AddressOf(Shards.Of(stream));

    public Task ChangedAsync() => map.ChangedAsync();

    public IScheduler At(string node) => node == Own ? own : new GrainScheduler(grains, node);

    public void Tell(NodeWord word)
    {
        // Word that is lost is made good for: all nodes are asked now and then.
        foreach (var node in All)
            if (node != Own) grains.GetGrain<IQueueGrain>(node).HearAsync(word).Ignore();
    }

    /// <summary>How far the history of a run can be read that another node owns.</summary>
    /// <exception cref="RefusedException">It cannot be asked at the moment.</exception>
    public async Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken)
    {
        if (OwnerOf(run) is not { } owner) throw RefusedException.Moved(run);
        try
        {
            return (await grains.GetGrain<IRunGrain>(GrainKey.Of(owner, run)).PositionAsync().WaitAsync(cancellationToken)).Get();
        }
        catch (Exception error) when (error is not (RefusedException or OperationCanceledException))
        {
            throw RefusedException.Moved(run);
        }
    }

    /// <summary>What each node says of itself; null of one that does not answer.</summary>
    public async Task<IReadOnlyList<(string Address, NodeInfo? Info)>> DescribeAsync(TimeSpan patience)
    {
        var asked = All.Order(StringComparer.Ordinal).Select(node => (Node: node, Answer: grains.GetGrain<IQueueGrain>(node).DescribeAsync().WaitAsync(patience))).ToList();
        await ((Task)Task.WhenAll(asked.Select(each => each.Answer))).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return [.. asked.Select(each => (each.Node, each.Answer is { IsCompletedSuccessfully: true, Result: { Refused: null } described } ? described.Value : null))];
    }
}
