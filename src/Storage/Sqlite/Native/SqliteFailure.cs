using SQLitePCL;

namespace Fanfare.Storage.Sqlite.Native;

/// <summary>An error of SQLite itself, by its extended result code.</summary>
internal sealed class SqliteFailure(int code, string text) : Exception($"SQLite error {code}: {text}")
{
    private int Primary => code & 0xff;

    public string Text => text;

    /// <summary>The disk or the directory is at fault, so the same statements may succeed later, unchanged.</summary>
    public bool IsEnvironment => Primary is raw.SQLITE_FULL or raw.SQLITE_IOERR or raw.SQLITE_READONLY or raw.SQLITE_BUSY or raw.SQLITE_LOCKED
        or raw.SQLITE_CANTOPEN or raw.SQLITE_NOMEM or raw.SQLITE_PERM or raw.SQLITE_AUTH or raw.SQLITE_PROTOCOL or raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB;

    /// <summary>What is wrong with the directory and what to do about it, in one or two sentences.</summary>
    public string Remedy(string directory) => Primary switch
    {
        raw.SQLITE_FULL => $"No space is left for the journal in {directory}. Free space on that file system or enlarge it.",
        raw.SQLITE_READONLY or raw.SQLITE_PERM or raw.SQLITE_AUTH =>
            $"The journal in {directory} cannot be written ({text}). Give this user write permission on the directory and on its journal.db* files, or mount the file system read-write.",
        raw.SQLITE_BUSY or raw.SQLITE_LOCKED or raw.SQLITE_PROTOCOL =>
            $"Another program holds the journal in {directory} locked ({text}). End it: a backup tool or a database shell, most likely.",
        raw.SQLITE_CANTOPEN =>
            $"The journal in {directory} cannot be opened ({text}). Check that the directory exists, that this user may read and write it, and the limit of open files (ulimit -n).",
        raw.SQLITE_NOMEM => $"Memory ran out while using the journal in {directory}. Give the server more memory.",
        raw.SQLITE_IOERR => $"The disk under {directory} reports an error ({text}, code {code}). Check the system's log and the free space; replace the disk if it fails.",
        raw.SQLITE_CORRUPT or raw.SQLITE_NOTADB => Damage(directory, text),
        _ => $"The journal in {directory} failed ({text}, code {code}).",
    };

    public static string Damage(string directory, string finding) =>
        $"The journal in {directory} is damaged ({finding}). Stop the server and keep a copy of journal.db, journal.db-wal and journal.db-shm. "
        + "Then restore them from a backup, or salvage what is readable: sqlite3 journal.db .recover | sqlite3 salvaged.db; then put salvaged.db in the place of journal.db and delete journal.db-wal and journal.db-shm.";

    public DataDirectoryException ToDataDirectory(string directory) => new(Remedy(directory), this);
}
