using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Leading;
using Npgsql;

namespace Fanfare.Storage;

/// <summary>One of several servers on one PostgreSQL database. One of them leads, under a lease that it renews; the others wait for it to pass.</summary>
public sealed class PostgresElection : IAsyncDisposable
{
    /// <summary>How long nobody leads before a server that stands aside leads all the same: the others take over at once when they can.</summary>
    public static readonly TimeSpan LastResort = TimeSpan.FromSeconds(3);

    /// <summary>How often a server that stands by looks whether the leader's session lives. An idle database is to be left in peace.</summary>
    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(550);

    private static readonly TimeSpan _afterFailure = TimeSpan.FromMilliseconds(250), _shortest = TimeSpan.FromMilliseconds(20);

    private readonly PostgresSessions _sessions;
    private readonly NpgsqlDataSource _control, _standBy;
    private readonly TimeProvider _clock;
    private readonly Action<string> _log;
    private readonly MarkPlace _marks;
    private volatile string? _leader;
    private volatile string? _trouble;
    private long _asideUntil;

    private PostgresElection(PostgresSessions sessions, TimeProvider clock, Action<string> log, IBlobStore? marks) =>
        (_sessions, _control, _standBy, _clock, _log, _marks) =
        (sessions, sessions.Control(SessionLease.Length), sessions.StandBy(SessionLease.Length), clock, log, new MarkPlace(marks, clock, log));

    /// <summary>Address of the server that leads, as it was last seen; null when nobody is known to.</summary>
    public string? Leader => _leader;

    /// <summary>Why it is not known who leads; null when all is well.</summary>
    public string? Trouble => _trouble;

    /// <summary>Brings the schema up to date, and joins.</summary>
    /// <param name="connectionString">Npgsql's, such as <c>Host=db;Username=fanfare;Database=fanfare</c>. Tables lie in the schema <c>fanfare</c>, unless it has a 'Search Path'.</param>
    /// <param name="log">Takes one sentence for the operator whenever the journal cannot write, and when it can again; called on any thread, must not throw.</param>
    /// <param name="marks">Where leaders note how far the journal has come, so that one that was restored is known; null for nowhere.</param>
    /// <exception cref="StoreUnavailableException">The database cannot be reached or used; the message says what to do.</exception>
    /// <exception cref="JournalFormatException">A newer release wrote it.</exception>
    public static async Task<PostgresElection> JoinAsync(
        string connectionString, TimeProvider clock, Action<string>? log = null, IBlobStore? marks = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var sessions = new PostgresSessions(connectionString);
        await PostgresDatabase.MigrateAsync(sessions, cancellationToken).ConfigureAwait(false);
        return new PostgresElection(sessions, clock, log ?? (_ => { }), marks);
    }

    /// <summary>Whether another server waits to lead, and does not stand aside itself. One whose machine was lost counts until the database misses it.</summary>
    /// <exception cref="StoreUnavailableException">The database does not answer.</exception>
    public async Task<bool> HasSuccessorAsync(CancellationToken cancellationToken)
    {
        try
        {
            var connection = await _control.ConnectAsync(cancellationToken).ConfigureAwait(false);
            await using var returned = connection.ConfigureAwait(false);
            return (long)(await Takeover.Sql.ScalarAsync(connection, "successors", cancellationToken).ConfigureAwait(false))! > 0;
        }
        catch (NpgsqlException failure)
        {
            throw PostgresFailure.Unavailable(_control, failure);
        }
    }

    /// <summary>From now on, for so long, this server leads only where nobody else has for <see cref="LastResort"/>.</summary>
    public void StandAside(TimeSpan length) => Volatile.Write(ref _asideUntil, _clock.GetTimestamp() + (long)(length.TotalSeconds * _clock.TimestampFrequency));

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
        var session = await _standBy.ConnectAsync(cancellationToken).ConfigureAwait(false);
        PostgresStore? store = null;
        try
        {
            await Takeover.Sql.ExecuteAsync(session, "listen", cancellationToken).ConfigureAwait(false);
            var waits = false;
            var seen = _clock.GetTimestamp();
            (long Term, double Until, long Since)? gone = null;
            while (true)
            {
                var (term, leader, remaining, lives, node, until) = await LookAsync(session, cancellationToken).ConfigureAwait(false);
                _trouble = null;
                // One that has renewed its lease since was back in between.
                gone = lives ? null : gone is { } before && (before.Term, before.Until) == (term, until) ? gone : (term, until, _clock.GetTimestamp());
                var away = gone is { } since ? _clock.GetElapsedTime(since.Since) : TimeSpan.Zero;
                var isLed = node is not null || (remaining > TimeSpan.Zero && away < SessionLease.LongestAway);
                _leader = node ?? (isLed ? leader : null);
                if (isLed) seen = _clock.GetTimestamp();
                if (waits == IsAside)
                {
                    await Takeover.Sql.ExecuteAsync(session, waits ? "stand_by_no_more" : "stand_by", cancellationToken).ConfigureAwait(false);
                    waits = !waits;
                }
                if (!isLed && (waits || _clock.GetElapsedTime(seen) >= LastResort) && (store = await TryAsync(session, address, remaining > TimeSpan.Zero ? term : null, waits, cancellationToken).ConfigureAwait(false)) is not null) return store;
                // Until its lease would pass, or it says that it gives it up.
                var pause = !isLed ? _shortest : node is not null ? _lookEvery : Min(remaining, lives ? _lookEvery : SessionLease.LongestAway - away);
                await session.WaitAsync(pause > _shortest ? pause : _shortest, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            // Who leads does so in this session.
            if (store is null) await session.DisposeAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _standBy.DisposeAsync().ConfigureAwait(false);
        await _control.DisposeAsync().ConfigureAwait(false);
    }

    private bool IsAside => _clock.GetTimestamp() < Volatile.Read(ref _asideUntil);

    private async Task<PostgresStore?> TryAsync(NpgsqlConnection session, string address, long? gone, bool waits, CancellationToken cancellationToken)
    {
        var since = _clock.GetTimestamp();
        var mark = await _marks.ReadAsync(cancellationToken).ConfigureAwait(false);
        if (await Takeover.TryAsync(session, address, SessionLease.Length, gone, mark, _log, cancellationToken).ConfigureAwait(false) is not { } won) return null;
        if (waits) await Takeover.Sql.ExecuteAsync(session, "stand_by_no_more", cancellationToken).ConfigureAwait(false);
        _leader = address;
        var lease = new LeaderLease(session, _standBy, won, since, _clock);
        lease.Start();
        return PostgresStore.OfLeader(_sessions, won, lease, _marks, _clock, _log);
    }

    private static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;

    private static async Task<(long Term, string Leader, TimeSpan Remaining, bool Lives, string? Node, double Until)> LookAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var rows = await Takeover.Sql.RowsAsync(connection, "leader", row => (row.GetInt64(0), row.GetString(1), TimeSpan.FromSeconds(row.GetDouble(2)), row.GetBoolean(3), row.IsDBNull(4) ? null : row.GetString(4), row.GetDouble(5)), cancellationToken).ConfigureAwait(false);
        return rows is [var row]
            ? row
            : throw new JournalFormatException($"The journal in the database {connection.Database} is damaged: the row that says who leads is missing. Restore the database from a backup.");
    }
}
