using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>What a stream's events come to as a trace. It follows from durable events alone: those of an activation, and then those that land. So a node that takes over comes to the same.</summary>
internal abstract class Trail(ITraces traces)
{
    protected ITraces Traces { get; } = traces;

    /// <summary>The trail of an entity that is being loaded; null where its trace is not kept, or it has none.</summary>
    public static Trail? Of(Entity entity, ITraces? traces) => traces is null ? null : entity switch
    {
        StepEntity step when traces.IsSampled(entity.Id.Namespace, entity.Id.RunId!) => new StepTrail(step, traces),
        RunEntity when traces.IsSampled(entity.Id.Namespace, entity.Id.Name) => new RunTrail(entity.Id, traces),
        _ => null,
    };

    /// <summary>Takes the next event.</summary>
    /// <param name="tells">Whether what ends by it is told.</param>
    public abstract void Follow(JournalEvent entry, bool tells);

    // As exact as the journal keeps it, so that it is the same after a replay.
    protected static DateTimeOffset Stored(DateTimeOffset at) => at.AddTicks(-(at.Ticks % TimeSpan.TicksPerMicrosecond));
}

/// <summary>Of a run: from its start to its end, and so for each of its retries.</summary>
internal sealed class RunTrail(StreamId id, ITraces traces) : Trail(traces)
{
    private RunStarted? _started;
    private DateTimeOffset _since;
    private int _generation;

    public override void Follow(JournalEvent entry, bool tells)
    {
        switch (entry.Event)
        {
            case RunStarted e:
                (_started, _since) = (e, Stored(entry.At));
                break;
            case RunRetried e:
                (_generation, _since) = (e.Generation, Stored(entry.At));
                break;
            case RunEnded e when tells && _started is { } started:
                Traces.Ended(new RunTrace(id.Namespace, id.Name, started.Flow, started.Deployment, _generation, _since, Stored(entry.At), e.Status, e.Error));
                break;
        }
    }
}

/// <summary>Of a step: its attempts. Keeps a number for each task that waits, and a few for each that runs.</summary>
internal sealed class StepTrail(StepEntity step, ITraces traces) : Trail(traces)
{
    private readonly Dictionary<int, Leased> _leased = [];

    /// <summary>By split: since when it is ready, in ticks; 0 for not known.</summary>
    private long[] _ready = [];
    private RunInfo? _run;

    public override void Follow(JournalEvent entry, bool tells)
    {
        var at = Stored(entry.At);
        switch (entry.Event)
        {
            case StepOpened e:
                _run = e.Run;
                break;
            case SplitsArrived e:
                foreach (var (start, end) in e.Splits.Ranges) MakeReady(start, end, at);
                break;
            case ForeachOpened e:
                MakeReady(0, e.Count, at);
                break;
            // A join's task is ready by the last of those that it waits for.
            case MembersExpected e:
                MakeReady(e.Split, at);
                break;
            case MembersArrived e:
                MakeReady(e.Split, at);
                break;
            case TaskRetried e:
                MakeReady(e.Split, at);
                break;
            case StepRetried e:
                _run = _run!.Retried(e.Generation, e.Reset);
                MakeReady(0, _ready.Length, at);
                break;
            case TaskLeased e:
                _leased[e.Split] = new Leased(e.Attempt, e.Worker, Earlier(e.Split, at), at, _run!);
                break;
            case TaskSucceeded e:
                End(e.Split, e.Attempt, e.StartedAt, e.EndedAt, at, e.Caught is null ? "succeeded" : "failed", e.Caught, tells);
                break;
            case TaskFailed e:
                End(e.Split, e.Attempt, e.StartedAt, e.EndedAt, at, e.Error.Type == "losses" ? "lost" : "failed", e.Error, tells);
                if (e.RetryAt is { } retryAt) MakeReady(e.Split, retryAt);
                break;
            case TaskLost e:
                End(e.Split, e.Attempt, null, at, at, "lost", new TaskError("lost", e.Reason), tells);
                MakeReady(e.Split, e.RetryAt ?? at);
                break;
            case TaskCancelled e:
                End(e.Split, e.Attempt, null, at, at, "cancelled", null, tells);
                break;
        }
    }

    // Whose clock a time is by differs: a part must not begin before the one before has ended, nor end after its end was known.
    private void End(int split, int attempt, DateTimeOffset? startedAt, DateTimeOffset endedAt, DateTimeOffset knownAt, string outcome, TaskError? error, bool tells)
    {
        if (!_leased.Remove(split, out var leased) || leased.Attempt != attempt || !tells) return;
        DateTimeOffset? started = startedAt is { } given ? Within(leased.At, given, knownAt) : null;
        var task = new TaskRef(step.Id.Namespace, leased.Run.Run, step.Key, split);
        Traces.Ended(new AttemptTrace(
            task, task.Name(step.Node.InForeach), attempt, leased.Run, step.Node.Spec.Queue, leased.Worker, leased.ReadyAt, leased.At, started, Within(started ?? leased.At, endedAt, knownAt), outcome, error));
    }

    // The node that decided the end may have another clock than the one that leased.
    private static DateTimeOffset Within(DateTimeOffset first, DateTimeOffset at, DateTimeOffset last) => at < first || last < first ? first : at > last ? last : at;

    private void MakeReady(int split, DateTimeOffset at) => MakeReady(split, split + 1, at);

    private void MakeReady(int start, int end, DateTimeOffset at)
    {
        if (end > _ready.Length) Array.Resize(ref _ready, Math.Max(end, _ready.Length * 2));
        Array.Fill(_ready, at.UtcTicks, start, end - start);
    }

    private DateTimeOffset Earlier(int split, DateTimeOffset leasedAt) =>
        split < _ready.Length && _ready[split] is > 0 and var ready && ready < leasedAt.UtcTicks ? new DateTimeOffset(ready, TimeSpan.Zero) : leasedAt;

    private readonly record struct Leased(int Attempt, string Worker, DateTimeOffset ReadyAt, DateTimeOffset At, RunInfo Run);
}
