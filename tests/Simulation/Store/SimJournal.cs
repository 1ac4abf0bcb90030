using Fanfare.Contracts;
using Fanfare.Simulation.Cluster;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Store;

/// <summary>One process's journal over the durable store: group commit with virtual delays. A crash loses what was not committed, and may
/// come between a commit and its acknowledgement.</summary>
internal sealed class SimJournal : IJournal
{
    private readonly DurableStore _store;
    private readonly VirtualProcess _process;
    private readonly VirtualLoop _loop;
    private readonly Faults _faults;
    private readonly Chance _chance;
    private readonly long _term;
    private List<Pending> _waiting = [];
    private List<Pending>? _batch;
    private long _openings;

    public SimJournal(DurableStore store, VirtualProcess process, Faults faults, Chance chance)
    {
        (_store, _process, _loop, _faults, _chance) = (store, process, store.Loop, faults, chance);
        _term = ++store.Term;
    }

    public string Incarnation => DurableStore.Incarnation;

    public int Format => JournalFormat.Version;

    public string? Health => null;

    /// <summary>Called at each commit, before and after it; where crashes are decided.</summary>
    public Action? BeforeCommit { get; set; }

    public Action? AfterCommit { get; set; }

    public event Action<long, IReadOnlyCollection<(string Namespace, string Run)>>? Committed;

    public Task<OpenedStream> OpenAsync(StreamId stream, CancellationToken cancellationToken)
    {
        _loop.CheckThread("the journal");
        // The fence stands from the call on: later appends of an earlier opening fail, even before this one has read.
        var epoch = (_term << 32) + ++_openings;
        if (_faults.At("open failed", _process.Name, _faults.OpenFailureShare) is not null)
            return Later<OpenedStream>(() => throw new IOException("the store could not be read"), cancellationToken);
        var late = _faults.At("slow open", _process.Name, _faults.SlowOpenShare) is { } slow ? slow.Chance.Span(50, 8_000) : TimeSpan.Zero;
        return Later(() => _store.Open(stream, epoch), cancellationToken, late);
    }

    public OpenedStream? TryOpenNew(StreamId stream)
    {
        _loop.CheckThread("the journal");
        // Now and then it does not know.
        return _chance.Roll(0.9) ? _store.OpenNew(stream, (_term << 32) + ++_openings) : null;
    }

    public OpenedStream AssumeNew(StreamId stream)
    {
        _loop.CheckThread("the journal");
        var epoch = (_term << 32) + ++_openings;
        _store.Fence(stream, epoch);
        return new OpenedStream(0, epoch, long.MaxValue, []);
    }

    public Task<AppendOutcome> AppendAsync(IReadOnlyList<Append> appends)
    {
        _loop.CheckThread("the journal");
        if (_faults.At("append failed", _process.Name, _faults.AppendFailureShare) is not { Chance: var chance }) return Enqueue(() => _store.Commit(appends, _process.Name));
        // The store's error comes instead of the write, or, which the caller cannot know, after it.
        var written = chance.Roll(0.5);
        return Enqueue(() =>
        {
            if (written) _store.Commit(appends, _process.Name);
            throw new IOException("the store answered with an error");
        });
    }

    public Task<AppendOutcome> AcknowledgeAsync(StreamId stream, long epoch, Wake? wake, long? carried = null)
    {
        _loop.CheckThread("the journal");
        return Enqueue(() => _store.Acknowledge(stream, epoch, wake, carried));
    }

    public Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanWakesAsync(WakeQuery query, int limit, StreamId? after, CancellationToken cancellationToken)
    {
        _loop.CheckThread("the journal");
        // One page holds all: the engine asks again after it, and is told that there is no more.
        return Later(() => after is null ? (IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>)[.. _store.Due(query.Due).Where(wake => !(wake.Due <= query.Later))] : [], cancellationToken);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private Task<AppendOutcome> Enqueue(Func<AppendOutcome> write)
    {
        var pending = new Pending(write);
        _waiting.Add(pending);
        if (_batch is null) Flush();
        return pending.Done.Task;
    }

    private void Flush()
    {
        (_batch, _waiting) = (_waiting, []);
        var delay = _chance.Span(0.1, 6);
        if (_faults.At("slow commit", _process.Name, _faults.Pace.SlowShare) is { } slow) delay = slow.Chance.Span(_faults.Pace.SlowMs, _faults.Pace.SlowestMs);
        _loop.After(delay, Commit, _process);
    }

    private void Commit()
    {
        BeforeCommit?.Invoke();
        if (!_process.Alive) return;
        var outcomes = _batch!.Select(p => p.Carry()).ToList();
        AfterCommit?.Invoke();
        if (!_process.Alive) return;
        _batch = null;
        foreach (var complete in outcomes)
        {
            if (_faults.At("late answer", _process.Name, _faults.LateAnswerShare) is { } late) _loop.After(late.Chance.Span(0.5, 200), complete, _process);
            else complete();
        }
        Committed?.Invoke(_store.History.Count, []);
        if (_waiting.Count > 0) Flush();
    }

    private Task<T> Later<T>(Func<T> read, CancellationToken cancellationToken, TimeSpan late = default)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        _loop.After(_chance.Span(0.05, 2) + late, () =>
        {
            try
            {
                done.TrySetResult(read());
            }
            catch (IOException exception)
            {
                done.TrySetException(exception);
            }
        }, _process);
        return done.Task;
    }

    private sealed record Pending(Func<AppendOutcome> Write)
    {
        public TaskCompletionSource<AppendOutcome> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        /// <summary>Writes; what it returns tells who waits.</summary>
        public Action Carry()
        {
            try
            {
                var outcome = Write();
                return () => Done.SetResult(outcome);
            }
            catch (IOException exception)
            {
                return () => Done.SetException(exception);
            }
        }
    }
}

/// <summary>How fast commits are.</summary>
/// <param name="SlowShare">Share of commits that take from <paramref name="SlowMs"/> up to <paramref name="SlowestMs"/>.</param>
internal sealed record JournalPace(double SlowShare, double SlowMs, double SlowestMs)
{
    public static readonly JournalPace Calm = new(0, 0, 0);
}
