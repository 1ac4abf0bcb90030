using SQLitePCL;

namespace Fanfare.Bench.Metaflow;

/// <summary>Counts in an SQLite file, on a connection that is not the server's.</summary>
internal static class SqliteCount
{
    /// <param name="sql">One row of two numbers.</param>
    public static (long First, long Second) Of(string file, string sql)
    {
        if (raw.sqlite3_open_v2(file, out var database, raw.SQLITE_OPEN_READONLY, null) != raw.SQLITE_OK) throw new InvalidOperationException($"{file} cannot be opened.");
        using (database)
        {
            if (raw.sqlite3_prepare_v2(database, sql, out var statement) != raw.SQLITE_OK || raw.sqlite3_step(statement) != raw.SQLITE_ROW) throw new InvalidOperationException($"{file} cannot be read: {raw.sqlite3_errmsg(database).utf8_to_string()}");
            using (statement) return (raw.sqlite3_column_int64(statement, 0), raw.sqlite3_column_int64(statement, 1));
        }
    }
}
