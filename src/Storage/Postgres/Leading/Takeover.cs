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
        var locked = await LockAsync(connection, cancellationToken).ConfigureAwait(false);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        if (await _sql.ExecuteAsync(connection, "claim", cancellationToken, address, lease, locked && gone is not null, gone ?? 0).ConfigureAwait(false) == 0
            || (long)(await _sql.ScalarAsync(connection, "live_nodes", cancellationToken).ConfigureAwait(false))! > 0)
        {
            if (locked) await _sql.ExecuteAsync(connection, "lead_no_more", cancellationToken).ConfigureAwait(false);
            return null;
        }
        var life = await JournalLife.ReadAsync(connection, JournalFormat.Version, mark, log, cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "end_leader", cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "end_writers", cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "forget_writers", cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "forget_nodes", cancellationToken).ConfigureAwait(false);
        var term = await life.RaiseTermAsync(connection, JournalFormat.Version, cancellationToken).ConfigureAwait(false);
        await _sql.ExecuteAsync(connection, "hold", cancellationToken, term, lease).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return new Takeover(term, life.Incarnation, (long)(await _sql.ScalarAsync(connection, "position_block", cancellationToken).ConfigureAwait(false))!, life.Log, locked);
    }

    /// <summary>Tries to make a session that of the leader: no other is, until it ends.</summary>
    public static async Task<bool> LockAsync(NpgsqlConnection session, CancellationToken cancellationToken) =>
        (bool)(await _sql.ScalarAsync(session, "lead", cancellationToken).ConfigureAwait(false))!;
}
