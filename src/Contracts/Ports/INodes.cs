namespace Fanfare.Contracts;

/// <summary>The nodes that own a journal together, as one of them sees them. Safe to call from any thread.</summary>
public interface INodes
{
    /// <summary>Address of this node.</summary>
    string Own { get; }

    /// <summary>Addresses of all that live, this one's among them.</summary>
    IReadOnlyCollection<string> All { get; }

    /// <summary>Address of the node that owns a stream, as far as is known; null while it passes from one to another.</summary>
    string? OwnerOf(StreamId stream);

    /// <summary>Completes when what the others say has changed since this was asked for.</summary>
    Task ChangedAsync();

    /// <summary>What a node does itself, and nobody for it: of its own streams, and of workers as far as those are concerned. A call that does not arrive there fails with
    /// <see cref="RefusalKind.Busy"/>, when it is sure that it did nothing, and otherwise with whatever the way there fails with.</summary>
    IScheduler At(string node);

    /// <summary>Tells the other nodes something, which may get lost.</summary>
    void Tell(NodeWord word);
}

/// <summary>What a node has for workers that do not wait there.</summary>
/// <param name="HasWork">Work that nobody takes.</param>
/// <param name="Workers">Workers that hold a lease which is to end, or one of which they may not have heard.</param>
/// <param name="Kept">Workers that are to get nothing from others for a moment; null for none.</param>
public sealed record NodeWord(string Node, bool HasWork, IReadOnlyList<string> Workers, KeptWorkers? Kept = null);

/// <summary>Workers that a node needs all at once, for a gang.</summary>
/// <param name="Since">When the gang began to wait. A worker that two nodes need is for the one whose gang has waited longer.</param>
public sealed record KeptWorkers(DateTimeOffset Since, IReadOnlyList<string> Workers);

/// <summary>Has commits of a run that another node owns be told here, too (<see cref="IJournal.Committed"/>), until what it returns is disposed of.</summary>
public interface IRunWatch
{
    IDisposable Watch(string ns, string run);
}

/// <summary>The servers that own a journal together, for those who look after them.</summary>
public interface ICluster
{
    /// <summary>How many live as this one sees it, itself among them; null while it joins. Costs nothing.</summary>
    int? Live { get; }

    /// <summary>All that live, by address. One that does not answer is there with no version.</summary>
    Task<IReadOnlyList<NodeInfo>> ListNodesAsync(CancellationToken cancellationToken);

    /// <summary>Has this server give what it owns to the others, so that it can be stopped without anybody noticing. It goes on serving requests, and owns nothing for some minutes unless nobody else lives.
    /// Returns when that is so, with its address.</summary>
    /// <exception cref="RefusedException">There is no other.</exception>
    Task<string> DrainAsync(CancellationToken cancellationToken);
}

/// <summary>One of several servers that own a journal together.</summary>
/// <param name="Address">Of its silo.</param>
/// <param name="Url">Where its API is reached.</param>
/// <param name="Version">The release that it runs.</param>
/// <param name="Format">The newest format of events that it reads.</param>
/// <param name="Since">When it joined.</param>
/// <param name="Shards">How many of the journal's <see cref="Contracts.Shards.Count"/> shards it owns.</param>
/// <param name="Awake">Flows, runs and steps that it has in memory.</param>
/// <param name="Workers">Workers that it leases to, or that it has seen lately.</param>
public sealed record NodeInfo(string Address, string Url, string Version, int Format, int Process, DateTimeOffset Since, int Shards = 0, int Awake = 0, int Workers = 0);
