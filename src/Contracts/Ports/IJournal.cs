namespace Fanfare.Contracts;

/// <summary>An event with its envelope.</summary>
/// <param name="Sequence">Place in the stream, from 1, without gaps.</param>
/// <param name="At">When it was decided, by the deciding node's clock; microsecond precision.</param>
/// <param name="Actor">Who caused it: a user, <c>worker:NAME</c>, or <c>system</c>.</param>
public sealed record JournalEvent(long Sequence, DateTimeOffset At, string Actor, Event Event);

/// <summary>A stream as it was opened.</summary>
/// <param name="Epoch">The opener's fence: appends under an older epoch fail from now on.</param>
/// <param name="Acknowledged">Highest outbox sequence that receivers have acknowledged.
/// <see cref="long.MaxValue"/> when no wake row exists, which means: everything.</param>
/// <param name="Events">All of them; of a stream with a <see cref="CarriedEvent"/> those from the last such on.</param>
public sealed record OpenedStream(long Sequence, long Epoch, long Acknowledged, IReadOnlyList<JournalEvent> Events);

/// <summary>The row by which a restart finds a stream that has something to do: undelivered messages, ready or leased
/// tasks (due at once), or a timer.</summary>
/// <param name="Due">When the stream must be woken after a takeover; <see cref="DateTimeOffset.MinValue"/> for at once.</param>
/// <param name="Acknowledged">Highest outbox sequence known to be acknowledged.</param>
public sealed record Wake(DateTimeOffset Due, long Acknowledged);

/// <summary>One entity's append: all or nothing, and only on the exact head.</summary>
public sealed record Append
{
    public required StreamId Stream { get; init; }

    /// <summary>The sequence that the stream must have now; 0 for a new stream.</summary>
    public required long ExpectedSequence { get; init; }

    public required long Epoch { get; init; }

    public required IReadOnlyList<JournalEvent> Events { get; init; }

    /// <summary>Read-model rows, committed with the events; each row is written by this stream only.</summary>
    public required IReadOnlyList<Row> Rows { get; init; }

    /// <summary>The wake row after this append; null for none.</summary>
    public required Wake? Wake { get; init; }
}

public enum AppendOutcome
{
    Committed,

    /// <summary>Another activation owns a stream, or a head moved: nothing was written.</summary>
    Fenced,
}

/// <summary>The append-only journal, with the read model and the wake rows in the same transactions.
/// Implementations commit the appends of many entities together. Safe to call from any thread.</summary>
public interface IJournal : IAsyncDisposable
{
    /// <summary>Names this journal's life: renewed when it is restored from a backup. Part of every fencing token.</summary>
    string Incarnation { get; }

    /// <summary>The newest format in which events may be written (<see cref="JournalFormat.Of"/>): all servers that share the journal read it. It never falls.</summary>
    int Format { get; }

    /// <summary>Loads a stream and fences older activations of it.</summary>
    /// <exception cref="JournalFormatException">An event is newer than this release, or cannot be read.</exception>
    /// <exception cref="RefusedException">Its run is being archived, or has been: what was removed never starts anew.</exception>
    Task<OpenedStream> OpenAsync(StreamId stream, CancellationToken cancellationToken);

    /// <summary>Opens a stream that certainly has no event, without a look into the store; fences as <see cref="OpenAsync"/> does. Null when that is not
    /// certain.</summary>
    OpenedStream? TryOpenNew(StreamId stream);

    /// <summary>Opens a stream as one that has no event, without a look into the store; fences as <see cref="OpenAsync"/> does. Where it has events after all, the first
    /// append is fenced.</summary>
    OpenedStream AssumeNew(StreamId stream);

    /// <summary>Completes when the appends are durable, or certainly not written: all of them, or none. While the store cannot write (disk full,
    /// connection lost), it waits and retries; see <see cref="Health"/>. A stream's next append may be given before this one is answered: it is written after
    /// this one, or, when this one is not, not at all.</summary>
    /// <param name="appends">Of different streams, one at least.</param>
    Task<AppendOutcome> AppendAsync(IReadOnlyList<Append> appends);

