using Fanfare.Contracts;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Leading;
using Npgsql;

namespace Fanfare.Storage;

/// <summary>One of several servers on one PostgreSQL database. One of them leads, under a lease that it renews; the others wait for it to pass.</summary>
public sealed class PostgresElection : IAsyncDisposable
{
    private static readonly TimeSpan _afterFailure = TimeSpan.FromMilliseconds(250), _shortest = TimeSpan.FromMilliseconds(20);

    private readonly PostgresSessions _sessions;
    private readonly NpgsqlDataSource _control;
    private readonly TimeProvider _clock;
    private readonly Action<string> _log;
    private volatile string? _leader;
    private volatile string? _trouble;

    private PostgresElection(PostgresSessions sessions, TimeProvider clock, Action<string> log) =>
        (_sessions, _control, _clock, _log) = (sessions, sessions.Control(LeaderLease.Length), clock, log);

    /// <summary>Address of the server that leads, as it was last seen; null when nobody is known to.</summary>
    public string? Leader => _leader;

    /// <summary>Why it is not known who leads; null when all is well.</summary>
    public string? Trouble => _trouble;

    /// <summary>Brings the schema up to date, and joins.</summary>
    /// <param name="connectionString">Npgsql's, such as <c>Host=db;Username=fanfare;Database=fanfare</c>. Tables lie in the schema <c>fanfare</c>, unless it has a 'Search Path'.</param>
    /// <param name="log">Takes one sentence for the operator whenever the journal cannot write, and when it can again; called on any thread, must not throw.</param>
    /// <exception cref="StoreUnavailableException">The database cannot be reached or used; the message says what to do.</exception>
    /// <exception cref="JournalFormatException">A newer release wrote it.</exception>
    public static async Task<PostgresElection> JoinAsync(string connectionString, TimeProvider clock, Action<string>? log = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var sessions = new PostgresSessions(connectionString);
        await PostgresDatabase.MigrateAsync(sessions, cancellationToken).ConfigureAwait(false);
        return new PostgresElection(sessions, clock, log ?? (_ => { }));
    }

    /// <summary>Waits until this server leads.</summary>
    /// <param name="address">Where the others reach it.</param>
    /// <exception cref="JournalFormatException">A newer release wrote to the journal.</exception>
    public async Task<PostgresStore> WinAsync(string address, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return await StandByAsync(address, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (PostgresFailure.IsEnvironment(error))
            {
                _trouble = PostgresFailure.CannotReach(error, _sessions.Place);
            }
            await Task.Delay(_afterFailure, _clock, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<PostgresStore> StandByAsync(string address, CancellationToken cancellationToken)
    {
        var connection = await _control.ConnectAsync(cancellationToken).ConfigureAwait(false);
        await using var returned = connection.ConfigureAwait(false);
        await using (var listen = new NpgsqlCommand(Takeover.Sql["listen"], connection)) await listen.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            var (leader, remaining) = await LookAsync(connection, cancellationToken).ConfigureAwait(false);
            _trouble = null;
            _leader = remaining > TimeSpan.Zero ? leader : null;
            if (remaining <= TimeSpan.Zero && await TryAsync(connection, address, cancellationToken).ConfigureAwait(false) is { } store) return store;
            // Until its lease would pass, or it says that it gives it up.
            await connection.WaitAsync(remaining > _shortest ? remaining : _shortest, cancellationToken).ConfigureAwait(false);
        }
    }

    public ValueTask DisposeAsync() => _control.DisposeAsync();

    private async Task<PostgresStore?> TryAsync(NpgsqlConnection connection, string address, CancellationToken cancellationToken)
    {
        var since = _clock.GetTimestamp();
        if (await Takeover.TryAsync(connection, address, LeaderLease.Length, _log, cancellationToken).ConfigureAwait(false) is not { } won) return null;
        _leader = address;
        return new PostgresStore(_sessions, won, new LeaderLease(_control, won.Term, since, _clock), _clock, _log);
    }

    private static async Task<(string Leader, TimeSpan Remaining)> LookAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(Takeover.Sql["leader"], connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        return await row.ReadAsync(cancellationToken).ConfigureAwait(false)
            ? (row.GetString(0), TimeSpan.FromSeconds(row.GetDouble(1)))
            : throw new JournalFormatException($"The journal in the database {connection.Database} is damaged: the row that says who leads is missing. Restore the database from a backup.");
    }
}
