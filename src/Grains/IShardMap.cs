namespace Fanfare.Grains;

/// <summary>What the nodes' database says of them, as this one last saw it. Safe to call from any thread.</summary>
public interface IShardMap
{
    /// <summary>Address of this node.</summary>
    string Own { get; }

    /// <summary>Addresses of all that live, this one's among them.</summary>
    IReadOnlyCollection<string> Live { get; }

    /// <summary>Shards of this node.</summary>
    int OwnedShards { get; }

    /// <summary>Address of the node that owns a shard; null for none.</summary>
    string? AddressOf(int shard);

    /// <summary>Completes when <see cref="AddressOf"/> has changed since this was asked for.</summary>
    Task ChangedAsync();
}
