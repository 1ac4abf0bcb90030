using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>Which streams this process may write, and since which term.</summary>
internal interface IOwnership
{
    /// <summary>The stream's shard, where the store divides its streams.</summary>
    int ShardOf(StreamId stream);

    /// <summary>The term under which this process owns the shard; 0 when it does not.</summary>
    long TermOf(int shard);

    /// <summary>Null for all of them.</summary>
    IReadOnlyList<int>? Shards { get; }
}

/// <summary>All of it, until another server leads.</summary>
internal sealed class SoleOwnership(long term, bool isDivided) : IOwnership
{
    public IReadOnlyList<int>? Shards => null;

    public int ShardOf(StreamId stream) => isDivided ? Contracts.Shards.Of(stream) : 0;

    public long TermOf(int shard) => term;
}

/// <summary>Some shards, which come and go.</summary>
internal sealed class SharedOwnership : IOwnership
{
    private readonly long[] _terms = new long[Contracts.Shards.Count];

    public IReadOnlyList<int> Shards => [.. Enumerable.Range(0, _terms.Length).Where(shard => TermOf(shard) > 0)];

    public int ShardOf(StreamId stream) => Contracts.Shards.Of(stream);

    public long TermOf(int shard) => Volatile.Read(ref _terms[shard]);

    public void Take(int shard, long term) => Volatile.Write(ref _terms[shard], term);

    public void Leave(int shard) => Volatile.Write(ref _terms[shard], 0);
}
