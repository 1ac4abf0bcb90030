using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>A write on its way to the database: all of its parts, or none. Its task completes on the thread pool, never on the thread that commits.</summary>
internal sealed class PendingWrite
{
    private readonly TaskCompletionSource<AppendOutcome> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private PendingWrite(IReadOnlyList<StreamWrite> parts)
    {
        Parts = parts;
        foreach (var part in parts)
        {
            if (part is not StreamAppend append) continue;
            IsAppend = true;
            Events += append.Append.Events.Count;
            Bytes += append.Bytes;
        }
    }

    /// <summary>What is written to each stream; never two of one.</summary>
    public IReadOnlyList<StreamWrite> Parts { get; }

    /// <summary>Whether somebody waits for the flush; acknowledgements may wait for company.</summary>
    public bool IsAppend { get; }

    public int Events { get; }

    /// <summary>Bytes of the events. Rows hold the same outputs again, so they need no count of their own.</summary>
    public int Bytes { get; }

    /// <summary>Set when the write was tried in the present transaction; counts only once that has committed.</summary>
    public AppendOutcome Outcome { get; set; }

    public Task<AppendOutcome> Completion => _completion.Task;

    /// <param name="framed">Whether events that one command decided share a frame.</param>
    /// <exception cref="ArgumentException">There is nothing to append, or two appends are of one stream, or the events do not follow the head, or a row is not the stream's to write.</exception>
    public static PendingWrite Of(IReadOnlyList<Append> appends, bool framed)
    {
        ArgumentNullException.ThrowIfNull(appends);
        if (appends.Count == 0) throw new ArgumentException("There is no append.", nameof(appends));
        if (appends.Count == 1) return new PendingWrite([StreamAppend.Of(appends[0], framed)]);
        if (appends.Select(a => a.Stream).Distinct().Count() != appends.Count) throw new ArgumentException("Two of the appends are of one stream.", nameof(appends));
        return new PendingWrite([.. appends.Select(append => StreamAppend.Of(append, framed))]);
    }

    /// <summary>A write of one part.</summary>
    public static PendingWrite Of(StreamWrite part) => new([part]);

    public static PendingWrite Acknowledge(StreamId stream, long epoch, Wake? wake, long? carried = null) => new([new StreamAcknowledge(stream, epoch, wake, carried)]);

    public void Complete()
    {
        if (IsAppend) StorageInstruments.Answered(Outcome);
        _completion.SetResult(Outcome);
    }

    public void Fail(Exception error)
    {
        if (IsAppend) StorageInstruments.Answered(outcome: null);
        _completion.SetException(error);
    }

    public override string ToString() => string.Join(", ", Parts.Select(part => part.Stream));
}

/// <summary>What a write does to one stream.</summary>
internal abstract class StreamWrite(StreamId stream, long epoch)
{
    public StreamId Stream => stream;

    public long Epoch => epoch;
}

/// <summary>Replaces a wake row, and removes events that are not needed any more.</summary>
internal sealed class StreamAcknowledge(StreamId stream, long epoch, Wake? wake, long? carried) : StreamWrite(stream, epoch)
{
    public Wake? Wake => wake;

    /// <summary>Sequence of the event that makes those before it needless; null for none.</summary>
    public long? Carried => carried;
}

/// <summary>An append, checked and with its events encoded by the caller, so that neither costs whoever commits.</summary>
internal sealed class StreamAppend : StreamWrite
{
    private StreamAppend(Append append, IReadOnlyList<EventFrame> frames)
        : base(append.Stream, append.Epoch)
    {
        Append = append;
        Frames = frames;
        foreach (var frame in frames) Bytes += frame.Payload.Length;
    }

    public Append Append { get; }

    /// <summary>The events, in order.</summary>
    public IReadOnlyList<EventFrame> Frames { get; }

    public int Bytes { get; }

    /// <summary>Whether it makes its stream.</summary>
    public bool IsFirst => Append.ExpectedSequence == 0;

    public static StreamAppend Of(Append append, bool framed)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(append.ExpectedSequence);
        for (var i = 0; i < append.Events.Count; i++)
        {
            var entry = append.Events[i];
            if (entry.Sequence != append.ExpectedSequence + 1 + i)
                throw new ArgumentException($"Event {i} of the append to {append.Stream} has sequence {entry.Sequence}; after head {append.ExpectedSequence} it must be {append.ExpectedSequence + 1 + i}.", nameof(append));
        }
        if (append.Rows.Count > 0) CheckOwner(append);
        return new StreamAppend(append, framed ? EventFrame.Of(append.Events) : [.. append.Events.Select(entry => new EventFrame(1, JournalFormat.Of(entry.Event), EventCodec.Write(entry.Event)))]);
    }

    /// <summary>A row is keyed by the stream that writes it, so writing another stream's row would overwrite the wrong one.</summary>
    private static void CheckOwner(Append append)
    {
        var stream = append.Stream;
        var key = stream.Kind == StreamKind.Step ? stream.StepKey : default;
        var run = stream.RunId;
        foreach (var row in append.Rows)
        {
            var owned = row switch
            {
                DeploymentRow d => stream.Kind == StreamKind.Flow && d.Namespace == stream.Namespace && d.Flow == stream.Name,
                ScheduleRow c => stream.Kind == StreamKind.Schedule && c.Namespace == stream.Namespace && (c.Flow, c.Schedule) == stream.ScheduleName,
                TriggerRow t => stream.Kind == StreamKind.Flow && t.Namespace == stream.Namespace && t.Flow == stream.Name,
                NoticeRow n => stream.Kind == StreamKind.Notice && n.Namespace == stream.Namespace && n.Notice == stream.Name,
                PoolRow p => stream == StreamId.Pool(p.Pool),
                BackfillRow b => stream.Kind == StreamKind.Backfill && b.Namespace == stream.Namespace && b.Backfill == stream.Name,
                EventRow e => stream.Kind == StreamKind.Event && e.Namespace == stream.Namespace && e.Event == stream.Name,
                DeadLetterRow l => stream.Kind == StreamKind.Event && l.Namespace == stream.Namespace && l.Event == stream.Name,
                DeletionRow d => stream.Kind == StreamKind.Flow && d.Namespace == stream.Namespace && d.Flow == stream.Name,
                RunRow r => stream.Kind == StreamKind.Run && r.Namespace == stream.Namespace && r.Run == run,
                StepRow s => stream.Kind == StreamKind.Step && s.Namespace == stream.Namespace && s.Run == run && s.Key == key,
                TaskRow t => stream.Kind == StreamKind.Step && t.Namespace == stream.Namespace && t.Run == run && t.Key == key,
                GrantRow g => stream.Kind == StreamKind.Step && g.Namespace == stream.Namespace && g.Run == run && g.Key == key,
                AttemptRow a => stream.Kind == StreamKind.Step && a.Namespace == stream.Namespace && a.Run == run && a.Key == key,
                _ => throw new ArgumentException($"The append to {stream} has a row of type {row.GetType().Name}, which this journal has no table for.", nameof(append)),
            };
            if (!owned) throw new ArgumentException($"The append to {stream} has a {row.GetType().Name} of another stream; a row is written by its own stream only: {row}", nameof(append));
        }
    }
}
