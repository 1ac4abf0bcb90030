using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;

namespace Fanfare.Storage.Postgres.Leading;

/// <summary>What the journal's one row says, and where its database is now.</summary>
/// <param name="Incarnation">The journal's life: a new one where the database is an older copy of itself, or another.</param>
/// <param name="IsNew">Whether that began just now.</param>
/// <param name="Log">How far the database's log has come.</param>
internal sealed record JournalLife(string Incarnation, bool IsNew, long System, int Timeline, long Log)
{
    /// <summary>Reads it, and keeps others from it until the transaction ends.</summary>
    /// <param name="reads">The newest format that this server reads.</param>
    /// <param name="mark">The last one that was left; null when there is none.</param>
    /// <param name="log">Told when the database has gone back in time, or has become another.</param>
    /// <exception cref="JournalFormatException">A newer release wrote to it.</exception>
    public static async Task<JournalLife> ReadAsync(NpgsqlConnection connection, int reads, JournalMark? mark, Action<string> log, CancellationToken cancellationToken)
    {
        var rows = await Takeover.Sql.RowsAsync(connection, "journal", row => (
            Incarnation: row.GetString(0), Term: row.GetInt64(1), Format: row.GetInt32(2), System: row.GetInt64(3), Timeline: row.GetInt32(4), IsRewritten: row.GetBoolean(5)), cancellationToken).ConfigureAwait(false);
        if (rows is not [var journal])
            throw new JournalFormatException($"The journal in the database {connection.Database} is damaged: the row that names it is missing. Restore the database from a backup.");
        if (journal.Format > reads)
            throw new JournalFormatException($"The journal in the database {connection.Database} holds events of format {journal.Format}, and this release reads up to format {reads}. Start the release that wrote it, or a later one.");
        var (system, timeline, position) = (await Takeover.Sql.RowsAsync(connection, "whereabouts", row => (row.GetInt64(0), row.GetInt32(1), row.GetInt64(2)), cancellationToken).ConfigureAwait(false))[0];
        // A journal that nobody has led yet has nothing to void.
        var isNew = journal.Term > 0 && ((journal.System, journal.Timeline) != (system, timeline) || journal.IsRewritten || mark?.IsAheadOf(journal.Incarnation, journal.Term, position) == true);
        if (isNew) log("The database was restored, or failed over to another copy, since a server last took it over: what was acknowledged since that copy was made is missing, and leases that were granted since are void.");
        return new JournalLife(isNew ? PostgresSchema.NewIncarnation() : journal.Incarnation, isNew, system, timeline, position);
    }

    /// <summary>Raises the journal's term, and writes what it is now. Returns the term.</summary>
    /// <param name="format">Which events may be written from now on, if that is newer than which may be already.</param>
    public async Task<long> RaiseTermAsync(NpgsqlConnection connection, int format, CancellationToken cancellationToken) =>
        (long)(await Takeover.Sql.ScalarAsync(connection, "take_over", cancellationToken, format, Incarnation, System, Timeline).ConfigureAwait(false))!;
}
