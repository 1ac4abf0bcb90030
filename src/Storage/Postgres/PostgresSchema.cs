using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres;

/// <summary>The migrations, in order, applied under a lock. A released one is never edited; a change of the schema is a further file.</summary>
internal static class PostgresSchema
{
    // Its tables lie in a schema of their own.
    private const string Metaflow = "postgres_0007_metaflow.sql";

    private static readonly string[] _files = ["postgres_0001_journal.sql", "postgres_0002_retention.sql", "postgres_0003_written_by.sql", "postgres_0004_nodes.sql", "postgres_0005_silos.sql", "postgres_0006_releases.sql", Metaflow, "postgres_0008_deletions.sql", "postgres_0009_schedules.sql", "postgres_0010_triggers.sql", "postgres_0011_backfills.sql", "postgres_0012_notices.sql", "postgres_0013_pools.sql"];

    private static readonly SqlText _sql = SqlText.Load("postgres_schema.sql");

    /// <summary>The version that this release knows.</summary>
    public static int Version => _files.Length;

    /// <summary>The version that the database has; 0 for none.</summary>
    public static async Task<int> FindAsync(NpgsqlConnection connection, CancellationToken cancellationToken) =>
        await ScalarAsync<bool>(connection, "has_schema_version", cancellationToken).ConfigureAwait(false) ? await ScalarAsync<int>(connection, "schema_version", cancellationToken).ConfigureAwait(false) : 0;

    /// <summary>Brings the schema to this release's version, in one transaction. Returns the version that it had.</summary>
    /// <param name="schema">Made when it is not there and this user may make it.</param>
    /// <exception cref="JournalFormatException">A newer release made it, and this one cannot use it.</exception>
    /// <exception cref="StoreUnavailableException">The schema holds something else.</exception>
    public static async Task<int> MigrateAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
        await ExecuteAsync(connection, _sql["lock"], cancellationToken).ConfigureAwait(false);
        await MakeAsync(connection, schema, cancellationToken).ConfigureAwait(false);
        if (!await ScalarAsync<bool>(connection, "has_schema_version", cancellationToken).ConfigureAwait(false))
        {
            if (await ScalarAsync<long>(connection, "others_tables", cancellationToken).ConfigureAwait(false) > 0)
                throw new StoreUnavailableException($"The {Place(connection)} has tables, but no Fanfare journal. Name a database of its own for Fanfare, or a schema of its own ('Search Path' in the connection string).");
            await ExecuteAsync(connection, _sql["create_schema_version"], cancellationToken).ConfigureAwait(false);
        }
        var version = await ScalarAsync<int>(connection, "schema_version", cancellationToken).ConfigureAwait(false);
        if (version > Version) await CheckAsync(connection, version, cancellationToken).ConfigureAwait(false);
        for (var next = version + 1; next <= Version; next++)
        {
            if (_files[next - 1] == Metaflow) await InSchemaAsync(connection, PostgresSessions.MetaflowSchemaOf(schema), SqlText.Whole(Metaflow), cancellationToken).ConfigureAwait(false);
            else await ExecuteAsync(connection, SqlText.Whole(_files[next - 1]), cancellationToken).ConfigureAwait(false);
            await using var add = new NpgsqlCommand(_sql["add_schema_version"], connection) { Parameters = { new() { Value = next, NpgsqlDbType = NpgsqlDbType.Integer } } };
            await add.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        await using var journal = new NpgsqlCommand(_sql["add_journal"], connection)
        {
            Parameters = { new() { Value = NewIncarnation(), NpgsqlDbType = NpgsqlDbType.Text }, new() { Value = JournalFormat.Version, NpgsqlDbType = NpgsqlDbType.Integer } },
        };
        await journal.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
        return version;
    }

    public static string NewIncarnation() => Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture)[..12];

    private static async Task CheckAsync(NpgsqlConnection connection, int version, CancellationToken cancellationToken)
    {
        var oldest = await ScalarAsync<int>(connection, "schema_oldest", cancellationToken).ConfigureAwait(false);
        if (oldest > Version)
            throw new JournalFormatException($"The journal in the {Place(connection)} has schema version {version}, which releases that know version {oldest} can use, and this one knows up to {Version}. Start the release that wrote it, or a later one.");
    }

    private static string Place(NpgsqlConnection connection) => $"database {connection.Database} at {connection.Host}:{connection.Port}";

    // Asked for first: who may not make one must still be able to use one.
    private static async Task MakeAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        await using var find = new NpgsqlCommand(_sql["has_schema"], connection) { Parameters = { new() { Value = schema, NpgsqlDbType = NpgsqlDbType.Text } } };
        if (!(bool)(await find.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!) await ExecuteAsync(connection, $"CREATE SCHEMA {schema}", cancellationToken).ConfigureAwait(false);
    }

    private static async Task InSchemaAsync(NpgsqlConnection connection, string schema, string sql, CancellationToken cancellationToken)
    {
        try
        {
            await MakeAsync(connection, schema, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            throw new StoreUnavailableException($"The {Place(connection)} has no schema {schema}, and this user may not make one. Have an owner of the database make it: CREATE SCHEMA {schema} AUTHORIZATION {connection.UserName}.", refused);
        }
        // For the rest of the transaction, and back.
        var path = await ScalarAsync<string>(connection, "search_path", cancellationToken).ConfigureAwait(false);
        await SetPathAsync(connection, schema, cancellationToken).ConfigureAwait(false);
        if (await ScalarAsync<long>(connection, "others_tables", cancellationToken).ConfigureAwait(false) > 0)
            throw new StoreUnavailableException($"The schema {schema} of the {Place(connection)} has tables already, which Fanfare did not make for this journal. Rename that schema, drop it where nobody needs it, or have Fanfare use a schema of another name ('Search Path' in the connection string), beside which that of Metaflow's tables gets another one, too.");
        await ExecuteAsync(connection, sql, cancellationToken).ConfigureAwait(false);
        await SetPathAsync(connection, path, cancellationToken).ConfigureAwait(false);
    }

    private static async Task SetPathAsync(NpgsqlConnection connection, string path, CancellationToken cancellationToken)
    {
        await using var set = new NpgsqlCommand(_sql["set_search_path"], connection) { Parameters = { new() { Value = path, NpgsqlDbType = NpgsqlDbType.Text } } };
        await set.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }

    private static async Task<T> ScalarAsync<T>(NpgsqlConnection connection, string name, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(_sql[name], connection);
        return (T)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }
}
