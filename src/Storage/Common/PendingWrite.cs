using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>A write on its way through the committing thread. Its task completes on the thread pool, never on that thread.</summary>
internal abstract class PendingWrite(StreamId stream, long epoch)
{
    private readonly TaskCompletionSource<AppendOutcome> _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public StreamId Stream => stream;

    public long Epoch => epoch;

    /// <summary>Set when the write was tried in the present transaction; counts only once that has committed.</summary>
    public AppendOutcome Outcome { get; set; }

    public Task<AppendOutcome> Completion => _completion.Task;

    public void Complete() => _completion.SetResult(Outcome);

    public void Fail(Exception error) => _completion.SetException(error);
}

/// <summary>Replaces a wake row.</summary>
internal sealed class PendingAcknowledge(StreamId stream, long epoch, Wake? wake) : PendingWrite(stream, epoch)
{
    public Wake? Wake => wake;
}

/// <summary>An append, checked and with its events encoded by the caller, so that neither costs the committing thread.</summary>
internal sealed class PendingAppend : PendingWrite
{
    private PendingAppend(Append append, IReadOnlyList<EventFrame> frames)
        : base(append.Stream, append.Epoch)
    {
        Append = append;
        Frames = frames;
        foreach (var frame in frames) Bytes += frame.Payload.Length;
    }

    public Append Append { get; }

    /// <summary>The events, in order.</summary>
    public IReadOnlyList<EventFrame> Frames { get; }

    /// <summary>Bytes of the events. Rows hold the same outputs again, so they need no count of their own.</summary>
    public int Bytes { get; }

    /// <param name="framed">Whether events that one command decided share a frame.</param>
    /// <exception cref="ArgumentException">The events do not follow the head, or a row is not the stream's to write.</exception>
    public static PendingAppend Of(Append append, bool framed)
    {
        ArgumentNullException.ThrowIfNull(append);
        ArgumentOutOfRangeException.ThrowIfNegative(append.ExpectedSequence);
        for (var i = 0; i < append.Events.Count; i++)
        {
            var entry = append.Events[i];
            if (entry.Sequence != append.ExpectedSequence + 1 + i)
                throw new ArgumentException($"Event {i} of the append to {append.Stream} has sequence {entry.Sequence}; after head {append.ExpectedSequence} it must be {append.ExpectedSequence + 1 + i}.", nameof(append));
        }
        if (append.Rows.Count > 0) CheckOwner(append);
        return new PendingAppend(append, framed ? EventFrame.Of(append.Events) : [.. append.Events.Select(entry => new EventFrame(1, EventCodec.Write(entry.Event)))]);
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
