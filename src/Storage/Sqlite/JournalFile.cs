using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite;

/// <summary>The database file of a data directory: made or migrated when the server starts, then opened by the writer and the readers.</summary>
internal sealed class JournalFile
{
    /// <summary>Up to this size the whole file is checked at every start (about half a second on a slow disk). A larger one
    /// is not: a restart must take seconds. The log's checksums and the checks of <see cref="Migrate"/> hold at any size.</summary>
    public const long CheckedBytes = 128L * 1024 * 1024;

    private static readonly SqlText _sql = SqlText.Load("sqlite_open.sql");

    private JournalFile(string directory) => Directory = directory;

    public string Directory { get; }

    public string Path => System.IO.Path.Combine(Directory, "journal.db");

    public string LogPath => Path + "-wal";

    /// <summary>Notes beside the journal how far it has come, and which file it is in.</summary>
    public string MarkPath => System.IO.Path.Combine(Directory, "journal.mark");

    /// <summary>Whether it was found to be restored from a backup, and so began a new life.</summary>
    public bool IsRestored { get; private set; }

    public string Incarnation { get; private set; } = "";

    /// <summary>Counts the servers that owned this journal, one after another.</summary>
    public long Term { get; private set; }

    public long Batch { get; private set; }

    public long Position { get; private set; }

    /// <summary>Opens the journal for writing and takes it over.</summary>
    /// <exception cref="DataDirectoryException">The directory or the file cannot be used.</exception>
    /// <exception cref="JournalFormatException">A newer release wrote it.</exception>
    public static (JournalFile File, Database Writer) Open(string directory, TimeProvider clock)
    {
        var file = new JournalFile(directory);
        try
        {
            // Before SQLite opens it: the first connection takes the log as far as it can be read, and forgets the rest.
            if (LogCheck.Finding(file.LogPath) is { } finding) throw file.Damaged(finding);
            var writer = Database.Open(file.Path, readOnly: false, busyWait: TimeSpan.FromSeconds(5));
            try
            {
                file.TakeOver(writer, clock);
                return (file, writer);
            }
            catch
            {
                writer.Dispose();
                throw;
            }
        }
        catch (SqliteFailure failure)
        {
            throw failure.ToDataDirectory(directory);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataDirectoryException($"The journal in {directory} cannot be read ({error.Message}). Give this user the right to read and write its journal.db* files, and check the disk.", error);
        }
    }

    /// <summary>A further connection of the same owner, for reading.</summary>
    public Database OpenReader()
    {
        var reader = Database.Open(Path, readOnly: true, busyWait: TimeSpan.FromSeconds(5));
        reader.Execute("PRAGMA cache_size = -8192");
        return reader;
    }

    private void TakeOver(Database writer, TimeProvider clock)
    {
        var length = new FileInfo(Path) is { Exists: true } info ? info.Length : 0;
        if (length is > 0 and <= CheckedBytes) Check(writer);
        Configure(writer);
        Migrate(writer, clock);
        writer.Execute("BEGIN IMMEDIATE");
        try
        {
            var format = Scalar(writer, "format");
            if (format > JournalFormat.Version)
                throw new JournalFormatException(
                    $"The journal in {Directory} holds events of format {format}, and this release reads up to format {JournalFormat.Version}. Start the release that wrote it, or a later one.");
            writer.Prepare(_sql["raise_term"]).Bind(1, JournalFormat.Version).Run();
            var row = writer.Prepare(_sql["journal"]);
            if (!row.Step()) throw Damaged("the row that names the journal is missing");
            (Incarnation, Term, Batch, Position) = (row.Text(0), row.Long(1), row.Long(2), row.Long(3));
            row.Reset();
            if (IsRestored = Term > 1 && !IsAsMarked())
            {
                Incarnation = NewIncarnation();
                writer.Prepare(_sql["renew"]).Bind(1, Incarnation).Run();
            }
            if (Scalar(writer, "last_event") is var last && last > Position) throw Damaged($"event {last} is beyond the last position {Position}");
            writer.Execute("COMMIT");
        }
        catch
        {
            if (writer.InTransaction) writer.Execute("ROLLBACK");
            throw;
        }
    }

