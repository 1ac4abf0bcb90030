using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres;

/// <summary>What a server holds that has taken the journal over.</summary>
/// <param name="Term">Its number among those that led.</param>
/// <param name="Incarnation">The journal's life.</param>
/// <param name="PositionBlock">A block of positions of its own; all earlier ones lie below.</param>
internal sealed record PostgresLead(long Term, string Incarnation, long PositionBlock)
{
    private static readonly SqlText _sql = SqlText.Load("postgres_journal.sql");

    /// <summary>Takes the journal over: from here on nothing that an earlier server sends is written.</summary>
    /// <param name="log">Told when the database has gone back in time, or has become another.</param>
    /// <exception cref="JournalFormatException">A newer release wrote to it.</exception>
    public static async Task<PostgresLead> TakeOverAsync(NpgsqlConnection connection, Action<string> log, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        var (incarnation, format, system, timeline) = await JournalAsync(connection, cancellationToken).ConfigureAwait(false);
        if (format > JournalFormat.Version)
            throw new JournalFormatException($"The journal in the database {connection.Database} holds events of format {format}, and this release reads up to format {JournalFormat.Version}. Start the release that wrote it, or a later one.");
        var (systemNow, timelineNow) = await WhereaboutsAsync(connection, cancellationToken).ConfigureAwait(false);
        if (system != 0 && (system, timeline) != (systemNow, timelineNow))
        {
            incarnation = PostgresSchema.NewIncarnation();
            log("The database was restored, or failed over to another copy, since the last server led: leases that were granted before are void, and their tasks are run again where their results are missing.");
        }
        await ExecuteAsync(connection, "end_writers", cancellationToken).ConfigureAwait(false);
        await ExecuteAsync(connection, "forget_writers", cancellationToken).ConfigureAwait(false);
        await using var take = new NpgsqlCommand(_sql["take_over"], connection)
        {
            Parameters =
            {
                new() { Value = JournalFormat.Version, NpgsqlDbType = NpgsqlDbType.Integer }, new() { Value = incarnation, NpgsqlDbType = NpgsqlDbType.Text },
                new() { Value = systemNow, NpgsqlDbType = NpgsqlDbType.Bigint }, new() { Value = timelineNow, NpgsqlDbType = NpgsqlDbType.Integer },
            },
        };
        var term = (long)(await take.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        await using var block = new NpgsqlCommand(_sql["first_block"], connection);
        return new PostgresLead(term, incarnation, (long)(await block.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!);
    }

    private static async Task<(string Incarnation, int Format, long System, int Timeline)> JournalAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(_sql["journal"], connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        if (!await row.ReadAsync(cancellationToken).ConfigureAwait(false))
            throw new JournalFormatException($"The journal in the database {connection.Database} is damaged: the row that names it is missing. Restore the database from a backup.");
        return (row.GetString(0), row.GetInt32(2), row.GetInt64(3), row.GetInt32(4));
    }

    private static async Task<(long System, int Timeline)> WhereaboutsAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(_sql["whereabouts"], connection);
        await using var row = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        await row.ReadAsync(cancellationToken).ConfigureAwait(false);
        return (row.GetInt64(0), row.GetInt32(1));
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string name, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(_sql[name], connection);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}
