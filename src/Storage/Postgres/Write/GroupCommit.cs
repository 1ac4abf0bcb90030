using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;

namespace Fanfare.Storage.Postgres.Write;

/// <summary>Gathers writes of many entities into transactions. While one connection waits for its flush, another takes what has come meanwhile; the busier
/// the database, the larger the batches. A large write to a stream that is being written to is begun at once on another connection, and committed after that one. While the database refuses, a batch is kept and tried again, and what waits behind it is bounded. It has no thread of its own, since to wake one can cost more than the sending: what comes while
/// a connection is idle is sent by who brings it, and what came meanwhile by who learns that the commit before is done.</summary>
internal sealed class GroupCommit : IAsyncDisposable
{
    /// <summary>Streams in one transaction: enough to spread the flush thin, few enough to answer within milliseconds.</summary>
    private const int BatchStreams = 1000;

    /// <summary>Events in one transaction, whoever brings them.</summary>
    private const int BatchEvents = 20_000;

    /// <summary>Bytes of events in one transaction, to bound memory when events carry large outputs.</summary>
    private const int BatchBytes = 16 * 1024 * 1024;

    /// <summary>Events that are worth a flush of their own while another is under way. Fewer wait for it: two flushes side by side take longer than one.</summary>
    private const int HeavyEvents = 100;

    /// <summary>Writes that wait; the next caller waits outside.</summary>
    private const int QueuedWrites = 10_000;

    /// <summary>How long acknowledgements alone wait for company.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromMilliseconds(5);

    /// <summary>How long a commit may take that was under way, or is tried for the last time, when the journal closes.</summary>
    private static readonly TimeSpan _lastCommit = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan _firstRetry = TimeSpan.FromMilliseconds(100), _longestRetry = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly List<PendingWrite> _waiting = [];
    private readonly Dictionary<StreamId, Task<long>> _underWay = [];
    private readonly HashSet<(string, string)> _unseenRuns = [];
    private readonly SemaphoreSlim _room = new(QueuedWrites);
    private readonly CancellationTokenSource _closing = new(), _givingUp = new();
    private readonly CancellationToken _otherLeads;
    private readonly StreamCache _streams;
    private readonly VisiblePosition _visible;
    private readonly TimeProvider _clock;
    private readonly string _database;
    private readonly Action<string> _log;
    private readonly Action<long, IReadOnlyCollection<(string, string)>> _committed;
    private readonly Slot[] _slots;
    private readonly Stack<Slot> _idle;
    private readonly ITimer _patienceEnds;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private bool _isTimed, _isOverdue, _isCalled;
    private int _committing, _heavyWaiting;
    private volatile bool _deposed;
    private volatile bool _closed;
    private volatile string? _health;
    private volatile Exception? _abandoned;