    /// <summary>What stands beside the journal when it has come so far.</summary>
    public JournalMark MarkAt(long position) => new(Incarnation, Term, position, FileIdentity.Of(Path));

    /// <summary>Replaces the mark; whoever reads it finds the old one or the new one.</summary>
    public Task WriteMarkAsync(JournalMark mark)
    {
        var coming = MarkPath + ".new";
        using (var file = new FileStream(coming, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            file.Write(mark.Write());
            file.Flush(flushToDisk: true);
        }
        File.Move(coming, MarkPath, overwrite: true);
        return Task.CompletedTask;
    }

    // The mark goes to the disk behind the journal: it may lag, and never leads.
    private bool IsAsMarked() =>
        File.Exists(MarkPath) && JournalMark.Read(File.ReadAllBytes(MarkPath)) is var mark && !mark.IsAheadOf(Incarnation, Term - 1, Position) && mark.File == FileIdentity.Of(Path);

    private static string NewIncarnation() => Guid.NewGuid().ToString("N", CultureInfo.InvariantCulture)[..12];

    /// <summary>WAL, so that readers never wait for the writer; FULL, so that a COMMIT that returned survives a power cut.</summary>
    private void Configure(Database writer)
    {
        if (writer.Query("PRAGMA journal_mode = WAL") is var mode && mode != "wal")
            throw new DataDirectoryException(
                $"The file system of {Directory} cannot hold the journal: SQLite's write-ahead log does not work there (mode {mode}). Use a local file system, not a network share.");
        writer.Execute("PRAGMA synchronous = FULL");
        // The writer checkpoints by itself, between batches; see Committer.
        writer.Execute("PRAGMA wal_autocheckpoint = 0");
        writer.Execute("PRAGMA cache_size = -65536");
    }

    private void Check(Database writer)
    {
        if (writer.Query("PRAGMA quick_check(1)") is var finding && finding != "ok") throw Damaged(finding ?? "no answer from its check");
    }

    private void Migrate(Database writer, TimeProvider clock)
    {
        writer.Execute("BEGIN IMMEDIATE");
        try
        {
            if (Scalar(writer, "has_schema_version") == 0)
            {
                if (Scalar(writer, "tables") > 0)
                    throw new DataDirectoryException($"{Path} is a database, but not a Fanfare journal. Name another data directory (--data DIR), or move that file away.");
                writer.Execute(_sql["create_schema_version"]);
            }
            var version = Scalar(writer, "schema_version");
            if (version > Schema.Version)
                throw new JournalFormatException(
                    $"The journal in {Directory} has schema version {version}, and this release knows up to version {Schema.Version}. Start the release that wrote it, or a later one.");
            for (var next = version + 1; next <= Schema.Version; next++)
            {
                writer.Execute(Schema.Migration(next));
                writer.Prepare(_sql["add_schema_version"]).Bind(1, next).Bind(2, Instant.ToMicroseconds(clock.GetUtcNow())).Run();
            }
            if (Scalar(writer, "has_journal") == 0)
                writer.Prepare(_sql["add_journal"]).Bind(1, NewIncarnation()).Bind(2, JournalFormat.Version).Run();
            writer.Execute("COMMIT");
        }
        catch
        {
            if (writer.InTransaction) writer.Execute("ROLLBACK");
            throw;
        }
    }

    private static long Scalar(Database database, string name)
    {
        var statement = database.Prepare(_sql[name]);
        var value = statement.Step() ? statement.Long(0) : 0;
        statement.Reset();
        return value;
    }

    private DataDirectoryException Damaged(string finding) => new(SqliteFailure.Damage(Directory, finding));
}

/// <summary>The migrations, in order. A released one is never edited; a change of the schema is a further file.</summary>
internal static class Schema
{
    private static readonly string[] _files = ["sqlite_0001_journal.sql", "sqlite_0002_retention.sql", "sqlite_0003_deletions.sql", "sqlite_0004_schedules.sql", "sqlite_0005_triggers.sql", "sqlite_0006_backfills.sql", "sqlite_0007_notices.sql", "sqlite_0008_pools.sql"];

    public static int Version => _files.Length;

    public static string Migration(long version) => SqlText.Whole(_files[version - 1]);
}
