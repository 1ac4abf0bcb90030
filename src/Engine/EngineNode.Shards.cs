using Fanfare.Contracts;

namespace Fanfare.Engine;

// What a node does that owns some shards of the journal. Where a shard came from, and where it goes, is the host's to know: to the engine a shard that comes is like a start, and one
// that goes like an end, of what lies in it alone.
public sealed partial class EngineNode
{
    private readonly HashSet<int>? _shards;

    /// <summary>These shards are the node's from now on. What is unfinished in them is woken, which goes on when this has returned; what it returns completes when that is done.</summary>
    public Task<Task> GainAsync(IReadOnlyList<int> shards) => OnLoop(() =>
    {
        Owned.UnionWith(shards);
        _tookOverAt = Now;
        // What was deployed while the node was not yet known to others, nobody has told it.
        _unknown++;
        EngineInstruments.ShardsCame(shards.Count);
        if (shards.Contains(TellingShard)) Start(CountOpenAsync);
        return Task.FromResult(WakeAllAsync(shards));
    });

    private async Task WakeAllAsync(IReadOnlyList<int> shards)
    {
        try
        {
            await LearnAwaitedAsync();
            await ScanAsync(new WakeQuery(Now, Shards: shards));
            TellRecent();
        }
        catch (Exception exception) when (exception is not OperationCanceledException)
        {
            _isMissing = true;
            Warn($"what shards that came hold could not be woken, and is tried again: {exception.Message}");
        }
    }

    /// <summary>These are not the node's any more. Nothing more is decided on what lies in them; what was given to the journal before is answered as it ends, and what was not is refused, for the
    /// caller to ask another node.</summary>
    public Task LoseAsync(IReadOnlyList<int> shards) => OnLoop(() =>
    {
        Owned.ExceptWith(shards);
        EngineInstruments.ShardsWent(shards.Count);
        StopTellingOfAll();
        var lost = shards.ToHashSet();
        foreach (var activation in _activations.Values.Where(activation => lost.Contains(Shards.Of(activation.Id))).ToList())
        {
            _activations.Remove(activation.Id);
            activation.Leave(RefusedException.Moved(activation.Id));
        }
        Runs.ForgetVersions((ns, flow) => lost.Contains(Shards.Of(StreamId.Flow(ns, flow))));
        Dispatcher.Leave(step => lost.Contains(Shards.Of(step)));
        return Task.FromResult(true);
    });

    /// <summary>Flows, runs and steps in memory.</summary>
    public Task<int> CountAwakeAsync() => OnLoop(() => Task.FromResult(_activations.Count));

    private HashSet<int> Owned => _shards ?? throw new InvalidOperationException("A node that is alone owns all shards.");

    /// <summary>Whether the stream's entity may be here.</summary>
    internal bool Owns(StreamId stream) => _shards is null || _activations.ContainsKey(stream) || _shards.Contains(Shards.Of(stream));
}
