using Fanfare.Contracts;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Read;
using Npgsql;

namespace Fanfare.Storage;

/// <summary>The journal and read model in a PostgreSQL database.</summary>
public sealed class PostgresStore : IAsyncDisposable
{
    /// <summary>Connections that commit: while one waits for its flush, another is filled.</summary>
    private const int Writers = 2;

    private readonly NpgsqlDataSource _reads, _writes;
    private readonly PostgresJournal _journal;

    private PostgresStore(NpgsqlDataSource reads, NpgsqlDataSource writes, PostgresJournal journal)
    {
        (_reads, _writes, _journal) = (reads, writes, journal);
        ReadModel = new PostgresReadModel(reads, () => journal.Position);
    }

    public IJournal Journal => _journal;

    public IReadModel ReadModel { get; }

    /// <summary>Brings the schema up to date and takes the journal over: whatever server led before can write nothing more.</summary>
    /// <param name="connectionString">Npgsql's, such as <c>Host=db;Username=fanfare;Database=fanfare</c>. Tables lie in the schema <c>fanfare</c>, unless it has a 'Search Path'.</param>
    /// <param name="log">Takes one sentence for the operator whenever the journal cannot write, and when it can again; called on any thread, must not throw.</param>
    /// <exception cref="StoreUnavailableException">The database cannot be reached or used; the message says what to do.</exception>
    /// <exception cref="JournalFormatException">A newer release wrote it.</exception>
    public static async Task<PostgresStore> OpenAsync(string connectionString, TimeProvider clock, Action<string>? log = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var sessions = new PostgresSessions(connectionString);
        var (reads, writes) = (sessions.Readers(), sessions.Writers());
        try
        {
            var lead = await LeadAsync(sessions, writes, log ?? (_ => { }), cancellationToken).ConfigureAwait(false);
            return new PostgresStore(reads, writes, new PostgresJournal(lead, reads, writes, Writers, sessions.Place, clock, log ?? (_ => { })));
        }
        catch (Exception error)
        {
            await reads.DisposeAsync().ConfigureAwait(false);
            await writes.DisposeAsync().ConfigureAwait(false);
            if (error is NpgsqlException failure) throw PostgresFailure.Unavailable(writes, failure);
            throw;
        }
    }

    /// <summary>Writes what is queued, then closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        await _journal.DisposeAsync().ConfigureAwait(false);
        await _reads.DisposeAsync().ConfigureAwait(false);
        await _writes.DisposeAsync().ConfigureAwait(false);
    }

    private static async Task<PostgresLead> LeadAsync(PostgresSessions sessions, NpgsqlDataSource writes, Action<string> log, CancellationToken cancellationToken)
    {
        var connection = await writes.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
        await using var closed = connection.ConfigureAwait(false);
        await sessions.MakeSchemaAsync(connection, cancellationToken).ConfigureAwait(false);
        await PostgresSchema.MigrateAsync(connection, cancellationToken).ConfigureAwait(false);
        return await PostgresLead.TakeOverAsync(connection, log, cancellationToken).ConfigureAwait(false);
    }
}
