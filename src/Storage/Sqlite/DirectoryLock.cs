using System.Globalization;
using Fanfare.Storage.Blobs;

namespace Fanfare.Storage.Sqlite;

/// <summary>One server at a time in a data directory. The operating system drops the lock when the process ends, however it ends, so
/// there is never a stale one to remove. Who holds it stands in a file beside it, since a locked file cannot be read everywhere.</summary>
internal sealed class DirectoryLock : IDisposable
{
    private readonly FileStream _lock;
    private readonly string _owner;

    private DirectoryLock(FileStream held, string owner)
    {
        _lock = held;
        _owner = owner;
    }

    /// <exception cref="DataDirectoryException">Another server holds it, or the directory cannot be written.</exception>
    public static DirectoryLock Take(string directory)
    {
        var owner = Path.Combine(directory, "journal.owner");
        FileStream held;
        try
        {
            if (!Directory.Exists(directory)) Make(directory);
            held = new FileStream(Path.Combine(directory, "journal.lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (UnauthorizedAccessException error)
        {
            throw NotWritable(directory, error);
        }
        catch (IOException error) when (IsHeld(error))
        {
            throw new DataDirectoryException(
                $"The data directory {directory} is in use by another server{Holder(owner)}. Stop that server, reach it by its URL, or start this one with another directory (--data DIR).", error);
        }
        catch (IOException error)
        {
            throw NotWritable(directory, error);
        }
        try
        {
            File.WriteAllText(owner, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            held.Dispose();
            throw NotWritable(directory, error);
        }
        return new DirectoryLock(held, owner);
    }

    public void Dispose()
    {
        // The name goes first: as long as the lock is held, nobody else has written theirs.
        try
        {
            File.Delete(_owner);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A name left behind is only wrong while nobody holds the lock, and then nobody reads it.
        }
        _lock.Dispose();
    }

    private static void Make(string directory)
    {
        Directory.CreateDirectory(directory);
        // SQLite flushes the names in the directory; the directory's own name is ours to flush.
        if (Path.GetDirectoryName(directory) is { Length: > 0 } above) DirectorySync.Flush(above);
    }

    private static DataDirectoryException NotWritable(string directory, Exception error) => new(
        $"The data directory {directory} cannot be written ({error.Message}). Give this user write permission on it, free space on its file system, or name another directory (--data DIR).", error);

    // EWOULDBLOCK on Linux and on BSD and macOS; ERROR_SHARING_VIOLATION on Windows.
    private static bool IsHeld(IOException error) => error.HResult is 11 or 35 or unchecked((int)0x80070020);

    private static string Holder(string owner)
    {
        try
        {
            var pid = File.ReadAllText(owner).Trim();
            return pid.Length > 0 ? $" (pid {pid})" : "";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return ""; // It is just starting or stopping; the sentence stands without its pid.
        }
    }
}
