using System.Runtime.CompilerServices;
using Fanfare.Contracts;

namespace Fanfare.Storage.Blobs;

/// <summary>Blobs as files under one directory, under their own names.</summary>
/// <remarks>A blob put whole is on disk when the call returns. A log's chunk is in the operating system's hands: it outlives
/// the process, and a power cut may take the last seconds of it, never a result.</remarks>
public sealed class DirectoryBlobStore : IBlobStore, IDisposable
{
    private const int ChunkLocks = 64;

    /// <summary>Depth of folders that are never removed: <c>runs/NAMESPACE</c>.</summary>
    private const int KeptFolders = 2;

    private readonly string _root;
    private readonly string _incoming;

    // Two chunks of one log must not be measured and written at once; logs share locks by the hash of their name.
    private readonly SemaphoreSlim[] _chunkLocks = [.. Enumerable.Range(0, ChunkLocks).Select(_ => new SemaphoreSlim(1))];

    /// <param name="directory">Made when it is not there. What a crash left half-written in it is removed after a day.</param>
    /// <exception cref="DataDirectoryException">It cannot be made or written.</exception>
    public DirectoryBlobStore(string directory)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(directory);
        _root = Path.GetFullPath(directory);
        _incoming = Path.Combine(_root, BlobName.Incoming);
        try
        {
            Directory.CreateDirectory(_incoming);
            RemoveLeftOvers();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new DataDirectoryException($"The blob directory {_root} cannot be written ({error.Message}). Give this user write permission on it, or name another directory.", error);
        }
    }

    public async Task PutAsync(string name, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        var path = BlobName.PathOf(_root, name);
        // Before the content is read, which may be much.
        if (IsTaken(path)) throw Taken(name);
        var incoming = Path.Combine(_incoming, Path.GetRandomFileName());
        try
        {
            var file = new FileStream(incoming, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0, FileOptions.Asynchronous);
            await using (file.ConfigureAwait(false))
            {
                await content.CopyToAsync(file, cancellationToken).ConfigureAwait(false);
                file.Flush(flushToDisk: true);
            }
            MakeDirectories(path);
            File.Move(incoming, path, overwrite: true);
            DirectorySync.Flush(Path.GetDirectoryName(path)!);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException && IsTaken(path))
        {
            throw Taken(name);
        }
        finally
        {
            File.Delete(incoming); // Gone already, unless something above failed.
        }
    }

    public Task<Stream?> OpenReadAsync(string name, long offset, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var path = BlobName.PathOf(_root, name);
        try
        {
            // Shared to the full: a reader must not stop a chunk, nor a put that replaces the file under it.
            var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 64 * 1024, FileOptions.Asynchronous);
            file.Seek(offset, SeekOrigin.Begin);
            return Task.FromResult<Stream?>(file);
        }
        catch (Exception error) when (IsAbsent(error, path))
        {
            return Task.FromResult<Stream?>(null);
        }
    }

    public Task<long?> GetSizeAsync(string name, CancellationToken cancellationToken)
    {
        var file = new FileInfo(BlobName.PathOf(_root, name));
        return Task.FromResult(file.Exists ? file.Length : (long?)null);
    }

    public async Task<long> WriteChunkAsync(string name, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var path = BlobName.PathOf(_root, name);
        var gate = _chunkLocks[(uint)StringComparer.Ordinal.GetHashCode(name) % ChunkLocks];
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var size = new FileInfo(path) is { Exists: true } known ? known.Length : 0;
            // What is there already came with an earlier try of this chunk, maybe a torn one: only the rest is new.
            var skip = size - offset;
            if (skip < 0 || skip >= content.Length) return size;
            MakeDirectories(path);
            using var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, FileOptions.Asynchronous);
            await RandomAccess.WriteAsync(file, content[(int)skip..], size, cancellationToken).ConfigureAwait(false);
            return offset + content.Length;
        }
        finally
        {
            gate.Release();
        }
    }

    public Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var path = BlobName.PathOf(_root, name);
        if (File.Exists(path)) File.Delete(path);
        // Folders are not blobs: one that holds nothing more goes with its last. The upper ones stay, in which others make theirs just now.
        var folder = Path.GetDirectoryName(path)!;
        for (var depth = name.Count(c => c == '/'); depth > KeptFolders && RemoveIfEmpty(folder); depth--) folder = Path.GetDirectoryName(folder)!;
        return Task.CompletedTask;
    }

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        prefix = prefix.TrimEnd('/');
        if (prefix.Length > 0) BlobName.Check(prefix);
        await Task.CompletedTask.ConfigureAwait(false);
        foreach (var name in Names(prefix, cancellationToken)) yield return name;
    }

    public void Dispose()
    {
        foreach (var gate in _chunkLocks) gate.Dispose();
    }

    private IEnumerable<string> Names(string folder, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var directory = new DirectoryInfo(folder.Length == 0 ? _root : BlobName.PathOf(_root, folder));
        if (!directory.Exists) yield break;
        // A folder sorts by its name with the slash, as the names under it do: then a walk in this order is that of the names.
        var entries = directory.GetFileSystemInfos()
            .Where(entry => entry.Name != BlobName.Incoming)
            .Select(entry => (Name: entry is DirectoryInfo ? entry.Name + "/" : entry.Name, IsFolder: entry is DirectoryInfo))
            .OrderBy(entry => entry.Name, BlobName.Order);
        foreach (var (name, isFolder) in entries)
        {
            var full = folder.Length == 0 ? name : $"{folder}/{name}";
            if (!isFolder) yield return full;
            else
                foreach (var inner in Names(full[..^1], cancellationToken)) yield return inner;
        }
    }

    /// <summary>Several nodes may share the directory, so a young file is somebody's at work. "Now" is the file system's own.</summary>
    private void RemoveLeftOvers()
    {
        var probe = Path.Combine(_incoming, Path.GetRandomFileName());
        File.WriteAllBytes(probe, []);
        var old = File.GetLastWriteTimeUtc(probe) - TimeSpan.FromDays(1);
        File.Delete(probe);
        foreach (var left in new DirectoryInfo(_incoming).EnumerateFiles())
            if (left.LastWriteTimeUtc < old) left.Delete();
    }

    private static bool RemoveIfEmpty(string folder)
    {
        try
        {
            if (Directory.Exists(folder)) Directory.Delete(folder);
            return true;
        }
        catch (IOException)
        {
            return false; // Not empty, or somebody writes there just now.
        }
    }

    /// <summary>Makes the directories above a file, and their names durable.</summary>
    private static void MakeDirectories(string path)
    {
        var directory = Path.GetDirectoryName(path)!;
        if (Directory.Exists(directory)) return;
        var above = Path.GetDirectoryName(directory)!;
        MakeDirectories(directory);
        Directory.CreateDirectory(directory);
        DirectorySync.Flush(above);
    }

    /// <summary>Whether files cannot have this name because of others: it is a folder of theirs, or one of them stands where it needs a folder.</summary>
    private bool IsTaken(string path)
    {
        if (Directory.Exists(path)) return true;
        for (var folder = Path.GetDirectoryName(path)!; folder.Length > _root.Length; folder = Path.GetDirectoryName(folder)!)
            if (File.Exists(folder)) return true;
        return false;
    }

    private static ArgumentException Taken(string name) =>
        new($"'{name}' cannot be stored beside the blobs that are there: of two names, one cannot be a folder of the other.", nameof(name));

    private static bool IsAbsent(Exception error, string path) =>
        error is FileNotFoundException or DirectoryNotFoundException || (error is UnauthorizedAccessException && Directory.Exists(path));
}
