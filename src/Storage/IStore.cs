using Fanfare.Contracts;

namespace Fanfare.Storage;

/// <summary>A journal with the read model that its appends write, owned by this process. Disposal writes what is queued.</summary>
public interface IStore : IAsyncDisposable
{
    IJournal Journal { get; }

    IReadModel ReadModel { get; }

    IRetention Retention { get; }

    /// <summary>Whether no other server can own it now. While it is false, nothing may be said that is not in the journal.</summary>
    bool Leads => true;

    /// <summary>Cancelled when another server has taken it over; then nothing more can be written.</summary>
    CancellationToken Deposed => CancellationToken.None;
}