    /// <param name="database">How messages name it.</param>
    /// <param name="otherLeads">Cancelled when another server is known to lead: then an answer on the connections of before may never come.</param>
    public GroupCommit(IReadOnlyList<Writer> writers, StreamCache streams, VisiblePosition visible, string database, TimeProvider clock, Action<string> log, Action<long, IReadOnlyCollection<(string, string)>> committed, CancellationToken otherLeads)
    {
        (_streams, _visible, _database, _clock, _log, _committed, _otherLeads) = (streams, visible, database, clock, log, committed, otherLeads);
        _slots = [.. writers.Select(writer => new Slot(writer))];
        _idle = new Stack<Slot>(_slots);
        _patienceEnds = clock.CreateTimer(_ => EndPatience(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public string? Health => _health;

    // Nothing stands between the write's completion and its caller: each await on the way would cost a change of threads.
    public Task<AppendOutcome> WriteAsync(PendingWrite write)
    {
        if (!_room.Wait(0, CancellationToken.None)) return WriteLaterAsync(write);
        Add(write);
        return write.Completion;
    }

    private async Task<AppendOutcome> WriteLaterAsync(PendingWrite write)
    {
        await _room.WaitAsync().ConfigureAwait(false);
        Add(write);
        return await write.Completion.ConfigureAwait(false);
    }

    private void Add(PendingWrite write)
    {
        Slot? slot;
        lock (_lock)
        {
            if (_closed)
            {
                _room.Release();
                throw new ObjectDisposedException(nameof(PostgresJournal));
            }
            _waiting.Add(write);
            if (!IsHeavy(write))
            {
                Call();
                return;
            }
            _heavyWaiting++;
            slot = TakeWaiting();
        }
        Start(slot);
    }

    // Has the writer's own scheduler start a commit when it has done what it has before it: more small writes, most likely, which then share this one's flush.
    private void Call()
    {
        if (_isCalled || _idle.Count == 0) return;
        _isCalled = true;
        _ = Task.Factory.StartNew(
            () =>
            {
                Slot? slot;
                lock (_lock)
                {
                    _isCalled = false;
                    slot = TakeWaiting();
                }
                Start(slot);
            },
            CancellationToken.None, TaskCreationOptions.DenyChildAttach, TaskScheduler.Current);
    }

    /// <summary>Whether nothing of this stream is on its way to the database.</summary>
    public bool IsQuiet(StreamId stream)
    {
        lock (_lock) return !_underWay.ContainsKey(stream);
    }

    /// <summary>Returns when nothing of this stream is on its way to the database.</summary>
    public async Task QuietAsync(StreamId stream, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task? busy;
            lock (_lock) busy = _underWay.GetValueOrDefault(stream);
            if (busy is null) return;
            await busy.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Returns when nothing that was given before is on its way to the database.</summary>
    public async Task SettledAsync(CancellationToken cancellationToken)
    {
        List<Task> pending;
        lock (_lock) pending = [.. _waiting.Select(write => write.Completion), .. _underWay.Values.Distinct()];
        await Task.WhenAll(pending).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        cancellationToken.ThrowIfCancellationRequested();
    }

    /// <summary>Writes what is queued, then closes the connections. A database that refuses to the last is not waited for: what could not be
    /// written fails with the reason.</summary>
    public async ValueTask DisposeAsync()
    {
        Slot? slot;
        lock (_lock)
        {
            if (_closed) return;
            _closed = true;
            slot = TakeWaiting();
            if (_idle.Count == _slots.Length) _ended.TrySetResult();
        }
        Start(slot);
        await _closing.CancelAsync().ConfigureAwait(false);
        _givingUp.CancelAfter(_lastCommit);
        await _ended.Task.ConfigureAwait(false);
        foreach (var each in _slots) await each.Writer.DisposeAsync().ConfigureAwait(false);
        await _patienceEnds.DisposeAsync().ConfigureAwait(false);
        _closing.Dispose();
        _givingUp.Dispose();
    }

    /// <summary>Has an idle connection take what waits; null when there is none, or nothing that is worth a commit. Under the lock.</summary>
    private Slot? TakeWaiting()
    {
        if (_waiting.Count == 0 || !_idle.TryPeek(out var slot) || !TakeFor(slot)) return null;
        _idle.Pop();
        return slot;
    }

    private bool TakeFor(Slot slot)
    {
        slot.Before = [];
        if (Take(slot.Batch) || ((_isOverdue || _closed) && slot.Batch.Count > 0))
        {
            _isOverdue = false;
        }
        else
        {
            // Acknowledgements, which may wait for company; or what is not worth a flush beside the one that is under way.
            slot.Batch.Clear();
            if (!TakeBehind(slot))
            {
                if (_waiting.Count > 0 && !_isTimed)
                {
                    _isTimed = true;
                    _patienceEnds.Change(_patience, Timeout.InfiniteTimeSpan);
                }
                return false;
            }
        }
        slot.Done = new TaskCompletionSource<long>();
        Mark(slot.Batch, slot.Done.Task);
        return true;
    }

    private void EndPatience()
    {
        Slot? slot;
        lock (_lock)
        {
            (_isTimed, _isOverdue) = (false, true);
            slot = TakeWaiting();
        }
        Start(slot);
    }

    private void Start(Slot? slot)
    {
        if (slot is not null) _ = RunAsync(slot);
    }

    private async Task RunAsync(Slot slot)
    {
        try
        {
            do
            {
                var committing = CommitAsync(slot);
                // What this one had no room for.
                Slot? other;
                lock (_lock) other = TakeWaiting();
                Start(other);
                await committing.ConfigureAwait(false);
            }
            while (Finish(slot));
        }
        catch (Exception bug)
        {
            _log($"The journal in the database {_database} lost a connection to a bug: {bug}");
            _ended.TrySetException(bug);
        }
    }

    // Answers those whose writes are done; true when it has taken others.
    private bool Finish(Slot slot)
    {
        lock (_lock)
        {
            _committing--;
            foreach (var part in slot.Batch.SelectMany(write => write.Parts))
            {
                Leave(part.Stream);
                if (RunOfFirst(part) is { } run) Leave(run);
            }
        }
        Announce(slot.Batch);
        foreach (var write in slot.Batch)
            if (!write.Completion.IsCompleted) write.Complete();
        // What was begun behind this one is committed by this same thread, without waking another.
        slot.Done.SetResult(slot.Writer.LastPosition);
        _room.Release(slot.Batch.Count);
        slot.Batch.Clear();
        lock (_lock)
        {
            if (TakeFor(slot)) return true;
            _idle.Push(slot);
            if (_closed && _idle.Count == _slots.Length) _ended.TrySetResult();
            return false;
        }

        // Unless another batch is behind this one.
        void Leave(StreamId stream)
        {
            if (_underWay.GetValueOrDefault(stream) == slot.Done.Task) _underWay.Remove(stream);
        }
    }

    // One write of a stream at a time, and in order. True when some caller waits for the flush, and it is worth one.
    private bool Take(List<PendingWrite> batch)
    {
        var (hurry, streams, events, bytes) = (false, 0, 0, 0);
        HashSet<StreamId> passed = [];
        foreach (var write in _waiting)
        {
            if (streams >= BatchStreams || events >= BatchEvents || bytes >= BatchBytes) break;
            if (!IsFree(write, passed)) continue;
            batch.Add(write);
            streams += write.Parts.Count;
            events += write.Events;
            bytes += write.Bytes;
            hurry |= write.IsAppend;
        }
        return (hurry && (_committing == 0 || events >= HeavyEvents)) || streams >= BatchStreams;
    }

    // A large write to streams that are under way in other batches, if nothing that waits comes before it.
    private bool TakeBehind(Slot slot)
    {
        if (_heavyWaiting == 0) return false;
        HashSet<StreamId> passed = [];
        foreach (var write in _waiting)
        {
            var isNext = true;
            foreach (var part in write.Parts) isNext &= passed.Add(part.Stream);
            if (!isNext || !IsHeavy(write) || !write.Parts.All(part => part is StreamAppend && _streams.Get(part.Stream).Exists)) continue;
            slot.Batch.Add(write);
            slot.Before = [.. write.Parts.Select(part => _underWay.GetValueOrDefault(part.Stream)).OfType<Task<long>>().Distinct()];
            return true;
        }
        return false;
    }

    private static bool IsHeavy(PendingWrite write) => write.Events >= HeavyEvents;

    // A write that cannot be taken holds up all that come after it on any of its streams.
    private bool IsFree(PendingWrite write, HashSet<StreamId> passed)
    {
        var free = true;
        foreach (var part in write.Parts)
            free &= passed.Add(part.Stream) && !_underWay.ContainsKey(part.Stream) && !(RunToMake(part) is { } run && _underWay.ContainsKey(run));
        return free;
    }

    private void Mark(List<PendingWrite> batch, Task<long> done)
    {
        _committing++;
        _heavyWaiting -= batch.Count(IsHeavy);
        var taken = batch.ToHashSet();
        _waiting.RemoveAll(taken.Contains);
        foreach (var part in batch.SelectMany(write => write.Parts))
        {
            _underWay[part.Stream] = done;
            if (RunToMake(part) is { } run) _underWay[run] = done;
        }
    }

    // A step's first append may also make its run's row; two connections would number it twice.
    private StreamId? RunToMake(StreamWrite part) => RunOfFirst(part) is { } run && !_streams.Get(run).Exists ? run : null;

    private static StreamId? RunOfFirst(StreamWrite part) =>
        part is StreamAppend { IsFirst: true, Stream: { Kind: StreamKind.Step } step } ? StreamId.Run(step.Namespace, step.RunId!) : null;

    private async Task CommitAsync(Slot slot)
    {
        var after = -1L;
        if (slot.Before.Count > 0)
        {
            if (!_deposed && _abandoned is null)
            {
                using var limit = Limit();
                await slot.Writer.BeginAsync(slot.Batch, limit.Token).ConfigureAwait(false);
            }
            foreach (var before in slot.Before) after = Math.Max(after, await before.ConfigureAwait(false));
        }
        await CommitAsync(slot.Writer, slot.Batch, after).ConfigureAwait(false);
    }

    private async Task CommitAsync(Writer writer, List<PendingWrite> batch, long after)
    {
        var start = _clock.GetTimestamp();
        for (var delay = _firstRetry; ; delay = delay * 2 < _longestRetry ? delay * 2 : _longestRetry)
        {
            try
            {
                // What was sent before may be there, whatever became of another connection's batch.
                if (_deposed && !writer.IsInDoubt) throw new DeposedException();
                if (_abandoned is { } reason)
                {
                    Abandon(batch, reason);
                    return;
                }
                await TryCommitAsync(writer, batch, after).ConfigureAwait(false);
                StorageInstruments.Committed(batch, _clock.GetElapsedTime(start));
                ReportHealth(null);
                return;
            }
            catch (DeposedException deposed)
            {
                _deposed = true;
                ReportHealth($"{deposed.Message} Nothing of this server is written any more; it has to take over again.");
                foreach (var write in batch) write.Outcome = AppendOutcome.Fenced;
                return;
            }
            catch (Exception error) when (PostgresFailure.IsEnvironment(error))
            {
                StorageInstruments.Refused();
                if (await AwaitRecoveryAsync(error, delay).ConfigureAwait(false)) continue;
                _abandoned = error;
                Abandon(batch, error);
                return;
            }
            catch (Exception error) when (batch.Count == 1)
            {
                // One write that the schema refuses is its caller's fault, not the database's.
                writer.Refuse(batch[0]);
                batch[0].Fail(new InvalidOperationException($"The journal refused the write to {batch[0]}: {error.Message}", error));
                return;
            }
            catch (Exception)
            {
                // One of these is refused by the schema: alone, each gets its own answer.
                foreach (var write in batch) await CommitAsync(writer, [write], after).ConfigureAwait(false);
                return;
            }
        }
    }

    private async Task TryCommitAsync(Writer writer, List<PendingWrite> batch, long after)
    {
        using var limit = Limit();
        try
        {
            await writer.CommitAsync(batch, after, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            throw new TimeoutException("It did not answer in time.");
        }
    }

    // When another server leads already, what is tried next finds that out on a new connection.
    private CancellationTokenSource Limit() => _otherLeads.IsCancellationRequested
        ? CancellationTokenSource.CreateLinkedTokenSource(_givingUp.Token)
        : CancellationTokenSource.CreateLinkedTokenSource(_givingUp.Token, _otherLeads);

    private void Abandon(List<PendingWrite> batch, Exception reason)
    {
        foreach (var write in batch) write.Fail(new StoreUnavailableException(PostgresFailure.NotWritten(reason, _database), reason));
    }

    /// <summary>Waits until the next try; false when the journal is closing, and there will be none.</summary>
    private async Task<bool> AwaitRecoveryAsync(Exception error, TimeSpan delay)
    {
        ReportHealth(PostgresFailure.CannotWrite(error, _database));
        if (_closing.IsCancellationRequested) return false;
        try
        {
            await Task.Delay(delay, _clock, _closing.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // Closing: one last try follows.
        }
        return true;
    }

    private void ReportHealth(string? health)
    {
        lock (_lock)
        {
            if (health == _health || (_deposed && health is null)) return;
            _health = health;
        }
        _log(health ?? $"The journal in the database {_database} writes again; nothing was lost.");
    }

    private void Announce(List<PendingWrite> batch)
    {
        IReadOnlyCollection<(string, string)> runs;
        long position;
        lock (_lock)
        {
            var appended = false;
            foreach (var write in batch)
            {
                if (!write.IsAppend || write.Outcome != AppendOutcome.Committed || write.Completion.IsCompleted) continue;
                appended = true;
                foreach (var part in write.Parts)
                    if (part.Stream.RunId is { } run) _unseenRuns.Add((part.Stream.Namespace, run));
            }
            if (!appended) return;
            position = _visible.Value;
            runs = [.. _unseenRuns];
            // What is above the position is announced again with the batch that makes it visible.
            if (!_visible.IsBehind) _unseenRuns.Clear();
        }
        try
        {
            _committed(position, runs);
        }
        catch (Exception error)
        {
            // A listener that breaks its promise must not end the journal.
            _log($"A listener to the journal's commits failed: {error}");
        }
    }

    /// <summary>A connection, and the writes that it commits.</summary>
    private sealed class Slot(Writer writer)
    {
        public Writer Writer => writer;

        public List<PendingWrite> Batch { get; } = [];

        /// <summary>What is to be committed before: batches of other connections, with streams that this one has too.</summary>
        public IReadOnlyList<Task<long>> Before { get; set; } = [];

        /// <summary>Completes with the position of its last event when the batch has its outcome.</summary>
        public TaskCompletionSource<long> Done { get; set; } = new();
    }
}
