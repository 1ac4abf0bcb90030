namespace Fanfare.Contracts;

/// <summary>A run that has ended and is on its way into an archive, or lies there: its tombstone.</summary>
/// <param name="Id">The store's number of it.</param>
/// <param name="Archive">Name of the blob that holds its history; null until that is written and verified.</param>
/// <param name="ArchivedAt">Since when its rows are hidden; null while it still shows, and only takes nothing any more.</param>
public sealed record RetiredRun(
    long Id, string Namespace, string Run, string Flow, int Deployment, RunStatus Status, DateTimeOffset CreatedAt, DateTimeOffset EndedAt,
    string? Archive, DateTimeOffset? ArchivedAt)
{
    /// <summary>Why nothing can be done with the run.</summary>
    public RefusedException Refusal() => ArchivedAt is { } at
        ? new(RefusalKind.Gone, "FAN0017", $"Run '{Run}' in namespace '{Namespace}' ended {EndedAt:yyyy-MM-dd HH:mm:ss}Z and was archived {at:yyyy-MM-dd HH:mm:ss}Z as {Archive}. Read it with: fanfare archive show {Run}")
        : new(RefusalKind.Busy, "FAN0008", $"Run '{Run}' in namespace '{Namespace}' is being archived. Repeat the request in a moment.");
}

/// <summary>Parts of a run that are read page by page, in the order in which an archive holds them.</summary>
public enum ArchivePart
{
    Events,
    Steps,
    Tasks,
    Attempts,
}

/// <summary>After what a page begins. Its meaning is the store's.</summary>
public readonly record struct ArchiveKey(long First, long Second = -1, long Third = -1);

/// <param name="Next">Null at the end of the part.</param>
public sealed record ArchivePage(IReadOnlyList<ArchiveLine> Lines, ArchiveKey? Next);

/// <summary>Removes old runs from a store, one bounded piece at a time, so that whoever calls can rest in between. A run is closed, sealed, read, hidden and
/// removed, in this order; each call can be repeated. Fenced as appends are: who was deposed changes nothing any more.</summary>
/// <exception cref="InvalidOperationException">Another server leads (from every call that writes).</exception>
public interface IRetention
{
    /// <summary>Takes runs out of use that ended before a time, longest ended first, and have nothing to do: from then on their streams refuse to be opened.
    /// Returns how many.</summary>
    /// <param name="except">Runs to leave alone, by <see cref="RetiredRun.Id"/>.</param>
    Task<int> CloseAsync(DateTimeOffset endedBefore, int limit, IReadOnlyCollection<long> except, CancellationToken cancellationToken);

    /// <summary>Closed runs that are not archived yet, in order of closing.</summary>
    Task<IReadOnlyList<RetiredRun>> ListClosedAsync(int limit, CancellationToken cancellationToken);

    /// <summary>Runs that are archived and hidden since a time or before, and not removed yet.</summary>
    Task<IReadOnlyList<RetiredRun>> ListHiddenAsync(DateTimeOffset hiddenUntil, int limit, CancellationToken cancellationToken);

    /// <summary>Fences the next of a closed run's steps. When none are left its history cannot change any more.</summary>
    /// <returns>After which to go on, null at the end; and whether the steps were quiet: no message undelivered, nothing leased, no timer.</returns>
    Task<(long? Next, bool Quiet)> SealAsync(RetiredRun run, long after, int limit, CancellationToken cancellationToken);

    /// <summary>Takes back what closing and sealing did.</summary>
    Task ReopenAsync(RetiredRun run, CancellationToken cancellationToken);

    /// <summary>A page of a sealed run, bounded in rows and bytes. Begin with <c>default</c>.</summary>
    Task<ArchivePage> ReadAsync(RetiredRun run, ArchivePart part, ArchiveKey after, CancellationToken cancellationToken);

    /// <summary>Makes runs vanish whose archives, named by <see cref="RetiredRun.Archive"/>, are written and verified. What is under them is left to be removed.</summary>
    Task HideAsync(IReadOnlyList<RetiredRun> archived, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Removes some rows of hidden runs; returns how many. At 0 nothing is left but their tombstones.</summary>
    Task<int> RemoveAsync(IReadOnlyList<RetiredRun> hidden, int rows, DateTimeOffset now, CancellationToken cancellationToken);

    /// <summary>Removes tombstones of runs that were removed at a time or before, and returns them. Their ids are free again.</summary>
    Task<IReadOnlyList<StreamId>> ForgetAsync(DateTimeOffset removedUntil, int limit, CancellationToken cancellationToken);

    /// <summary>Removes events and notices that came about before a time and are settled, oldest first: nothing of them is a dead letter or on its way, and no run is watched. Their ids and keys are free again. Returns how many.</summary>
    Task<int> ForgetSettledAsync(DateTimeOffset before, int limit, CancellationToken cancellationToken);
}
