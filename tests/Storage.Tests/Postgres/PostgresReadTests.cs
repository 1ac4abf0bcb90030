using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres.Read;
using Fanfare.Storage.Tests.Conformance;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>What the read model does beyond the conformance suite: on rows that were put there by hand.</summary>
public sealed class PostgresReadTests(SharedPostgres shared) : IClassFixture<SharedPostgres>, IAsyncLifetime
{
    private readonly string _schema = $"reads_{Guid.NewGuid():n}";
    private NpgsqlDataSource _source = null!;

    public async Task InitializeAsync()
    {
        _source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(shared.Database)
        {
            SearchPath = _schema,
            Options = ReadSession.Options,
            ApplicationName = _schema,
            MaxAutoPrepare = 50,
            AutoPrepareMinUsages = 2,
        });
        await RunAsync($"CREATE SCHEMA {_schema}");
        await RunAsync(SqlText.Whole("postgres_0001_journal.sql"));
        await RunAsync("""
            INSERT INTO streams VALUES (1, 'default/run/r1', 1, 0, 0), (2, 'default/step/r1/1:train', 1, 0, 0);
            INSERT INTO runs VALUES (1, 'default', 'r1', 'etl', 1, 0, '{}', '[]', 0, NULL, 'ann', 1, 5, NULL, NULL);
            INSERT INTO events SELECT i, 1, i, 1, 0, 1, 'ann', 1, convert_to('[{"t":"run_paused"}]', 'UTF8') FROM generate_series(1, 20) i;
            """);
    }

    public async Task DisposeAsync()
    {
        await RunAsync($"DROP SCHEMA {_schema} CASCADE");
        await _source.DisposeAsync();
    }

    [PostgresFact]
    public async Task AHistory_EndsAtTheWritersPosition_WhichIsWaitedForWhenMoreIsSeen()
    {
        long[] positions = [10, 10, 10, 19, 20];
        var asked = 0;
        var reads = new PostgresReadModel(_source, (_, _) => new(positions[Math.Min(asked++, positions.Length - 1)]));

        var upTo10 = await reads.ReadHistoryAsync(A.Ns, "r1", 0, 10, default);
        var all = await reads.ReadHistoryAsync(A.Ns, "r1", 0, 100, default);

        Assert.Equal(Enumerable.Range(1, 10).Select(i => (long)i), upTo10.Select(e => e.Position));
        Assert.Equal(20, all.Count);
        Assert.True(asked > positions.Length, "The position was not waited for.");
    }

    [PostgresFact]
    public async Task AfterItsConnectionsWereEnded_AReadGoesThroughOnNewOnes()
    {
        var reads = Reads();
        for (var round = 0; round < 3; round++)
        {
            Assert.All(await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => reads.GetRunAsync(A.Ns, "r1", default))), Assert.NotNull);
            await using var other = NpgsqlDataSource.Create(shared.Database);
            await using var end = other.CreateCommand($"SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = '{_schema}'");
            await end.ExecuteNonQueryAsync();
        }
        Assert.NotNull(await reads.GetRunAsync(A.Ns, "r1", default));
    }

    [PostgresFact]
    public async Task AConnectionThatIsFoundDeadWhenItIsToPrepareTheStatement_LeavesTheReadToANewOne()
    {
        await using var wire = new Wire(_source.ConnectionString);
        await using var source = NpgsqlDataSource.Create(wire.Database);
        var reads = new PostgresReadModel(source, (_, _) => new(long.MaxValue));
        Assert.Single((await ListAsync()).Items);

        await wire.ResetAsync();
        wire.Mend();

        // The second use of a statement prepares it.
        Assert.Single((await ListAsync()).Items);
        Assert.Single((await ListAsync()).Items);

        Task<Page<RunRow>> ListAsync() => reads.ListRunsAsync(new RunFilter(A.Ns), null, 10, default);
    }

    [PostgresTheory]
    [InlineData("UPDATE runs SET tags = '[nul'")]
    [InlineData("UPDATE runs SET tags = '[null]'")]
    [InlineData("UPDATE runs SET error = '{}'")]
    [InlineData("UPDATE runs SET created_us = 9223372036854775807")]
    [InlineData("ALTER TABLE runs DROP CONSTRAINT runs_status_is_known; UPDATE runs SET status = 99")]
    public async Task ARowThatWasNeverWritten_IsDamage(string damage)
    {
        await RunAsync(damage);

        await Assert.ThrowsAsync<JournalFormatException>(() => Reads().GetRunAsync(A.Ns, "r1", default));
    }

    [PostgresTheory]
    [InlineData("UPDATE events SET payload = 'x' WHERE position = 7")]
    [InlineData("UPDATE events SET stream_id = 77 WHERE position = 7")]
    [InlineData("UPDATE streams SET name = 'nonsense' WHERE id = 2; UPDATE events SET stream_id = 2 WHERE position = 7")]
    public async Task AnEventThatWasNeverWritten_IsDamage(string damage)
    {
        await RunAsync(damage);

        await Assert.ThrowsAsync<JournalFormatException>(() => Reads().ReadHistoryAsync(A.Ns, "r1", 0, 100, default));
    }

    [PostgresTheory]
    [InlineData("a\0")]
    [InlineData("\ud800x")]
    public async Task ATextThatTheDatabaseCannotHold_MatchesNothing(string text)
    {
        await RunAsync("INSERT INTO run_tags VALUES ('default', 'blue', 5, 1)");

        Assert.Null(await Reads().GetRunAsync(A.Ns, text, default));
        foreach (var filter in new RunFilter[] { new(text), new(A.Ns, Flow: text), new(A.Ns, Flow: text, Active: true), new(A.Ns, Tag: text), new(A.Ns, Tag: "blue", Flow: text) })
            Assert.Empty((await Reads().ListRunsAsync(filter, null, 10, default)).Items);
        Assert.Single((await Reads().ListRunsAsync(new RunFilter(A.Ns, Tag: "blue"), null, 10, default)).Items);
    }

    [PostgresFact]
    public async Task OutputsOfAnySize_AreReadOnce_AmongManyRanges()
    {
        await RunAsync("""
            INSERT INTO tasks SELECT 2, i, 1, 3 + i % 4, 0, NULL, NULL, NULL, NULL, NULL,
                CASE WHEN i % 70 = 0 THEN repeat('x', i * 37 % 700000) WHEN i % 5 = 0 THEN NULL ELSE i::text END, NULL FROM generate_series(0, 3999) i
            """);
        foreach (var (gap, width) in new[] { (1, 1), (2, 3), (7, 90), (1, 1200), (1, 5000) })
        {
            var asked = SplitRanges.FromRanges(Enumerable.Range(0, 1 + (4500 / (gap + width))).Select(i => (i * (gap + width), (i * (gap + width)) + width)));
            var found = new List<int>();

            await foreach (var output in Reads().ReadOutputsAsync(A.Ns, "r1", A.Key(), asked, default)) found.Add(output.Split);

            Assert.Equal(asked.Where(split => split < 4000 && split % 4 != 3), found);
        }
    }

    private PostgresReadModel Reads() => new(_source, (_, _) => new(long.MaxValue));

    private async Task RunAsync(string sql)
    {
        await using var command = _source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }
}
