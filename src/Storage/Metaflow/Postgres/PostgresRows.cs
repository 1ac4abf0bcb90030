using Fanfare.Contracts;
using Npgsql;

namespace Fanfare.Storage.Metaflow.Postgres;

/// <summary>Rows from the columns that the fragments of metaflow_postgres.sql name, in their order.</summary>
internal static class PostgresRows
{
    public static MetaflowFlow Flow(NpgsqlDataReader r) => new(r.GetString(0), Text(r, 1), r.GetInt64(2), r.GetString(3), r.GetString(4));

    public static MetaflowRun Run(NpgsqlDataReader r) => Run(r, 0);

    public static MetaflowRun Run(NpgsqlDataReader r, int from) =>
        new(r.GetString(from), r.GetInt64(from + 1), Text(r, from + 2), Text(r, from + 3), r.GetInt64(from + 4), Number(r, from + 5), Text(r, from + 6) ?? "null", Text(r, from + 7) ?? "null");

    public static MetaflowRun RunWithEnd(NpgsqlDataReader r) => Run(r) with { End = new MetaflowEnd(Text(r, 8), Number(r, 9), Number(r, 10)) };

    public static MetaflowStep Step(NpgsqlDataReader r) => new(r.GetString(0), Text(r, 1), r.GetInt64(2));

    public static MetaflowTask Task(NpgsqlDataReader r) => new(r.GetString(0), r.GetInt64(1), Text(r, 2), Text(r, 3), r.GetInt64(4), Number(r, 5));

    public static MetaflowDatum Datum(NpgsqlDataReader r) =>
        new(r.GetInt64(0), r.GetString(1), r.GetInt64(2), Text(r, 3), r.GetString(4), r.GetString(5), r.GetString(6), Text(r, 7), r.GetInt64(8), r.GetString(9), r.GetString(10));

    public static MetaflowArtifact Artifact(NpgsqlDataReader r) =>
        new(r.GetString(0), r.GetInt64(1), Text(r, 2), r.GetString(3), r.GetString(4), r.GetString(5), Text(r, 6), Text(r, 7), Text(r, 8), Text(r, 9), r.GetInt16(10), r.GetInt64(11));

    private static string? Text(NpgsqlDataReader r, int column) => r.IsDBNull(column) ? null : r.GetString(column);

    private static long? Number(NpgsqlDataReader r, int column) => r.IsDBNull(column) ? null : r.GetInt64(column);
}
