using System.Buffers;
using System.Text;
using SQLitePCL;

namespace Fanfare.Storage.Sqlite.Native;

/// <summary>A prepared statement: bind by place (from 1), step, read columns (from 0), reset. Spans are valid until the next step.</summary>
internal sealed class Statement : IDisposable
{
    private readonly Database _database;
    private readonly sqlite3_stmt _handle;

    public Statement(Database database, sqlite3_stmt handle)
    {
        _database = database;
        _handle = handle;
    }

    public Statement Bind(int place, long value)
    {
        _database.Check(raw.sqlite3_bind_int64(_handle, place, value));
        return this;
    }

    public Statement Bind(int place, long? value)
    {
        _database.Check(value is { } number ? raw.sqlite3_bind_int64(_handle, place, number) : raw.sqlite3_bind_null(_handle, place));
        return this;
    }

    public Statement Bind(int place, string? value)
    {
        if (value is null)
        {
            _database.Check(raw.sqlite3_bind_null(_handle, place));
            return this;
        }
        // Encoded on the stack or in a rented buffer: the binding's own string overload allocates an array each time.
        const int OnStack = 512;
        var most = Encoding.UTF8.GetMaxByteCount(value.Length);
        byte[]? rented = null;
        var buffer = most <= OnStack ? stackalloc byte[OnStack] : rented = ArrayPool<byte>.Shared.Rent(most);
        var length = Encoding.UTF8.GetBytes(value, buffer);
        var code = length == 0 ? raw.sqlite3_bind_text(_handle, place, "") : raw.sqlite3_bind_text(_handle, place, buffer[..length]);
        if (rented is not null) ArrayPool<byte>.Shared.Return(rented);
        _database.Check(code);
        return this;
    }

    public Statement BindBlob(int place, ReadOnlySpan<byte> value)
    {
        _database.Check(value.IsEmpty ? raw.sqlite3_bind_zeroblob(_handle, place, 0) : raw.sqlite3_bind_blob(_handle, place, value));
        return this;
    }

    /// <summary>True when there is a row; at the end, and after a failure, the statement is reset.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(_handle);
        if (code == raw.SQLITE_ROW) return true;
        if (code != raw.SQLITE_DONE)
        {
            var failure = _database.Failure(code);
            Reset();
            throw failure;
        }
        Reset();
        return false;
    }

    /// <summary>Runs a statement to its end.</summary>
    public void Run()
    {
        while (Step())
        {
        }
    }

    /// <summary>Ends a walk before its last row. A statement that is not reset holds its snapshot, and with it the log.</summary>
    public void Reset() => raw.sqlite3_reset(_handle);

    public long Long(int column) => raw.sqlite3_column_int64(_handle, column);

    public int Int(int column) => checked((int)Long(column));

    public long? LongOrNull(int column) => IsNull(column) ? null : Long(column);

    public string Text(int column) => TextOrNull(column) ?? "";

    public string? TextOrNull(int column) => IsNull(column) ? null : raw.sqlite3_column_text(_handle, column).utf8_to_string();

    public ReadOnlySpan<byte> Blob(int column) => raw.sqlite3_column_blob(_handle, column);

    private bool IsNull(int column) => raw.sqlite3_column_type(_handle, column) == raw.SQLITE_NULL;

    public void Dispose() => _handle.Dispose();
}
