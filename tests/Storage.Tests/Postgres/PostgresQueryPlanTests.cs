using System.Text.RegularExpressions;
using Fanfare.Postgres;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Read;
using Fanfare.Storage.Postgres.Retain;
using Npgsql;
using Xunit.Abstractions;

namespace Fanfare.Storage.Tests.Postgres;

/// <summary>Every statement enters the index that it was written for, whatever the values, and however the tables have grown since they were last
/// analyzed. So its cost is that of its page.</summary>
public sealed partial class PostgresQueryPlanTests(SharedPostgres shared, ITestOutputHelper output) : IClassFixture<SharedPostgres>, IAsyncLifetime
{
    private const string ByName = "streams_name_is_unique", ById = "streams_pkey";

    private const string Analyze = "ANALYZE streams, events, wakes, deployments, runs, run_tags, steps, tasks, grants, attempts, retired_runs";

    /// <summary>The indexes of each statement, each named once, in the order in which the plan names them.</summary>
    private static readonly Dictionary<string, string[]> _indexes = new()
    {
        ["stream_id"] = [ByName],
        ["history"] = [ByName, "events_by_run", ById],
        ["deployment"] = ["deployments_once_per_version"],
        ["latest_deployment"] = ["deployments_there"],
        ["deployments"] = ["deployments_there"],
        ["flows"] = ["deployments_there"],
        ["schedule"] = ["schedules_there"],
        ["schedules"] = ["schedules_there"],
        ["schedules_of_flow"] = ["schedules_there"],
        ["schedules_due"] = ["schedules_due"],
        ["trigger"] = ["triggers_pkey"],
        ["triggers"] = ["triggers_pkey"],
        ["triggers_of_flow"] = ["triggers_pkey"],
        ["listeners"] = ["trigger_sources_pkey", "triggers_pkey"],
        ["awaited_flows"] = ["trigger_sources_pkey"],
        ["event"] = ["published_events_by_id"],
        ["events_published"] = ["published_events_by_time"],
        ["events_of_name"] = ["published_events_by_name"],
        ["backfill"] = ["backfills_by_id"],
        ["backfills"] = ["backfills_by_time"],
        ["backfills_of_flow"] = ["backfills_by_flow"],
        ["notice"] = ["notices_by_id"],
        ["notices"] = ["notices_by_time"],
        ["notices_of_flow"] = ["notices_by_flow"],
        ["dead_notices"] = ["notices_dead"],
        ["dead_notices_of_flow"] = ["notices_dead_by_flow"],
        ["pool"] = ["pools_pkey"],
        ["pools"] = ["pools_pkey"],
        ["dead_letters"] = ["dead_letters_by_age"],
        ["open"] = ["dead_letters_by_age", "notices_dead", "runs_active"],
        ["runs_named"] = ["runs_pkey", ByName],
        ["runs_by_created"] = ["runs_by_created"],
        ["runs_by_flow"] = ["runs_by_flow"],
        ["runs_by_status"] = ["runs_by_status"],
        ["runs_by_flow_and_status"] = ["runs_by_flow_and_status"],
        ["runs_active"] = ["runs_active"],
        ["runs_by_tag"] = ["run_tags_pkey", "runs_pkey"],
        ["step"] = ["steps_pkey", ByName, ById],
        ["steps"] = [ByName, "steps_by_run", ById],
        ["task"] = ["tasks_pkey", ByName, "grants_pkey"],
        ["tasks_of_step"] = [ById, ByName, "tasks_pkey", "grants_by_run"],
        ["tasks_of_step_by_status"] = [ByName, "tasks_by_status", ById, "grants_by_run", "tasks_pkey"],
        ["tasks_of_run"] = ["steps_by_run", ByName, "tasks_pkey", ById, "grants_by_run"],
        ["tasks_of_run_by_name"] = ["steps_by_name", ByName, "tasks_pkey", ById, "grants_by_run", "steps_pkey"],
        ["tasks_of_run_by_status"] = [ByName, "tasks_by_status", ById, "grants_by_run", "tasks_pkey"],
        ["tasks_of_run_by_name_and_status"] = ["steps_by_name", ByName, "tasks_by_status", ById, "grants_by_run", "steps_pkey", "tasks_pkey"],
        ["attempts"] = ["attempts_pkey", ByName, "tasks_pkey", "grants_pkey"],
        ["outputs"] = [ByName, "tasks_pkey"],
        ["outputs_of_ranges"] = [ByName, "tasks_pkey"],
    };

