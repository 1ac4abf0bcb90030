using Fanfare.Storage.Sqlite;
using Fanfare.Storage.Sqlite.Native;
using Xunit.Abstractions;

using Fanfare.Storage.Common;

namespace Fanfare.Storage.Tests.Sqlite;

/// <summary>Every statement finds its rows by an index and needs no sorting, so its cost is that of its page, not of the tables.</summary>
public sealed class QueryPlanTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData("sqlite_read.sql")]
    [InlineData("sqlite_write.sql")]
    [InlineData("sqlite_retain.sql")]
    public void NoStatementWalksATable_OrSorts(string file)
    {
        using var directory = new DataDirectory();
        var (_, database) = JournalFile.Open(directory.Path, TimeProvider.System);
        using (database)
        {
            var sql = SqlText.Load(file);
            foreach (var name in sql.Names)
            {
                var plan = Plan(database, sql[name]);
                foreach (var line in plan)
                {
                    output.WriteLine($"{name}: {line}");
                    // The journal's own row is the only one of its table.
                    var walk = line.StartsWith("SCAN", StringComparison.Ordinal) && line != "SCAN TABLE journal";
                    Assert.False(walk || line.Contains("TEMP B-TREE", StringComparison.Ordinal), $"{name}: {line}");
                }
            }
        }
    }

    [Fact]
    public void AHistoryIsReadFromItsPosition_AndNotFromItsStart()
    {
        using var directory = new DataDirectory();
        var (_, database) = JournalFile.Open(directory.Path, TimeProvider.System);
        using (database)
            Assert.Equal(["SEARCH TABLE events USING INDEX events_by_run (run_id=? AND rowid>?)"], Plan(database, SqlText.Load("sqlite_read.sql")["history"]));
    }

    private static List<string> Plan(Database database, string sql)
    {
        var lines = new List<string>();
        var plan = database.Prepare("EXPLAIN QUERY PLAN " + sql);
        while (plan.Step()) lines.Add(plan.Text(3));
        return lines;
    }
}
