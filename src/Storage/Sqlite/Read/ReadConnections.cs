using System.Collections.Concurrent;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite.Read;

/// <summary>Read-only connections, opened as they are needed and kept. A query runs on a pool thread, since SQLite has no other way
/// to wait, and on a connection of its own; it sees the last commit and never waits for the writer.</summary>
/// <param name="directory">Where the file lies, for messages.</param>
/// <param name="open">Opens a connection.</param>
internal sealed class ReadConnections(string directory, Func<Database> open) : IAsyncDisposable
{
    /// <summary>Queries at a time; the next ones wait. More would only fight for the same cores.</summary>
    private static readonly int _most = Math.Max(4, Environment.ProcessorCount * 2);

    private static readonly SqlText _sql = SqlText.Load("sqlite_read.sql");

    private readonly ConcurrentBag<Database> _free = [];
    private readonly SemaphoreSlim _slots = new(_most);
    private volatile bool _closed;

    public static SqlText Sql => _sql;

    /// <summary>Runs a query inside one snapshot.</summary>
    /// <exception cref="DataDirectoryException">The database cannot be read.</exception>
    /// <exception cref="JournalFormatException">What was read is nothing that was ever written.</exception>
    public async Task<T> QueryAsync<T>(Func<Database, T> query, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            ObjectDisposedException.ThrowIf(_closed, typeof(SqliteStore));
            return await Task.Run(() => Query(query), cancellationToken).ConfigureAwait(false);
        }
        catch (SqliteFailure failure)
        {
            throw failure.ToDataDirectory(directory);
        }
        catch (Exception error) when (error is JsonException or OverflowException or IndexOutOfRangeException)
        {
            // Every row was written from what the types hold: one that does not fit them was damaged since.
            throw new JournalFormatException($"A row of the journal in {directory} cannot be read: {error.Message} It is damaged; restore the data directory from a backup.", error);
        }
        finally
        {
            _slots.Release();
        }
    }

    private T Query<T>(Func<Database, T> query)
    {
        if (!_free.TryTake(out var database)) database = open();
        try
        {
            database.Prepare(_sql["begin"]).Run();
            var result = query(database);
            database.Prepare(_sql["end"]).Run();
            _free.Add(database);
            return result;
        }
        catch
        {
            // Its statements may stand anywhere; a new connection is cheap.
            database.Dispose();
            throw;
        }
    }

    /// <summary>Waits for the queries that run, then closes all.</summary>
    public async ValueTask DisposeAsync()
    {
        _closed = true;
        for (var slot = 0; slot < _most; slot++) await _slots.WaitAsync().ConfigureAwait(false);
        while (_free.TryTake(out var database)) database.Dispose();
        _slots.Release(_most); // Whoever waited finds it closed.
    }
}