    /// <summary>What removes old runs.</summary>
    private static readonly Dictionary<string, string[]> _retention = new()
    {
        ["endings"] = ["runs_ended", "retired_runs_pkey", "wakes_pkey", "steps_by_run"],
        ["fence_runs"] = ["streams_pkey"],
        ["close_runs"] = ["runs_pkey", "wakes_pkey", "streams_pkey"],
        ["unfence_runs"] = ["streams_pkey", "retired_runs_pkey"],
        ["closed"] = ["retired_runs_closed"],
        ["hidden"] = ["retired_runs_hidden"],
        ["retired"] = ["retired_runs_pkey", ByName],
        ["steps_of"] = ["steps_by_run"],
        ["fence_steps"] = ["streams_pkey"],
        ["quiet"] = ["wakes_pkey", "grants_pkey"],
        ["unfence"] = ["streams_pkey"],
        // Of the few that are closed.
        ["reopen"] = ["retired_runs_closed"],
        ["read_events"] = ["events_by_run", ById],
        ["read_steps"] = ["steps_by_run", ById],
        ["read_tasks"] = ["steps_by_run", "tasks_pkey", ById],
        ["read_attempts"] = ["steps_by_run", "attempts_pkey", ById],
        ["hide"] = ["retired_runs_pkey"],
        ["hide_tags"] = ["runs_pkey", "run_tags_pkey"],
        ["hide_runs"] = ["runs_pkey"],
        ["steps_left"] = ["steps_by_run"],
        ["remove_tasks"] = ["tasks_pkey"],
        ["remove_attempts"] = ["attempts_pkey"],
        ["remove_events"] = ["events_once_per_stream_seq"],
        ["remove_steps"] = ["steps_pkey"],
        ["remove_heads"] = [ById],
        ["removed"] = ["retired_runs_pkey"],
        ["forget"] = ["retired_runs_removed", "retired_runs_pkey", ById],
        ["settled_events"] = ["published_events_by_age", "dead_letters_pkey", "wakes_pkey", ById],
        ["settled_notices"] = ["notices_by_age", "wakes_pkey", ById],
        ["forget_settled"] = ["wakes_pkey", ById],
        ["forget_their_events"] = ["events_once_per_stream_seq", ById],
        ["forget_events"] = ["published_events_pkey", ById],
        ["forget_notices"] = ["notices_pkey", ById],
    };

    private static readonly string[] _writes =
    [
        "fence_runs", "close_runs", "unfence_runs", "fence_steps", "quiet", "unfence", "reopen", "hide", "hide_tags", "hide_runs",
        "remove_tasks", "remove_attempts", "remove_events", "remove_steps", "remove_heads", "removed", "forget", "forget_settled", "forget_their_events", "forget_events", "forget_notices",
    ];

    /// <summary>These sort what they have already narrowed down: to a page, or to a page and what runs.</summary>
    private static readonly string[] _sortAPage =
    [
        "flows", "outputs_of_ranges", "attempts", "read_tasks", "remove_tasks", "remove_attempts", "remove_events",
        "tasks_of_step", "tasks_of_step_by_status", "tasks_of_run", "tasks_of_run_by_name", "tasks_of_run_by_status", "tasks_of_run_by_name_and_status",
    ];

    private readonly string _schema = $"plans_{Guid.NewGuid():n}";
    private NpgsqlDataSource _source = null!;

