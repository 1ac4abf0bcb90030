using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Tests.Conformance;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>What a server does with the database that it is given.</summary>
public sealed class PostgresSchemaTests(SharedPostgres shared) : IClassFixture<SharedPostgres>
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(60);

    private readonly string _database = shared.NewSchema();
    private readonly List<string> _log = [];

    [PostgresFact]
    public async Task AnEmptyDatabase_IsLookedAtWithoutAChange_AndMadeOnce()
    {
        var before = await PostgresDatabase.StatusAsync(_database, default);
        var made = await PostgresDatabase.MigrateAsync(_database, default);
        var again = await PostgresDatabase.MigrateAsync(_database, default);

        Assert.Equal((0, PostgresSchema.Version), (before.Found, before.Known));
        Assert.Equal((0, PostgresSchema.Version), (made.Found, made.Known));
        Assert.Equal(PostgresSchema.Version, again.Found);
        var place = new NpgsqlConnectionStringBuilder(_database);
        Assert.Equal($"{place.Database} at {place.Host}:{place.Port}", again.Place);
        Assert.Equal(again, await PostgresDatabase.StatusAsync(_database, default));
        Assert.Equal(PostgresSchema.Version, await ScalarAsync<long>("SELECT count(*) FROM schema_version"));
        Assert.Equal(1, await ScalarAsync<long>("SELECT count(*) FROM journal"));
    }

    [PostgresFact]
    public async Task AStatus_LeavesNothingBehind()
    {
        await PostgresDatabase.StatusAsync(_database, default);

        Assert.False(await ScalarAsync<bool>($"SELECT to_regnamespace('{Schema}') IS NOT NULL"));
    }

    [PostgresFact]
    public async Task ServersThatStartAtOnceOnAnEmptyDatabase_AllJoin()
    {
        for (var round = 0; round < 5; round++)
        {
            var empty = shared.NewSchema();
            var elections = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => Task.Run(() => PostgresElection.JoinAsync(empty, TimeProvider.System)))).WaitAsync(_patience);
            foreach (var election in elections) await election.DisposeAsync();
            Assert.Equal(PostgresSchema.Version, (await PostgresDatabase.StatusAsync(empty, default)).Found);
        }
    }

    [PostgresFact]
    public async Task ASchemaOfANewerRelease_IsRefused_AndTold()
    {
        await PostgresDatabase.MigrateAsync(_database, default);
        await ExecuteAsync("INSERT INTO schema_version (version) VALUES (99); UPDATE schema_oldest SET version = 98");

        var error = await Assert.ThrowsAsync<JournalFormatException>(() => PostgresElection.JoinAsync(_database, TimeProvider.System));

        Assert.Contains($"has schema version 99, which releases that know version 98 can use, and this one knows up to {PostgresSchema.Version}. Start the release that wrote it", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<JournalFormatException>(() => PostgresDatabase.MigrateAsync(_database, default));
        Assert.Equal((99, PostgresSchema.Version), (await PostgresDatabase.StatusAsync(_database, default)) is var status ? (status.Found, status.Known) : default);
        Assert.Equal(PostgresSchema.Version + 1, await ScalarAsync<long>("SELECT count(*) FROM schema_version"));
    }

    [PostgresFact]
    public async Task ASchemaOfANewerRelease_ThatOlderOnesCanUse_IsUsedAsItIs()
    {
        await PostgresDatabase.MigrateAsync(_database, default);
        await ExecuteAsync("INSERT INTO schema_version (version) VALUES (99)");

        await using var election = await PostgresElection.JoinAsync(_database, TimeProvider.System);
        await using var store = await election.WinAsync("a", CancellationToken.None).WaitAsync(_patience);

        Assert.True(store.Leads);
        Assert.Equal(99, (await PostgresDatabase.MigrateAsync(_database, default)).Found);
        Assert.Equal(PostgresSchema.Version + 1, await ScalarAsync<long>("SELECT count(*) FROM schema_version"));
    }

    [PostgresFact]
    public async Task EventsOfANewerRelease_AreNotTakenOver()
    {
        await using var election = await PostgresElection.JoinAsync(_database, TimeProvider.System);
        await ExecuteAsync("UPDATE journal SET format = 99");

        var error = await Assert.ThrowsAsync<JournalFormatException>(() => election.WinAsync("a", CancellationToken.None).WaitAsync(_patience));

        Assert.Contains("holds events of format 99", error.Message, StringComparison.Ordinal);
        // Nothing was claimed: a server that can read it may lead at once.
        Assert.True(await ScalarAsync<bool>("SELECT lease_until < now() FROM leader"));
    }

    [PostgresFact]
    public async Task ASchemaWithTablesOfSomebodyElse_IsRefused_AndLeftAsItIs()
    {
        await ExecuteAsync($"CREATE SCHEMA {Schema}; CREATE TABLE {Schema}.orders (id int)");

        var error = await Assert.ThrowsAsync<StoreUnavailableException>(() => PostgresElection.JoinAsync(_database, TimeProvider.System));

        Assert.Contains("has tables, but no Fanfare journal", error.Message, StringComparison.Ordinal);
        Assert.Contains("'Search Path'", error.Message, StringComparison.Ordinal);
        Assert.Equal(1, await ScalarAsync<long>($"SELECT count(*) FROM pg_class WHERE relnamespace = '{Schema}'::regnamespace"));
    }

    [PostgresFact]
    public async Task ADatabaseThatIsNotThere_IsNamed()
    {
        var nowhere = new NpgsqlConnectionStringBuilder(_database) { Database = "nowhere" }.ConnectionString;

        foreach (var look in new Func<Task>[] { () => PostgresElection.JoinAsync(nowhere, TimeProvider.System), () => PostgresDatabase.StatusAsync(nowhere, default) })
            Assert.Contains("Create the database, or correct its name", (await Assert.ThrowsAsync<StoreUnavailableException>(look)).Message, StringComparison.Ordinal);
    }

    [PostgresFact]
    public async Task AJournalWithoutItsRow_IsDamaged()
    {
        await using var election = await PostgresElection.JoinAsync(_database, TimeProvider.System);
        await ExecuteAsync("DELETE FROM journal");
        await Assert.ThrowsAsync<JournalFormatException>(() => election.WinAsync("a", CancellationToken.None).WaitAsync(_patience));

        await ExecuteAsync("DELETE FROM leader");
        await Assert.ThrowsAsync<JournalFormatException>(() => election.WinAsync("a", CancellationToken.None).WaitAsync(_patience));
    }

    [PostgresTheory]
    [InlineData("system_id = system_id + 1")]
    [InlineData("timeline = timeline + 1")]
    public async Task AnotherClusterOrTimeline_BeginsANewLife_AtTheNextTakeover(string moved)
    {
        var (first, stays) = (await LeadAsync(), await LeadAsync());
        Assert.Equal(first, stays);
        Assert.Empty(_log);
        await ExecuteAsync($"UPDATE journal SET {moved}, written_by = pg_current_xact_id()::text::bigint");

        var (renewed, after) = (await LeadAsync(), await LeadAsync());

        Assert.NotEqual(first, renewed);
        Assert.Equal(renewed, after);
        Assert.Contains("was restored, or failed over", Assert.Single(_log), StringComparison.Ordinal);
    }

    [PostgresFact]
    public async Task AUserWhoOwnsTheTwoSchemasAlone_MayDoAllThatIsNeeded()
    {
        var user = $"u{Guid.NewGuid():n}";
        await ExecuteAsync($"CREATE ROLE {user} LOGIN; CREATE SCHEMA {Schema} AUTHORIZATION {user}; CREATE SCHEMA {Schema}_metaflow AUTHORIZATION {user}");
        var database = new NpgsqlConnectionStringBuilder(_database) { Username = user }.ConnectionString;
        await using (var election = await PostgresElection.JoinAsync(database, TimeProvider.System))
        {
            for (var life = 0; life < 2; life++)
            {
                await using var store = await election.WinAsync("a", CancellationToken.None).WaitAsync(_patience);
                var traffic = new Traffic(store, $"{life}", runs: 2);
                await traffic.AnsweredAsync(50);
                await ExecuteAsync($"SELECT pg_terminate_backend(pid, 30000) FROM pg_stat_activity WHERE usename = '{user}'");
                await traffic.AnsweredAsync(50);
                await traffic.StopAsync();
                Assert.Equal(0, traffic.Fenced);
            }
        }
        await ExecuteAsync($"DROP SCHEMA {Schema} CASCADE; DROP SCHEMA {Schema}_metaflow CASCADE; DROP ROLE {user}");
    }

    private string Schema => new NpgsqlConnectionStringBuilder(_database).SearchPath!;

    /// <summary>Takes the journal over, writes, and gives it back.</summary>
    private async Task<string> LeadAsync()
    {
        await using var election = await PostgresElection.JoinAsync(_database, TimeProvider.System, _log.Add);
        await using var store = await election.WinAsync("a", CancellationToken.None).WaitAsync(_patience);
        var stream = StreamId.Flow(A.Ns, "etl");
        Assert.Equal(AppendOutcome.Committed, await store.Journal.AppendAsync(A.Append(stream, await store.Journal.OpenAsync(stream, default))).WaitAsync(_patience));
        return store.Journal.Incarnation;
    }

    private Task ExecuteAsync(string sql) => shared.Server.ExecuteAsync(sql, _database);

    private Task<T?> ScalarAsync<T>(string sql) => shared.Server.ScalarAsync<T>(sql, _database);
}