    /// <summary>Replaces the wake row of a stream whose events did not change; null removes it. Durable with the next commit; losing
    /// it does no harm, since receivers drop what they have had.</summary>
    /// <param name="carried">Sequence of a <see cref="CarriedEvent"/> of the stream that is known to be durable, as is all before it: that is removed. Null for none.</param>
    Task<AppendOutcome> AcknowledgeAsync(StreamId stream, long epoch, Wake? wake, long? carried = null);

    /// <summary>Streams with a wake row that is asked for, in order of due time, after the cursor.</summary>
    /// <param name="after">The last stream of the page before; null for the first.</param>
    Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanWakesAsync(WakeQuery query, int limit, StreamId? after, CancellationToken cancellationToken);

    /// <summary>Null while appends go through; else what is wrong and what to do about it.</summary>
    string? Health { get; }

    /// <summary>Raised after each commit, from the committing thread: the highest position that readers can now see, and the
    /// runs it touched (namespace, run). Handlers must be quick and must not throw.</summary>
    event Action<long, IReadOnlyCollection<(string Namespace, string Run)>>? Committed;
}

public static class JournalExtensions
{
    /// <summary>Appends to one stream.</summary>
    public static Task<AppendOutcome> AppendAsync(this IJournal journal, Append append) => journal.AppendAsync([append]);

    /// <summary>All with a wake row due at or before a time.</summary>
    public static Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanWakesAsync(this IJournal journal, DateTimeOffset due, int limit, StreamId? after, CancellationToken cancellationToken) =>
        journal.ScanWakesAsync(new WakeQuery(due), limit, after, cancellationToken);
}

/// <summary>Which wake rows are asked for.</summary>
/// <param name="Due">Those due at or before it.</param>
/// <param name="Later">Only those due after it; null for all, those that are due at once (<see cref="DateTimeOffset.MinValue"/>) among them.</param>
/// <param name="Shards">Only those of streams in these; null for all that the journal owns.</param>
public sealed record WakeQuery(DateTimeOffset Due, DateTimeOffset? Later = null, IReadOnlyList<int>? Shards = null);

/// <summary>The journal holds something that this release cannot read, or that is damaged.</summary>
public sealed class JournalFormatException : Exception
{
    public JournalFormatException()
    {
    }

    public JournalFormatException(string message)
        : base(message)
    {
    }

    public JournalFormatException(string message, Exception innerException)
        : base(message, innerException)
    {
    }
}

/// <summary>The journal's formats, counted from 1. An event is kept with the format in which it was written; a release refuses one that is newer than it knows.</summary>
public static class JournalFormat
{
    /// <summary>The newest format that this release reads.</summary>
    public const int Version = 2;

    /// <summary>The format of an event: the oldest that has it, with all that this one says. So an older release goes on reading what has nothing new in it.</summary>
    public static int Of(Event written) => written switch
    {
        // An event that is added, or one whose added member is set, is named here with its format.
        FlowDeleted => 2,
        ScheduleSet or ScheduleRemoved or SchedulePaused or ScheduleResumed or ScheduleAdvanced or ScheduledRunEnded => 2,
        BackfillOpened or BackfillClosed or BackfillStarted or BackfillSet or BackfillAdvanced or BackfilledRunEnded or BackfillPaused or BackfillResumed or BackfillCancelled => 2,
        EventPublished or EventRedriven or DeadLettersDismissed or TriggerPaused or TriggerResumed or TriggerTook => 2,
        CarriedEvent => 2,
        NoticeRaised or RunWatched or WatchPutOff or WatchEnded or RunLate or NoticeTold or NoticeFailed or NoticeRedriven or NoticeDismissed => 2,
        PoolSet or PoolDeleted or LaunchAsked or LaunchSettled or LaunchFailed or MachinesEnding or StraysEnding or MachinesEnded => 2,
        RunStarted { Cause: not null } => 2,
        RunEnded { Announced: not null } => 2,
        FlowDeployed deployed => SpecFormat.Of(deployed.Spec),
        _ => 1,
    };
}
