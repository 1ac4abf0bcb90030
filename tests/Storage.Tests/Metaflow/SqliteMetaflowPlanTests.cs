using System.Text.RegularExpressions;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Tests.Sqlite;
using Xunit.Abstractions;

namespace Fanfare.Storage.Tests.Metaflow;

/// <summary>As <see cref="PostgresMetaflowPlanTests"/>. SQLite goes by the schema alone, since nothing has the file analyzed.</summary>
public sealed partial class SqliteMetaflowPlanTests(ITestOutputHelper output)
{
    /// <summary>What ends in a table's name is its primary key.</summary>
    private static readonly Dictionary<string, string[]> _indexes = new()
    {
        ["beat_run"] = ["runs_v3"],
        ["beat_task"] = ["tasks_v3"],
        ["set_tags"] = ["runs_v3"],
        ["flow"] = ["flows_v3"],
        ["flows"] = ["flows_by_time"],
        ["run_by_number"] = ["runs_v3"],
        ["run_by_id"] = ["sqlite_autoindex_runs_v3_1"],
        ["runs"] = ["runs_by_time"],
        ["end_ok"] = ["metadata_by_task"],
        ["end_attempt"] = ["metadata_by_task"],
        ["step"] = ["steps_v3"],
        ["steps"] = ["steps_v3"],
        ["task_by_number"] = ["tasks_v3"],
        ["task_by_name"] = ["sqlite_autoindex_tasks_v3_1"],
        ["tasks"] = ["tasks_by_time"],
        ["metadata_of_run"] = ["metadata_by_run"],
        ["metadata_of_task"] = ["metadata_by_task"],
        ["values_of_step"] = ["metadata_by_task"],
        ["artifacts_of_run"] = ["artifact_v3"],
        ["artifacts_of_step"] = ["artifact_v3"],
        ["artifacts_of_task"] = ["artifact_v3"],
        ["newest_of_run"] = ["artifact_v3"],
        ["newest_of_step"] = ["artifact_v3"],
        ["newest_of_task"] = ["artifact_v3"],
        ["artifact"] = ["artifact_v3"],
    };

    /// <summary>These read no rows, or but add some.</summary>
    private static readonly string[] _readNothing = ["version", "tables", "begin", "commit", "rollback", "check", "add_flow", "add_run", "add_step", "add_task", "add_datum", "add_artifact"];

    /// <summary>These sort what a run, a step or a task has; the others answer in the order of their index.</summary>
    private static readonly string[] _sort = ["steps", "end_ok", "end_attempt", "newest_of_run", "newest_of_step", "newest_of_task"];

    [Fact]
    public void EveryStatement_EntersItsIndex()
    {
        using var directory = new DataDirectory();
        using var database = Database.Open(Path.Combine(directory.Path, "metaflow.db"), readOnly: false, TimeSpan.FromSeconds(5));
        database.Execute(SqlText.Whole("metaflow_sqlite_0001.sql"));
        var sql = SqlText.Load("metaflow_sqlite.sql");
        var wrong = new List<string>();

        Assert.Equal(_indexes.Keys.Concat(_readNothing).Order(), sql.Names.Order());
        foreach (var (name, expected) in _indexes)
        {
            var plan = Plan(database, sql[name]);
            output.WriteLine($"{name}:\n{string.Join('\n', plan)}");
            var searches = plan.Where(line => line.StartsWith("SEARCH", StringComparison.Ordinal)).ToList();
            var indexes = searches.Select(line => Search().Match(line)).Select(match => match.Groups[2].Success ? match.Groups[2].Value : match.Groups[1].Value).Distinct().Order().ToList();
            if (!indexes.SequenceEqual(expected.Order())) wrong.Add($"{name} enters {string.Join(", ", indexes)}");
            if (plan.Any(line => line.StartsWith("SCAN", StringComparison.Ordinal))) wrong.Add($"{name} walks over a table");
            if (_sort.Contains(name) != plan.Any(line => line.Contains("TEMP B-TREE", StringComparison.Ordinal))) wrong.Add($"{name} sorts, or does not");
        }
        Assert.True(wrong.Count == 0, string.Join('\n', wrong));
    }

    private static List<string> Plan(Database database, string sql)
    {
        var lines = new List<string>();
        var plan = database.Prepare("EXPLAIN QUERY PLAN " + sql);
        while (plan.Step()) lines.Add(plan.Text(3));
        return lines;
    }

    [GeneratedRegex(@"^SEARCH TABLE (\w+)(?: AS \w+)? USING (?:(?:COVERING )?INDEX (\w+)|PRIMARY KEY|INTEGER PRIMARY KEY)")]
    private static partial Regex Search();
}
