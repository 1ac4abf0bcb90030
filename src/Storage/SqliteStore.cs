using Fanfare.Contracts;
using Fanfare.Storage.Sqlite;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Sqlite.Read;
using Fanfare.Storage.Sqlite.Retain;

namespace Fanfare.Storage;

/// <summary>A data directory with its journal and read model, in one SQLite file. One process at a time owns it.</summary>
public sealed class SqliteStore : IStore
{
    private readonly DirectoryLock _lock;
    private readonly ReadConnections _connections;
    private int _disposed;

    private SqliteStore(DirectoryLock held, ReadConnections connections, SqliteJournal journal, IReadModel readModel)
    {
        (_lock, _connections) = (held, connections);
        (Journal, ReadModel, Retention) = (journal, readModel, new SqliteRetention(journal, connections));
    }

    public IJournal Journal { get; }

    public IReadModel ReadModel { get; }

    public IRetention Retention { get; }

    /// <summary>Takes the directory over, making it and its journal where there is none.</summary>
    /// <param name="log">Takes one sentence for the operator whenever the journal cannot write, and when it can again; called on any thread, must not throw.
    /// Without it the same is in <see cref="IJournal.Health"/> only.</param>
    /// <exception cref="DataDirectoryException">It is in use by another server, cannot be written, or is damaged; the message says what to do.</exception>
    /// <exception cref="JournalFormatException">A newer release wrote it.</exception>
    public static Task<SqliteStore> OpenAsync(string dataDirectory, TimeProvider clock, Action<string>? log = null)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(dataDirectory);
        ArgumentNullException.ThrowIfNull(clock);
        var directory = Path.GetFullPath(dataDirectory);
        return Task.Run(() => Open(directory, clock, log ?? (_ => { })));
    }

    /// <summary>Writes what is queued, then closes the file and gives the directory free.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        // Readers first: the last connection to close is the writer, which can then empty the log.
        await _connections.DisposeAsync().ConfigureAwait(false);
        try
        {
            await Journal.DisposeAsync().ConfigureAwait(false);
        }
        finally
        {
            _lock.Dispose();
        }
    }

    private static SqliteStore Open(string directory, TimeProvider clock, Action<string> log)
    {
        var held = DirectoryLock.Take(directory);
        try
        {
            var (file, writer) = JournalFile.Open(directory, clock);
            var connections = new ReadConnections(file);
            return new SqliteStore(held, connections, new SqliteJournal(file, writer, connections, clock, log), new SqliteReadModel(connections));
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }
}
