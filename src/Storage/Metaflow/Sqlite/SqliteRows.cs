using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Metaflow.Sqlite;

/// <summary>Rows from the columns that the fragments of metaflow_sqlite.sql name, in their order.</summary>
internal static class SqliteRows
{
    public static MetaflowFlow Flow(Statement s) => new(s.Text(0), s.TextOrNull(1), s.Long(2), s.Text(3), s.Text(4));

    public static MetaflowRun Run(Statement s) => new(s.Text(0), s.Long(1), s.TextOrNull(2), s.TextOrNull(3), s.Long(4), s.LongOrNull(5), s.Text(6), s.Text(7));

    public static MetaflowStep Step(Statement s) => new(s.Text(0), s.TextOrNull(1), s.Long(2));

    public static MetaflowTask Task(Statement s) => new(s.Text(0), s.Long(1), s.TextOrNull(2), s.TextOrNull(3), s.Long(4), s.LongOrNull(5));

    public static MetaflowDatum Datum(Statement s) =>
        new(s.Long(0), s.Text(1), s.Long(2), s.TextOrNull(3), s.Text(4), s.Text(5), s.Text(6), s.TextOrNull(7), s.Long(8), s.Text(9), s.Text(10));

    public static MetaflowArtifact Artifact(Statement s) =>
        new(s.Text(0), s.Long(1), s.TextOrNull(2), s.Text(3), s.Text(4), s.Text(5), s.TextOrNull(6), s.TextOrNull(7), s.TextOrNull(8), s.TextOrNull(9), s.Int(10), s.Long(11));

    public static MetaflowRun? Run(Database database, SqlText sql, MetaflowRunKey key) => One(
        key.Number is { } number ? database.Prepare(sql["run_by_number"]).Bind(1, key.Flow).Bind(2, number) : database.Prepare(sql["run_by_id"]).Bind(1, key.Flow).Bind(2, key.Id), Run);

    public static MetaflowTask? Task(Database database, SqlText sql, MetaflowTaskKey key, long run)
    {
        var statement = database.Prepare(sql[key.Number is null ? "task_by_name" : "task_by_number"]).Bind(1, key.Run.Flow).Bind(2, run).Bind(3, key.Step);
        return One(key.Number is { } number ? statement.Bind(4, number) : statement.Bind(4, key.Name), Task);
    }

    public static T? One<T>(Statement statement, Func<Statement, T> read)
        where T : class
    {
        if (!statement.Step()) return null;
        var row = read(statement);
        statement.Reset();
        return row;
    }

    public static IReadOnlyList<T> All<T>(Statement statement, Func<Statement, T> read)
    {
        var rows = new List<T>();
        while (statement.Step()) rows.Add(read(statement));
        return rows;
    }
}
