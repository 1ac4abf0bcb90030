using System.Text.RegularExpressions;
using Fanfare.Postgres;
using Fanfare.Storage.Metaflow.Postgres;
using Fanfare.Storage.Postgres;
using Npgsql;
using Xunit.Abstractions;

namespace Fanfare.Storage.Tests.Metaflow;

/// <summary>Every statement of Metaflow's metadata enters the index that it was written for, whatever the values, and however the tables have grown since they were last analyzed.</summary>
[NeedsPostgres]
public sealed partial class PostgresMetaflowPlanTests(SharedPostgres shared, ITestOutputHelper output) : IClassFixture<SharedPostgres>, IAsyncLifetime
{
    private const string ByFlow = "flows_v3_pkey", ByRun = "runs_v3_pkey", ByRunId = "runs_v3_flow_id_run_id_key", ByStep = "steps_v3_pkey", ByTask = "tasks_v3_pkey",
        ByTaskName = "tasks_v3_flow_id_run_number_step_name_task_name_key", ByDatum = "metadata_v3_pkey", ByArtifact = "artifact_v3_pkey";

    /// <summary>The indexes of each statement.</summary>
    private static readonly Dictionary<string, string[]> _indexes = new()
    {
        ["check"] = [],
        ["add_flows"] = [],
        ["add_runs"] = [ByFlow],
        ["add_steps"] = [ByRun, ByRunId],
        ["add_tasks"] = [ByRun, ByRunId, ByStep],
        ["add_metadata"] = [ByRun, ByRunId, ByTask, ByTaskName],
        ["add_artifacts"] = [ByRun, ByRunId, ByTask, ByTaskName],
        ["beat_tasks"] = [ByRun, ByRunId, ByTask, ByTaskName],
        ["beat_runs"] = [ByRun, ByRunId],
        ["change_tags"] = [ByRun, ByRunId],
        ["flow"] = [ByFlow],
        ["flows"] = ["flows_by_time"],
        ["run_by_number"] = [ByRun],
        ["run_by_id"] = [ByRunId],
        ["runs"] = ["runs_by_time"],
        ["runs_with_end"] = ["runs_by_time", ByDatum],
        ["step"] = [ByStep],
        ["steps"] = [ByStep],
        ["task_by_number"] = [ByTask],
        ["task_by_name"] = [ByTaskName],
        ["tasks"] = ["tasks_by_time"],
        ["metadata_of_run"] = ["metadata_by_time"],
        ["metadata_of_task"] = [ByDatum],
        ["tasks_by_metadata"] = [ByDatum],
        ["artifacts_of_run"] = [ByArtifact],
        ["artifacts_of_step"] = [ByArtifact],
        ["artifacts_of_task"] = [ByArtifact],
        ["newest_of_run"] = [ByArtifact],
        ["newest_of_step"] = [ByArtifact],
        ["newest_of_task"] = [ByArtifact],
        ["artifact"] = [ByArtifact],
    };

    /// <summary>What is updated cannot be looked up in an order: until the table is analyzed, which the server does after the first fifty runs, the run may be sought for among those of its flow.</summary>
    private static readonly string[] _updatesOfOneRun = ["beat_runs", "change_tags"];

    /// <summary>These read, and sort what a step, a task or a run has; the others answer in the order of their index.</summary>
    private static readonly string[] _sort = ["steps", "runs_with_end", "metadata_of_task", "tasks_by_metadata", "newest_of_run", "newest_of_step", "newest_of_task"];

    private PostgresSessions _sessions = null!;
    private NpgsqlDataSource _readers = null!, _writers = null!;

    public async Task InitializeAsync()
    {
        if (PrivatePostgres.Refusal is not null) return;
        var database = shared.NewSchema();
        await using (await PostgresMetaflow.OpenAsync(database, TimeProvider.System)) _sessions = new PostgresSessions(database).ForMetaflow();
        (_readers, _writers) = (_sessions.MetaflowReaders(), _sessions.Writers());
    }

    public async Task DisposeAsync()
    {
        if (_readers is null) return;
        await _readers.DisposeAsync();
        await _writers.DisposeAsync();
    }

    [PostgresFact]
    public Task OfEmptyTables() => CheckAsync();

    [PostgresFact]
    public async Task OfTablesThatWereTinyWhenTheyWereAnalyzed_AndGrewSince()
    {
        await GrowAsync(1, 3);
        await GrowAsync(4, 3000, analyze: false);

        await CheckAsync();
    }

    [PostgresFact]
    public async Task OfGrownTables_WithOneRunThatIsWiderThanAllOthers()
    {
        await GrowAsync(1, 3000);

        await CheckAsync(isAnalyzed: true);
    }

