namespace Fanfare.Contracts;

/// <summary>Bytes under names: logs, artifacts, large lists, packages. Names are relative paths of
/// segments separated by '/', without '..' ; a bad name throws <see cref="ArgumentException"/>. A blob is either put whole or grows.
/// A store that cannot be reached, read or written throws <see cref="IOException"/>; null always means that the blob is not there.</summary>
public interface IBlobStore
{
    /// <summary>Writes the whole blob; readers see either nothing or all of it. Writing it again replaces it. When <paramref name="content"/>
    /// throws, that goes through, and nothing was written.</summary>
    Task PutAsync(string name, Stream content, CancellationToken cancellationToken);

    /// <summary>Opens for reading from <paramref name="offset"/>; null when there is no such blob. Beyond its end there is nothing to read. Of a growing blob it
    /// reads at least what is there when it is opened.</summary>
    Task<Stream?> OpenReadAsync(string name, long offset, CancellationToken cancellationToken);

    /// <summary>Size in bytes; null when there is no such blob.</summary>
    Task<long?> GetSizeAsync(string name, CancellationToken cancellationToken);

    /// <summary>Writes <paramref name="content"/> at <paramref name="offset"/> of a growing blob (a log). The same chunk at
    /// the same offset may come twice, also to another server; what is stored stays. Returns the size afterwards. An offset beyond the size writes nothing.</summary>
    Task<long> WriteChunkAsync(string name, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellationToken);

    /// <summary>Removes the blob; one that is not there is no error.</summary>
    Task DeleteAsync(string name, CancellationToken cancellationToken);

    /// <summary>Names under a prefix (a folder; "" for all), in the order of their bytes as UTF-8.</summary>
    IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken);
}

/// <summary>Where things lie in the blob store.</summary>
public static class BlobNames
{
    /// <summary>How far a journal that several servers share has come, as its leader noted last.</summary>
    public const string JournalMark = "journal/mark.json";

    public static string Package(string digest) => $"packages/{digest}.tar.gz";

    /// <summary><paramref name="stream"/> is <c>stdout</c> or <c>stderr</c>; one line of JSON per log line, see docs/logs.md.</summary>
    public static string Log(TaskRef task, int attempt) => $"{Attempt(task, attempt)}/log.jsonl";

    public static string Artifact(TaskRef task, int attempt, string name) => $"{Attempt(task, attempt)}/artifacts/{name}";

    public static string Items(TaskRef task, int attempt) => $"{Attempt(task, attempt)}/items.jsonl";

    public static string ItemsIndex(TaskRef task, int attempt) => $"{Attempt(task, attempt)}/items.index";

    /// <summary>The folder of all that a run's tasks wrote.</summary>
    public static string OfRun(string ns, string run) => $"runs/{ns}/{run}";

    /// <summary>The archive of a run, under the day on which it ended. An id that is used again after its tombstone has gone gets a name of its own.</summary>
    public static string Archive(string ns, string run, DateTimeOffset endedAt) =>
        $"archives/{ns}/{endedAt.UtcDateTime:yyyy-MM-dd}/{run}.{(endedAt.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / TimeSpan.TicksPerMicrosecond}.jsonl.gz";

    private static string Attempt(TaskRef task, int attempt) =>
        // '#' and brackets are legal in file names but awkward in URLs.
        $"runs/{task.Namespace}/{task.Run}/{task.Step.Step}/{Dashed(task.Step.Outer)}/{Dashed(task.Step.Loops)}/{task.Split}/{attempt}";

    private static string Dashed(SplitPath path) => path.Length == 0 ? "-" : path.Join('.');
}