    public async Task InitializeAsync()
    {
        _source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(shared.Database) { SearchPath = _schema, Options = ReadSession.Options });
        await RunAsync($"CREATE SCHEMA {_schema}");
        await RunAsync(SqlText.Whole("postgres_0001_journal.sql"));
        await RunAsync(SqlText.Whole("postgres_0002_retention.sql"));
        await RunAsync(SqlText.Whole("postgres_0008_deletions.sql"));
        await RunAsync(SqlText.Whole("postgres_0009_schedules.sql"));
        await RunAsync(SqlText.Whole("postgres_0010_triggers.sql"));
        await RunAsync(SqlText.Whole("postgres_0011_backfills.sql"));
        await RunAsync(SqlText.Whole("postgres_0012_notices.sql"));
        await RunAsync(SqlText.Whole("postgres_0013_pools.sql"));
    }

    public async Task DisposeAsync()
    {
        await RunAsync($"DROP SCHEMA {_schema} CASCADE");
        await _source.DisposeAsync();
    }

    [PostgresFact]
    public async Task ARunsTags_AreFoundOneByOne_NotAmongThoseOfAllRuns()
    {
        await GrowAsync(0, 3000);
        await RunAsync(Analyze);
        await using var connection = await _source.OpenConnectionAsync();
        await SetAsync(connection, PostgresSessions.WriterOptions);

        foreach (var sql in new[] { PostgresRetention.Sql["hide_tags"], SqlText.Load("postgres_write.sql")["drop_run_tags"] })
            Assert.Matches(@"Index Cond: \(.*\(tag = ", await PlanAsync(connection, sql));
    }

    [PostgresFact]
    public async Task AFlowsDeployments_AreDeletedByTheirNumbers()
    {
        await GrowAsync(0, 3000);
        await RunAsync(Analyze);
        await using var connection = await _source.OpenConnectionAsync();
        await SetAsync(connection, PostgresSessions.WriterOptions);

        Assert.Matches(@"Index Cond: \(.*\(version >= ", await PlanAsync(connection, SqlText.Load("postgres_write.sql")["delete_deployments"], " (text[], text[], integer[], integer[], bigint[])"));
    }

    [PostgresFact]
    public async Task OfEmptyTables() => await CheckAsync();

    [PostgresFact]
    public async Task OfTablesThatWereTinyWhenTheyWereAnalyzed_AndGrewSince()
    {
        await GrowAsync(0, 3);
        await RunAsync(Analyze);
        await GrowAsync(3, 3000);

        await CheckAsync();
    }

    [PostgresFact]
    public async Task OfGrownTables_WithOneRunThatIsWiderThanAllOthers()
    {
        await GrowAsync(0, 3000);
        await RunAsync(Analyze);

        await CheckAsync();
    }

    private async Task CheckAsync()
    {
        var wrong = new List<string>();
        await CheckAsync(ReadQueries.Sql, _indexes, wrong);
        await CheckAsync(PostgresRetention.Sql, _retention, wrong);
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private async Task CheckAsync(SqlText sql, Dictionary<string, string[]> expected, List<string> wrong)
    {
        Assert.Equal(expected.Keys.Order(), sql.Names.Order());
        await using var connection = await _source.OpenConnectionAsync();
        foreach (var name in sql.Names)
        {
            // As the sessions are in which it runs.
            await SetAsync(connection, _writes.Contains(name) ? PostgresSessions.WriterOptions : ReadSession.Options);
            var plan = await PlanAsync(connection, sql[name]);
            output.WriteLine($"{name}:\n{plan}");
            var indexes = Index().Matches(plan).Select(m => m.Groups[1].Value).Distinct().ToList();
            // Conditions that stand side by side are asked in the order of what they seem to cost.
            if (expected == _retention ? !indexes.Order().SequenceEqual(expected[name].Order()) : !indexes.SequenceEqual(expected[name])) wrong.Add($"{name} enters {string.Join(", ", indexes)}");
            if (plan.Contains("Seq Scan", StringComparison.Ordinal) || plan.Contains("Bitmap", StringComparison.Ordinal)) wrong.Add($"{name} walks over a table");
            if (_sortAPage.Contains(name) != plan.Contains("Sort", StringComparison.Ordinal)) wrong.Add($"{name} sorts, or does not");
        }
    }

    private static async Task SetAsync(NpgsqlConnection connection, string options)
    {
        await using var command = new NpgsqlCommand("RESET ALL;" + string.Concat(options.Split("-c ", StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(set => $"SET {set.Replace("=", "='", StringComparison.Ordinal)}';")), connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The plan for any values, as nulls stand for them.</summary>
    /// <param name="types">Of the values, where the statement does not tell them.</param>
    private static async Task<string> PlanAsync(NpgsqlConnection connection, string sql, string types = "")
    {
        var values = Enumerable.Repeat("NULL", Parameter().Matches(sql).Max(m => int.Parse(m.Groups[1].Value)));
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands = { new($"PREPARE asked{types} AS {sql}"), new($"EXPLAIN (COSTS OFF) EXECUTE asked({string.Join(", ", values)})"), new("DEALLOCATE asked") },
        };
        await using var reader = await batch.ExecuteReaderAsync();
        var lines = new List<string>();
        while (await reader.ReadAsync()) lines.Add(reader.GetString(0));
        return string.Join('\n', lines);
    }

    /// <summary>Runs of one task each, the first of which is as wide as all others together.</summary>
    private Task GrowAsync(int from, int to) => RunAsync($"""
        INSERT INTO streams SELECT i, 'default/run/r' || i, i, 1, 1 FROM generate_series({from}, {to} - 1) i;
        INSERT INTO streams SELECT 1000000 + i, 'default/step/r' || i || '/1:start', i, 1, 1 FROM generate_series({from}, {to} - 1) i;
        INSERT INTO runs SELECT i, 'default', 'r' || i, 'f' || i % 9, 1, i % 8, '', '[]', 0, NULL, 'ann', 1, i, NULL, NULL FROM generate_series({from}, {to} - 1) i;
        INSERT INTO run_tags SELECT 'default', 'blue', i, i FROM generate_series({from}, {to} - 1) i;
        INSERT INTO steps SELECT 1000000 + i, i, 'start', 0, true, 1, 0, 0, 0, 0, 0, i, NULL FROM generate_series({from}, {to} - 1) i;
        INSERT INTO tasks SELECT 1000000 + i, 0, i, i % 8, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM generate_series({from}, {to} - 1) i;
        INSERT INTO tasks SELECT 1000000, 1 + i, 0, i % 8, 0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL FROM generate_series({from}, {to} - 1) i;
        INSERT INTO grants SELECT 1000000 + i, 1, i, 'w', i, ARRAY[7, 8], 't u' FROM generate_series({from}, {to} - 1) i;
        INSERT INTO grants SELECT 1000000, 2 + i, 0, 'w', i, ARRAY[i], 't' FROM generate_series({from}, {to} - 1) i;
        INSERT INTO attempts SELECT 1000000, i, 0, 1, 'w', 't', 0, NULL, NULL, NULL FROM generate_series({from}, {to} - 1) i;
        INSERT INTO events SELECT 1 + i, 1000000, 1 + i, 0, i, 1, 'ann', 1, '' FROM generate_series({from}, {to} - 1) i;
        INSERT INTO deployments SELECT i, 'default', 'f' || i % 9, 1 + i, '', '', '', NULL, i, 'ann' FROM generate_series({from}, {to} - 1) i;
        """);

    private async Task RunAsync(string sql)
    {
        await using var command = _source.CreateCommand(sql);
        await command.ExecuteNonQueryAsync();
    }

    [GeneratedRegex(@"\$(\d+)")]
    private static partial Regex Parameter();

    [GeneratedRegex(@"Index (?:Only )?Scan(?: Backward)? using (\w+)")]
    private static partial Regex Index();
}
