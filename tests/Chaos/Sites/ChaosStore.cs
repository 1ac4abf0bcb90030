using Fanfare.Chaos.Faults;

namespace Fanfare.Chaos.Sites;

/// <summary>What a campaign has to know of the store under the server: how a server is started on it, what can go wrong with it, and how
/// all that it holds is read back when the servers have stopped. A subclass a store.</summary>
internal abstract class ChaosStore : IAsyncDisposable
{
    public abstract string Name { get; }

    /// <summary>Options of <c>fanfare serve</c> that put it on this store.</summary>
    public abstract IReadOnlyList<string> ServeOptions { get; }

    /// <summary>What such a server needs in its environment.</summary>
    public virtual IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>();

    /// <summary>Servers that share it.</summary>
    public virtual int Servers => 1;

    /// <summary>What can befall the store itself, beside its disk.</summary>
    public virtual IReadOnlyList<FaultKind> Faults => [];

    /// <summary>Does one of <see cref="Faults"/> to it, and mends it.</summary>
    public virtual Task StrikeAsync(Fault fault, CancellationToken end) => throw new InvalidOperationException($"{fault.Kind} is no fault of {Name}.");

    /// <summary>Why the store's disk cannot be filled here; null when it can.</summary>
    public abstract string? DiskRefusal { get; }

    /// <summary>Whether the disk is full, or was a moment ago: a server that cannot start then is right.</summary>
    public abstract bool MayRefuse { get; }

    /// <summary>Leaves no room on the store's disk.</summary>
    public abstract void Fill();

    /// <summary>Makes room again.</summary>
    public abstract void Free();

    /// <summary>Reads the whole journal and the rows. No server runs.</summary>
    public abstract Task<Reading> ReadAsync();

    /// <summary>Copies what the store holds to a directory, for whoever looks into a violation.</summary>
    public abstract void Keep(string directory);

    public abstract ValueTask DisposeAsync();
}
