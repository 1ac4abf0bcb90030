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

    /// <summary>Tells the other nodes that this one has work for which no worker waits here.</summary>
    void OfferWork();
}
