using System.Text;
using Fanfare.Fuzz.Kernel;
using SQLitePCL;

namespace Fanfare.Fuzz.Journal;

/// <summary>A row of the events table, as it stands in the file.</summary>
internal sealed record RawEvent(long Position, string Stream, long Sequence, long Version, byte[] Payload);

/// <summary>The journal's file below the storage's own reader and writer, to damage it.</summary>
internal sealed class RawJournal : IDisposable
{
    private readonly sqlite3 _database;

    public RawJournal(string directory)
    {
        Check(raw.sqlite3_open_v2(Path.Combine(directory, "journal.db"), out _database, raw.SQLITE_OPEN_READWRITE, null));
        raw.sqlite3_busy_timeout(_database, 5000);
        // Damage is the point: neither the schema's CHECKs nor a flush stands in its way.
        Run("PRAGMA ignore_check_constraints = 1");
        Run("PRAGMA synchronous = OFF");
    }

    public IReadOnlyList<RawEvent> Events() => Rows(
        "SELECT e.position, s.name, e.seq, e.version, e.payload FROM events e JOIN streams s ON s.id = e.stream_id ORDER BY e.position",
        row => new RawEvent(raw.sqlite3_column_int64(row, 0), raw.sqlite3_column_text(row, 1).utf8_to_string(), raw.sqlite3_column_int64(row, 2), raw.sqlite3_column_int64(row, 3), raw.sqlite3_column_blob(row, 4).ToArray()));

    public void Run(string sql, params object?[] values) => Check(Execute(sql, values));

    /// <summary>As <see cref="Run"/>, but false when the column is the table's own row number, which no file can hold as anything but an integer.</summary>
    public bool TryRun(string sql, params object?[] values)
    {
        var code = Execute(sql, values);
        if (code != raw.SQLITE_MISMATCH) Check(code);
        return code == raw.SQLITE_OK;
    }

    private int Execute(string sql, object?[] values)
    {
        Check(raw.sqlite3_prepare_v2(_database, sql, out var statement));
        using (statement)
        {
            for (var i = 0; i < values.Length; i++)
            {
                Check(values[i] switch
                {
                    null => raw.sqlite3_bind_null(statement, i + 1),
                    long number => raw.sqlite3_bind_int64(statement, i + 1, number),
                    string text => raw.sqlite3_bind_text(statement, i + 1, text),
                    byte[] { Length: 0 } => raw.sqlite3_bind_zeroblob(statement, i + 1, 0),
                    byte[] bytes => raw.sqlite3_bind_blob(statement, i + 1, bytes),
                    _ => throw new ArgumentException($"Cannot bind {values[i]!.GetType()}.", nameof(values)),
                });
            }
            int code;
            while ((code = raw.sqlite3_step(statement)) == raw.SQLITE_ROW)
            {
            }
            return code == raw.SQLITE_DONE ? raw.SQLITE_OK : code;
        }
    }

    public void Dispose() => _database.Dispose();

    private List<T> Rows<T>(string sql, Func<sqlite3_stmt, T> read)
    {
        Check(raw.sqlite3_prepare_v2(_database, sql, out var statement));
        using (statement)
        {
            var rows = new List<T>();
            while (raw.sqlite3_step(statement) == raw.SQLITE_ROW) rows.Add(read(statement));
            return rows;
        }
    }

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw new InvalidOperationException($"SQLite {code}: {raw.sqlite3_errmsg(_database).utf8_to_string()}");
    }
}

/// <summary>Changes to the bytes of an event.</summary>
internal static class PayloadMutation
{
    public static byte[] Of(byte[] payload, Draw draw, IReadOnlyList<string> vocabulary, IReadOnlyList<RawEvent> others)
    {
        switch (draw.Below(8))
        {
            case 0:
                return draw.Among(others).Payload;
            case 1:
                return payload[..draw.Below(payload.Length)];
            case 2 or 3:
                var bytes = payload.ToList();
                for (var changes = draw.Between(1, 3); changes > 0 && bytes.Count > 0; changes--)
                {
                    var at = draw.Below(bytes.Count);
                    if (draw.OneIn(3)) bytes.RemoveAt(at);
                    else if (draw.OneIn(2)) bytes.Insert(at, (byte)draw.Below(256));
                    else bytes[at] ^= (byte)(1 << draw.Below(8));
                }
                return [.. bytes];
            case 4:
                // Another event's type on this one's members.
                var (mine, theirs) = (TypeOf(payload), TypeOf(draw.Among(others).Payload));
                return Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(payload).Replace($"\"t\":\"{mine}\"", $"\"t\":\"{theirs}\"", StringComparison.Ordinal));
            default:
                return Encoding.UTF8.GetBytes(JsonMutation.Of(Encoding.UTF8.GetString(payload), draw, draw.Between(1, 2), vocabulary));
        }
    }

    private static string TypeOf(byte[] payload)
    {
        using var document = System.Text.Json.JsonDocument.Parse(payload);
        return document.RootElement.GetProperty("t").GetString()!;
    }
}
