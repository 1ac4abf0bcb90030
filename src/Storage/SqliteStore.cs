using Fanfare.Contracts;
using Fanfare.Storage.Common;
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
    private readonly MarkKeeper _mark;
    private long _position;
    private int _disposed;

    private SqliteStore(DirectoryLock held, JournalFile file, ReadConnections connections, SqliteJournal journal, IReadModel readModel, TimeProvider clock, Action<string> log)
    {
        (_lock, _connections, _position) = (held, connections, file.Position);
        (Journal, ReadModel, Retention) = (journal, readModel, new SqliteRetention(journal, connections));
        journal.Committed += (position, _) => Volatile.Write(ref _position, position);
        _mark = new MarkKeeper(() => file.MarkAt(Volatile.Read(ref _position)), file.WriteMarkAsync, clock, log);
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
            await _mark.DisposeAsync().ConfigureAwait(false);
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
            var connections = new ReadConnections(file.Directory, file.OpenReader);
            if (file.IsRestored)
                log($"The journal in {directory} is a copy of itself, from a backup or because it was moved: what it acknowledged since that copy was made is missing, and leases that were granted since are void.");
            return new SqliteStore(held, file, connections, new SqliteJournal(file, writer, connections, clock, log), new SqliteReadModel(connections), clock, log);
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }
}
