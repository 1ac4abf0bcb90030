using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Processes;

namespace Fanfare.Worker;

/// <summary>A worker's own directory: locked for as long as it runs, with an id that names its tasks' processes.</summary>
internal sealed class WorkDirectory : IDisposable
{
    private readonly FileStream _lock;

    private WorkDirectory(string root, FileStream @lock, string id, DateTimeOffset startedAt)
    {
        Root = root;
        _lock = @lock;
        Id = id;
        StartedAt = startedAt;
    }

    public string Root { get; }

    /// <summary>Stays the same from one worker to the next.</summary>
    public string Id { get; }

    /// <summary>Later than that of any worker that used the directory before, even if the machine's clock was set back since.</summary>
    public DateTimeOffset StartedAt { get; }

    public string Groups => Path.Combine(Root, "groups");

    public string Tasks => Path.Combine(Root, "tasks");

    public string Packages => Path.Combine(Root, "packages");

    /// <exception cref="InvalidOperationException">Another worker uses it, or it cannot be written to.</exception>
    /// <param name="now">By this machine's clock.</param>
    public static WorkDirectory Open(string path, DateTimeOffset now)
    {
        var root = Path.GetFullPath(path);
        FileStream @lock;
        try
        {
            Directory.CreateDirectory(root);
            var name = Path.Combine(root, "lock");
            try
            {
                @lock = new FileStream(name, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException e) when (File.Exists(name) && !IsReadOnly(e))
            {
                throw new InvalidOperationException($"WorkDirectory: {root} is used by another worker. Stop that one, or give this one a directory of its own.", e);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InvalidOperationException($"WorkDirectory: {root} cannot be written to: {e.Message} Give the worker a directory that it may write to.", e);
        }
        using var reader = new StreamReader(@lock, leaveOpen: true);
        var id = reader.ReadLine() ?? "";
        if (id.Length != 16 || !id.All(char.IsAsciiHexDigitLower)) id = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        var startedAt = now.ToUnixTimeMilliseconds();
        if (long.TryParse(reader.ReadLine(), CultureInfo.InvariantCulture, out var former) && former >= startedAt) startedAt = former + 1;
        @lock.SetLength(0);
        @lock.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{id}\n{startedAt}\n")));
        @lock.Flush();
        return new WorkDirectory(root, @lock, id, DateTimeOffset.FromUnixTimeMilliseconds(startedAt));
    }

    /// <summary>Removes what tasks of an earlier worker left here.</summary>
    public void Clean(IWorkerLog log)
    {
        try
        {
            if (Directory.Exists(Tasks)) Directory.Delete(Tasks, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Old task directories must not keep the worker from its work; new ones get names that are free.
            var aside = Path.Combine(Root, $"tasks-{Guid.NewGuid():N}");
            Directory.Move(Tasks, aside);
            log.Write(LogSeverity.Warning, $"Cannot remove all of {Tasks}: {e.Message} It is now {aside}; remove it by hand.");
        }
        Directory.CreateDirectory(Tasks);
        // Where hundreds of files come and go in a second, ext4 would look each new inode up among all that were deleted lately nearby: half of the processor's time, for all
        // that create files there. Told that it is a top of the hierarchy, it spreads the attempts' directories over the disk.
        if (OperatingSystem.IsLinux()) Libc.SpreadSubdirectories(Tasks);
    }

    public void Dispose() => _lock.Dispose();

    private static bool IsReadOnly(IOException e) => e.HResult == 30;
}