    private async Task CheckAsync(bool isAnalyzed = false)
    {
        Assert.Equal(_indexes.Keys.Order(), PostgresBatch.Sql.Names.Order());
        var wrong = new List<string>();
        // As the sessions are in which they run.
        await using var reader = await _readers.OpenConnectionAsync();
        await using var writer = await _writers.OpenConnectionAsync();
        foreach (var (name, expected) in _indexes)
        {
            var isWrite = name.StartsWith("add_", StringComparison.Ordinal) || name.StartsWith("beat_", StringComparison.Ordinal) || name == "change_tags";
            var plan = await PlanAsync(isWrite ? writer : reader, PostgresBatch.Sql[name]);
            output.WriteLine($"{name}:\n{plan}");
            var indexes = Index().Matches(plan).Select(match => match.Groups[1].Value).Distinct().Order().ToList();
            if (_updatesOfOneRun.Contains(name) && !isAnalyzed) Assert.All(indexes, index => Assert.Contains(index, (string[])[.. expected, "runs_by_time"]));
            else if (!indexes.SequenceEqual(expected.Order())) wrong.Add($"{name} enters {string.Join(", ", indexes)}");
            if (plan.Contains("Seq Scan", StringComparison.Ordinal) || plan.Contains("Bitmap", StringComparison.Ordinal)) wrong.Add($"{name} walks over a table");
            if (!isWrite && _sort.Contains(name) != plan.Contains("Sort", StringComparison.Ordinal)) wrong.Add($"{name} sorts, or does not");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    /// <summary>The plan for any values, as nulls stand for them. Texts come as such, whatever the type of the column that they are compared with.</summary>
    private static async Task<string> PlanAsync(NpgsqlConnection connection, string sql)
    {
        await RunAsync(connection, $"PREPARE asked AS {sql}");
        await using var asked = new NpgsqlCommand("SELECT parameter_types::text[] FROM pg_prepared_statements WHERE name = 'asked'", connection);
        var types = (string[])(await asked.ExecuteScalarAsync())!;
        await RunAsync(connection, "DEALLOCATE asked");
        var typed = types.Length == 0 ? "" : $" ({string.Join(", ", types.Select(type => type.Replace("character varying", "text", StringComparison.Ordinal)))})";
        await RunAsync(connection, $"PREPARE asked{typed} AS {sql}");
        await using var explained = new NpgsqlCommand($"EXPLAIN (COSTS OFF) EXECUTE asked{(types.Length == 0 ? "" : $"({string.Join(", ", types.Select(_ => "NULL"))})")}", connection);
        var lines = new List<string>();
        await using (var reader = await explained.ExecuteReaderAsync())
            while (await reader.ReadAsync()) lines.Add(reader.GetString(0));
        await RunAsync(connection, "DEALLOCATE asked");
        return string.Join('\n', lines);
    }

    /// <summary>Runs of one task each, the first of which is as wide as all others together.</summary>
    private async Task GrowAsync(int from, int to, bool analyze = true)
    {
        await using var connection = await _writers.OpenConnectionAsync();
        await RunAsync(connection, $"""
            INSERT INTO flows_v3 SELECT 'f' || i % 9, 'ann', i, '[]', '[]' FROM generate_series({from}, {to}) i ON CONFLICT DO NOTHING;
            INSERT INTO runs_v3 SELECT 'f' || i % 9, i, 'r' || i, 'ann', i, NULL, '[]', '[]' FROM generate_series({from}, {to}) i;
            INSERT INTO steps_v3 SELECT 'f' || i % 9, i, 'r' || i, 'end', 'ann', i, '[]', '[]' FROM generate_series({from}, {to}) i;
            INSERT INTO tasks_v3 SELECT 'f' || i % 9, i, 'r' || i, 'end', i, 't' || i, 'ann', i, NULL, '[]', '[]' FROM generate_series({from}, {to}) i;
            INSERT INTO tasks_v3 SELECT 'f1', 1, 'r1', 'end', 1000000 + i, 'w' || i, 'ann', i, NULL, '[]', '[]' FROM generate_series({from}, {to}) i;
            INSERT INTO metadata_v3 SELECT 'f' || i % 9, i, 'r' || i, 'end', i, 't' || i, i, 'attempt_ok', 'True', 'type', 'ann', i, '[]', '[]' FROM generate_series({from}, {to}) i;
            INSERT INTO metadata_v3 SELECT 'f1', 1, 'r1', 'end', 1000000 + i, 'w' || i, 1000000 + i, 'attempt', '0', 'type', 'ann', i, '[]', '[]' FROM generate_series({from}, {to}) i;
            INSERT INTO artifact_v3 SELECT 'f' || i % 9, i, 'r' || i, 'end', i, 't' || i, 'name', 'l', 'local', 's', 't', 'c', 'ann', 0, i, '[]', '[]' FROM generate_series({from}, {to}) i;
            INSERT INTO artifact_v3 SELECT 'f1', 1, 'r1', 'end', 1000000 + i, 'w' || i, 'name', 'l', 'local', 's', 't', 'c', 'ann', 0, i, '[]', '[]' FROM generate_series({from}, {to}) i;
            """);
        if (analyze) await RunAsync(connection, "ANALYZE flows_v3, runs_v3, steps_v3, tasks_v3, metadata_v3, artifact_v3");
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    [GeneratedRegex(@"Index (?:Only )?Scan(?: Backward)? using (\w+)")]
    private static partial Regex Index();
}
