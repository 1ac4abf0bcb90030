using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;

namespace Fanfare.Storage.Postgres.Leading;

/// <summary>What a server has that took the journal over.</summary>
/// <param name="Term">Its number among those that led.</param>
/// <param name="Incarnation">The journal's life.</param>
/// <param name="PositionBlock">A block of positions of its own; all earlier ones lie below.</param>
/// <param name="Log">How far the database's log had come.</param>
/// <param name="IsLocked">Whether the session that took over holds the leader's lock: where the former leader's lease passed by time, its session may have to end first.</param>
internal sealed record Takeover(long Term, string Incarnation, long PositionBlock, long Log, bool IsLocked)
{
    private static readonly SqlText _sql = SqlText.Load("postgres_leader.sql");

    public static SqlText Sql => _sql;

    /// <summary>Takes the journal over when the former leader's session is gone, or nobody's lease lasts: from then on nothing that an earlier server sends is
    /// written. Null when somebody leads.</summary>
    /// <param name="gone">Term of the leader whose session is gone; null when its lease is to have passed.</param>
    /// <param name="mark">The last one that a leader has left; null when there is none.</param>
    /// <param name="log">Told when the database has gone back in time, or has become another.</param>
    /// <exception cref="JournalFormatException">A newer release wrote to it.</exception>
    public static async Task<Takeover?> TryAsync(NpgsqlConnection connection, string address, TimeSpan lease, long? gone, JournalMark? mark, Action<string> log, CancellationToken cancellationToken)
    {
        var locked = await LeaderLease.LockAsync(connection, cancellationToken).ConfigureAwait(false);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        if (await ExecuteAsync(connection, "claim", cancellationToken, address, lease, locked && gone is not null, gone ?? 0).ConfigureAwait(false) == 0)
        {
            if (locked) await ExecuteAsync(connection, "lead_no_more", cancellationToken).ConfigureAwait(false);
            return null;
        }
        var (incarnation, before, format, system, timeline, rewritten) = await JournalAsync(connection, cancellationToken).ConfigureAwait(false);
        if (format > JournalFormat.Version)
            throw new JournalFormatException($"The journal in the database {connection.Database} holds events of format {format}, and this release reads up to format {JournalFormat.Version}. Start the release that wrote it, or a later one.");
        var (systemNow, timelineNow, logNow) = await WhereaboutsAsync(connection, cancellationToken).ConfigureAwait(false);
        // A journal that nobody has led yet has nothing to void.
        if (before > 0 && ((system, timeline) != (systemNow, timelineNow) || rewritten || mark?.IsAheadOf(incarnation, before, logNow) == true))
        {
            incarnation = PostgresSchema.NewIncarnation();
            log("The database was restored, or failed over to another copy, since a server last took it over: what was acknowledged since that copy was made is missing, and leases that were granted since are void.");
        }
        await ExecuteAsync(connection, "end_leader", cancellationToken).ConfigureAwait(false);
        await ExecuteAsync(connection, "end_writers", cancellationToken).ConfigureAwait(false);
        await ExecuteAsync(connection, "forget_writers", cancellationToken).ConfigureAwait(false);
        var term = await ScalarAsync(connection, "take_over", cancellationToken, JournalFormat.Version, incarnation, systemNow, timelineNow).ConfigureAwait(false);
        await ExecuteAsync(connection, "hold", cancellationToken, term, lease).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return new Takeover(term, incarnation, await ScalarAsync(connection, "position_block", cancellationToken).ConfigureAwait(false), logNow, locked);
    }

    private static async Task<(string Incarnation, long Term, int Format, long System, int Timeline, bool Rewritten)> JournalAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, "journal");
        await using var row = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        if (!await row.ReadAsync(cancellationToken).ConfigureAwait(false))
            throw new JournalFormatException($"The journal in the database {connection.Database} is damaged: the row that names it is missing. Restore the database from a backup.");
        return (row.GetString(0), row.GetInt64(1), row.GetInt32(2), row.GetInt64(3), row.GetInt32(4), row.GetBoolean(5));
    }

    private static async Task<(long System, int Timeline, long Log)> WhereaboutsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = Command(connection, "whereabouts");
        await using var row = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await row.ReadAsync(cancellationToken).ConfigureAwait(false);
        return (row.GetInt64(0), row.GetInt32(1), row.GetInt64(2));
    }

    private static async Task<int> ExecuteAsync(NpgsqlConnection connection, string name, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(connection, name, values);
        return await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task<long> ScalarAsync(NpgsqlConnection connection, string name, CancellationToken cancellationToken, params object[] values)
    {
        await using var command = Command(connection, name, values);
        return (long)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string name, params object[] values)
    {
        var command = new NpgsqlCommand(_sql[name], connection);
        foreach (var value in values) command.Parameters.Add(new NpgsqlParameter { Value = value });
        return command;
    }
}
