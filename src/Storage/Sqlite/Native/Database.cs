using SQLitePCL;

namespace Fanfare.Storage.Sqlite.Native;

/// <summary>One connection to the database file, with its statements prepared once by their text. Used by one thread at a time.
/// It calls SQLite directly: on the write path, an ADO.NET command costs several times the statement itself.</summary>
internal sealed class Database : IDisposable
{
    private readonly Dictionary<string, Statement> _statements = [];
    private readonly sqlite3 _handle;

    static Database() => Batteries_V2.Init();

    private Database(sqlite3 handle) => _handle = handle;

    /// <exception cref="SqliteFailure">The file cannot be opened.</exception>
    public static Database Open(string path, bool readOnly, TimeSpan busyWait)
    {
        var flags = raw.SQLITE_OPEN_NOMUTEX | (readOnly ? raw.SQLITE_OPEN_READONLY : raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE);
        var code = raw.sqlite3_open_v2(path, out var handle, flags, null);
        if (code != raw.SQLITE_OK)
        {
            var failure = new SqliteFailure(code, handle is null ? "cannot open the file" : raw.sqlite3_errmsg(handle).utf8_to_string());
            handle?.Dispose();
            throw failure;
        }
        var database = new Database(handle);
        raw.sqlite3_extended_result_codes(handle, 1);
        raw.sqlite3_busy_timeout(handle, (int)busyWait.TotalMilliseconds);
        return database;
    }

    public long ChangedRows => raw.sqlite3_changes(_handle);

    public long LastRowId => raw.sqlite3_last_insert_rowid(_handle);

    /// <summary>True inside a transaction that neither committed nor was rolled back.</summary>
    public bool InTransaction => raw.sqlite3_get_autocommit(_handle) == 0;

    /// <summary>Pages that this connection has written so far, to the log or the file.</summary>
    public long PagesWritten
    {
        get
        {
            const int CacheWrite = 9; // SQLITE_DBSTATUS_CACHE_WRITE
            Check(raw.sqlite3_db_status(_handle, CacheWrite, out var pages, out _, 0));
            return pages;
        }
    }

    /// <summary>The statement for this text, prepared at its first use.</summary>
    public Statement Prepare(string sql)
    {
        if (_statements.TryGetValue(sql, out var statement)) return statement;
        const uint Persistent = 1; // SQLITE_PREPARE_PERSISTENT
        Check(raw.sqlite3_prepare_v3(_handle, sql, Persistent, out var prepared));
        return _statements[sql] = new Statement(this, prepared);
    }

    /// <summary>Runs a statement that is needed once and gives no rows.</summary>
    public void Execute(string sql) => Check(raw.sqlite3_exec(_handle, sql));

    /// <summary>The first column of the first row of a statement that is needed once.</summary>
    public string? Query(string sql)
    {
        Check(raw.sqlite3_prepare_v2(_handle, sql, out var prepared));
        using var statement = new Statement(this, prepared);
        return statement.Step() ? statement.TextOrNull(0) : null;
    }

    /// <summary>Copies what the log holds into the database file as far as no reader needs it; false when a reader stood in the way.</summary>
    public bool Checkpoint(bool truncate)
    {
        var code = raw.sqlite3_wal_checkpoint_v2(_handle, null, truncate ? raw.SQLITE_CHECKPOINT_TRUNCATE : raw.SQLITE_CHECKPOINT_PASSIVE, out var log, out var copied);
        if ((code & 0xff) is raw.SQLITE_BUSY or raw.SQLITE_LOCKED) return false;
        Check(code);
        return copied == log;
    }

    public void Check(int code)
    {
        if (code != raw.SQLITE_OK) throw Failure(code);
    }

    public SqliteFailure Failure(int code)
    {
        var extended = raw.sqlite3_extended_errcode(_handle);
        return new SqliteFailure((extended & 0xff) == (code & 0xff) ? extended : code, raw.sqlite3_errmsg(_handle).utf8_to_string());
    }

    public void Dispose()
    {
        foreach (var statement in _statements.Values) statement.Dispose();
        _statements.Clear();
        _handle.Dispose();
    }
}
