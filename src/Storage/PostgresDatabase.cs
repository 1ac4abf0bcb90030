using Fanfare.Contracts;
using Fanfare.Storage.Postgres;
using Npgsql;

namespace Fanfare.Storage;

/// <summary>The schema of a PostgreSQL database.</summary>
/// <param name="Found">Version that it has; 0 for none.</param>
/// <param name="Known">Version that this release makes and reads.</param>
/// <param name="Place">Database, host and port.</param>
public sealed record PostgresDatabase(int Found, int Known, string Place)
{
    /// <summary>Looks, and changes nothing.</summary>
    /// <exception cref="StoreUnavailableException">The database cannot be reached or used.</exception>
    public static Task<PostgresDatabase> StatusAsync(string connectionString, CancellationToken cancellationToken) =>
        WithConnectionAsync(new PostgresSessions(connectionString), async (sessions, connection) =>
            new PostgresDatabase(await PostgresSchema.FindAsync(connection, cancellationToken).ConfigureAwait(false), PostgresSchema.Version, sessions.Place), cancellationToken);

    /// <summary>Brings the schema to this release's version; returns what it had before.</summary>
    /// <exception cref="StoreUnavailableException">The database cannot be reached or used.</exception>
    /// <exception cref="JournalFormatException">A newer release made it.</exception>
    public static Task<PostgresDatabase> MigrateAsync(string connectionString, CancellationToken cancellationToken) => MigrateAsync(new PostgresSessions(connectionString), cancellationToken);

    /// <summary>Connection string by which silos find the tables of their membership, which the schema holds beside the journal; few sessions do for it.</summary>
    /// <exception cref="StoreUnavailableException">It is no connection string.</exception>
    public static string ForSilos(string connectionString) => new PostgresSessions(connectionString).ForSilos;

    internal static Task<PostgresDatabase> MigrateAsync(PostgresSessions given, CancellationToken cancellationToken) =>
        WithConnectionAsync(given, async (sessions, connection) =>
            new PostgresDatabase(await PostgresSchema.MigrateAsync(connection, sessions.Schema, cancellationToken).ConfigureAwait(false), PostgresSchema.Version, sessions.Place), cancellationToken);

    private static async Task<PostgresDatabase> WithConnectionAsync(PostgresSessions sessions, Func<PostgresSessions, NpgsqlConnection, Task<PostgresDatabase>> work, CancellationToken cancellationToken)
    {
        await using var source = sessions.Writers();
        try
        {
            var connection = await source.ConnectAsync(cancellationToken).ConfigureAwait(false);
            await using var closed = connection.ConfigureAwait(false);
            return await work(sessions, connection).ConfigureAwait(false);
        }
        catch (NpgsqlException failure)
        {
            throw PostgresFailure.Unavailable(source, failure);
        }
    }
}
