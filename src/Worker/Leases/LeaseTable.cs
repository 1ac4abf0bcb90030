using System.Diagnostics.CodeAnalysis;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Logs;

namespace Fanfare.Worker.Leases;

/// <summary>What this worker holds, what it has finished and not yet seen settled, and what is free. Safe to call from any thread.</summary>
internal sealed class LeaseTable(WorkerOptions options, string boot, ResourceSpec capacity, IReadOnlyList<int> gpus, TimeProvider time, IWorkerLog log)
{
    /// <summary>Most leases asked for at a time.</summary>
    public const int MostLeases = 256;

    // A request stays well below the limit of its size, whatever the attempts put out.
    private const long FinishedBytes = Limits.RequestBytes / 2;

    // A lease that fits the machine but not what is free crossed a report on its way; room for it comes at once or not at all.
    private static readonly TimeSpan WaitForRoom = TimeSpan.FromSeconds(2);

    private readonly Lock _lock = new();
    private readonly Dictionary<string, HeldTask> _held = [];
    private readonly Dictionary<string, FinishedAttempt> _finished = [];
    private readonly HashSet<string> _unreported = [];
    private readonly RecentTokens _recent = new(20_000);
    private readonly SortedSet<int> _freeGpus = [.. gpus];
    private long _sequence;
    private TimeSpan _term = TimeSpan.FromMinutes(5);
    private bool _draining;
    private string? _drainReason;
    private bool _isDrainUntold;
    private bool _isToldByServer;
    private string? _interrupted;

    /// <summary>Set when an attempt finished.</summary>
    public Signal Changed { get; } = new();

    /// <summary>How long the next poll may be parked: a lease counts from the poll that renewed it, so a term holds a few polls, and
    /// one that hangs costs no lease.</summary>
    public TimeSpan PollWait
    {
        get
        {
            lock (_lock) return _term / 3 < options.PollWait ? _term / 3 : options.PollWait;
        }
    }

    /// <summary>Whether there is something that the gateway should know at once.</summary>
    public bool HasNews
    {
        get
        {
            lock (_lock) return _unreported.Count > 0 || _isDrainUntold;
        }
    }

    public bool IsEmpty
    {
        get
        {
            lock (_lock) return _held.Count == 0 && _finished.Count == 0;
        }
    }

    public bool Draining
    {
        get
        {
            lock (_lock) return _draining;
        }
    }

    /// <summary>Why it drains, in words; null when it does not.</summary>
    public string? DrainReason
    {
        get
        {
            lock (_lock) return _drainReason;
        }
    }

    /// <summary>From now on no leases are asked for, and those that still come are handed back. The gateway is told at once: a poll that waits there asks for some.</summary>
    /// <returns>How many leases are held.</returns>
    public int Drain(string reason)
    {
        lock (_lock)
        {
            Drain_NeedsLock(reason);
            return _held.Count;
        }
    }

    /// <summary>The machine is taken back: tasks that run are told so and may use the time that is left, what waits is handed back.</summary>
    /// <returns>How many run.</returns>
    public int Interrupt(Interruption interruption, TimeSpan grace)
    {
        var reason = SpotInterruption.Reason(options.Name, interruption.Action, interruption.At);
        var running = new List<TaskAssignment>();
        lock (_lock)
        {
            Drain_NeedsLock(SpotInterruption.Draining(interruption.Action, interruption.At));
            _interrupted = reason;
            foreach (var task in _held.Values.ToList())
            {
                if (task.Assignment is { } assignment)
                {
                    running.Add(assignment);
                    continue;
                }
                _held.Remove(task.Lease.Token);
                HandBack_NeedsLock(task.Lease, Lost(task.Lease, SpotInterruption.ErrorType, reason));
            }
        }
        // Nothing is started any more, so these are all. Each writes a file before its signal: not under the lock, or the last would wait for all.
        foreach (var assignment in running) assignment.Interrupt(interruption, reason, grace);
        return running.Count;
    }

    private void Drain_NeedsLock(string reason)
    {
        (_draining, _drainReason, _isDrainUntold) = (true, reason, true);
        Changed.Set();
    }

    /// <summary>The next poll. Reports = true when it carries something that no poll before it did.</summary>
    public (PollRequest Request, bool Reports) Compose(TimeSpan wait)
    {
        lock (_lock)
        {
            var held = new List<HeldLease>(_held.Count);
            foreach (var task in _held.Values) held.Add(new HeldLease(task.Lease.Task, task.Lease.Token));
            var finished = new List<FinishedAttempt>(_finished.Count);
            long bytes = 0;
            var reports = false;
            foreach (var attempt in _finished.Values)
            {
                bytes += SizeBound(attempt);
                if (finished.Count > 0 && bytes > FinishedBytes)
                {
                    // Named as held, so that it stays this worker's until a later poll has room for it.
                    held.Add(new HeldLease(attempt.Task, attempt.Token));
                    continue;
                }
                finished.Add(attempt);
                reports |= _unreported.Remove(attempt.Token);
            }
            reports |= _isDrainUntold;
            _isDrainUntold = false;
            var free = Free();
            return (new PollRequest
            {
                Worker = options.Name,
                Boot = boot,
                Sequence = ++_sequence,
                // Who drains and holds nothing waits for no more than to hear that its last reports are settled.
                WaitMs = _draining && _held.Count == 0 ? 0 : (int)wait.TotalMilliseconds,
                Capacity = capacity,
                Free = free,
                MaxLeases = _draining || free.Cpu <= 1e-9 ? 0 : Math.Clamp((int)Math.Ceiling(free.Cpu - 1e-9), 1, MostLeases),
                Queues = options.Queues,
                Address = options.Address,
                Draining = _drainReason,
                Finished = finished,
                Held = held,
            }, reports);
        }
    }

    /// <summary>Whether no poll was made after this one.</summary>
    public bool IsNewest(PollRequest request)
    {
        lock (_lock) return request.Sequence == _sequence;
    }

    /// <summary>A poll failed, so what it carried has not been reported.</summary>
    public void NotSent(PollRequest request)
    {
        lock (_lock)
        {
            foreach (var attempt in request.Finished)
                if (_finished.ContainsKey(attempt.Token)) _unreported.Add(attempt.Token);
            _isDrainUntold |= request.Draining is not null && request.Draining == _drainReason;
        }
    }

    /// <summary>Takes in an answer. Returns what is to be started now.</summary>
    public IReadOnlyList<HeldTask> Apply(PollRequest request, PollResponse response, long sentAt)
    {
        lock (_lock)
        {
            if (response.Drain is { } drain && !_draining)
            {
                Drain_NeedsLock(drain);
                _isToldByServer = true;
            }
            if (response.TermMs > 0) _term = TimeSpan.FromMilliseconds(response.TermMs);
            foreach (var task in _held.Values)
                if (task.Since <= request.Sequence) task.RenewedAt = Math.Max(task.RenewedAt, sentAt);
            foreach (var token in response.Settled)
            {
                if (_finished.Remove(token)) _recent.Add(token);
                _unreported.Remove(token);
            }
            foreach (var lease in response.Leases)
            {
                if (_held.TryGetValue(lease.Token, out var known))
                {
                    known.RenewedAt = Math.Max(known.RenewedAt, sentAt);
                    continue;
                }
                if (_finished.ContainsKey(lease.Token) || _recent.Contains(lease.Token)) continue;
                // The answer came after the lease had run out (this machine was asleep): the task may run elsewhere by now.
                if (time.GetElapsedTime(sentAt) >= _term)
                {
                    log.Of(LogSeverity.Warning, lease, "is not started: the answer that brought it took longer than its lease lasts.");
                    continue;
                }
                if (_interrupted is { } interrupted)
                    HandBack_NeedsLock(lease, Lost(lease, SpotInterruption.ErrorType, interrupted));
                // A server that has it drain grants no more: what still comes was on its way.
                else if (_draining && !_isToldByServer)
                    HandBack_NeedsLock(lease, Lost(lease, "draining", $"Worker {options.Name} drains and takes no more tasks{(_drainReason is { } why ? ": " + why : "")}."));
                else if (!lease.Step.Resources.FitsIn(capacity))
                    HandBack_NeedsLock(lease, Lost(lease, "over_capacity", $"The task asks for {Words(lease.Step.Resources)}; worker {options.Name} has {Words(capacity)}."));
                else
                    _held.Add(lease.Token, new HeldTask(lease, _sequence + 1, sentAt) { ReceivedAt = time.GetTimestamp() });
            }
            foreach (var cancel in response.Cancel)
            {
                if (!_held.TryGetValue(cancel.Token, out var task)) continue;
                task.Cancelled = cancel;
                task.Assignment?.RequestStop(cancel.Void ? StopReason.Void : StopReason.Cancelled, cancel.Reason, task.Lease.Step.Grace);
            }
            return Startable_NeedsLock();
        }
    }

    /// <summary>An attempt is over: it waits to be reported, and what was in line may start.</summary>
    public IReadOnlyList<HeldTask> Finish(HeldTask task, FinishedAttempt attempt)
    {
        lock (_lock)
        {
            if (task.Assignment is { } assignment)
                foreach (var gpu in assignment.Gpus) _freeGpus.Add(gpu);
            _held.Remove(task.Lease.Token);
            Finish_NeedsLock(attempt);
            return Startable_NeedsLock();
        }
    }

    /// <summary>Ends leases whose term is about to pass unrenewed, so that nothing of them runs beyond it. Also hands back
    /// what found no room.</summary>
    /// <returns>How long until this has to be looked at again.</returns>
    public TimeSpan EndExpired()
    {
        lock (_lock)
        {
            var now = time.GetTimestamp();
            var next = TimeSpan.FromSeconds(1);
            List<(HeldTask, FinishedAttempt)>? over = null;
            foreach (var task in _held.Values)
            {
                var left = _term - time.GetElapsedTime(task.RenewedAt, now);
                if (task.Assignment is { } assignment)
                {
                    // The grace lies within the term: who gets the task next may rely on the term's end.
                    var grace = task.Lease.Step.Grace < _term / 5 ? task.Lease.Step.Grace : _term / 5;
                    if (left <= grace && assignment.Reason is not StopReason.Expired)
                        assignment.RequestStop(StopReason.Expired, $"No gateway renewed the lease for {_term.TotalSeconds:0.#} s.", left);
                    else if (left - grace < next && left > grace)
                        next = left - grace;
                }
                else if (left <= TimeSpan.Zero)
                {
                    (over ??= []).Add((task, Lost(task.Lease, "lease_expired", "The lease ran out before there was room to start the task.")));
                }
                else if (time.GetElapsedTime(task.ReceivedAt, now) > WaitForRoom)
                {
                    (over ??= []).Add((task, Lost(task.Lease, "over_capacity", $"Worker {options.Name} had no room for {Words(task.Lease.Step.Resources)} within {WaitForRoom.TotalSeconds:0} s.")));
                }
            }
            foreach (var (task, attempt) in over ?? [])
            {
                _held.Remove(task.Lease.Token);
                HandBack_NeedsLock(task.Lease, attempt);
            }
            return next < TimeSpan.FromMilliseconds(10) ? TimeSpan.FromMilliseconds(10) : next;
        }
    }

    /// <summary>Ends everything: what runs is stopped, what waits is handed back.</summary>
    public void StopAll(string reason)
    {
        lock (_lock)
        {
            _draining = true;
            foreach (var task in _held.Values.ToList())
            {
                if (task.Assignment is { } assignment)
                {
                    var grace = task.Lease.Step.Grace < options.StopGrace ? task.Lease.Step.Grace : options.StopGrace;
                    assignment.RequestStop(StopReason.Shutdown, reason, grace);
                }
                else
                {
                    _held.Remove(task.Lease.Token);
                    HandBack_NeedsLock(task.Lease, Lost(task.Lease, "worker_stopped", reason));
                }
            }
        }
    }

    /// <summary>Gives up the uploads of all that still runs.</summary>
    public void AbandonUploads()
    {
        lock (_lock)
            foreach (var task in _held.Values) task.Assignment?.AbandonUploads();
    }

    private List<HeldTask> Startable_NeedsLock()
    {
        var startable = new List<HeldTask>();
        var free = Free(startedOnly: true);
        List<(HeldTask, FinishedAttempt)>? over = null;
        foreach (var task in _held.Values)
        {
            if (task.Assignment is not null) continue;
            if (task.Cancelled is { } cancel)
            {
                (over ??= []).Add((task, new FinishedAttempt
                {
                    Task = task.Lease.Task,
                    Token = task.Lease.Token,
                    Outcome = cancel.Void ? AttemptOutcome.Lost : AttemptOutcome.Cancelled,
                    EndedAt = time.GetUtcNow(),
                    Error = new TaskError(cancel.Void ? "lease_void" : "cancelled", cancel.Reason),
                }));
                continue;
            }
            var asked = task.Lease.Step.Resources;
            if (!asked.FitsIn(free) || !TryTakeGpus(asked.Gpu, out var taken)) continue;
            free = free.Minus(asked);
            task.Assignment = new TaskAssignment(task.Lease, taken, time);
            startable.Add(task);
        }
        foreach (var (task, attempt) in over ?? [])
        {
            _held.Remove(task.Lease.Token);
            HandBack_NeedsLock(task.Lease, attempt);
        }
        return startable;
    }

    private bool TryTakeGpus(int count, [NotNullWhen(true)] out IReadOnlyList<int>? taken)
    {
        taken = null;
        if (_freeGpus.Count < count) return false;
        var list = _freeGpus.Take(count).ToArray();
        _freeGpus.ExceptWith(list);
        taken = list;
        return true;
    }

    private void HandBack_NeedsLock(Lease lease, FinishedAttempt attempt)
    {
        log.HandedBack(lease, attempt);
        Finish_NeedsLock(attempt);
    }

    private void Finish_NeedsLock(FinishedAttempt attempt)
    {
        _finished[attempt.Token] = attempt;
        _unreported.Add(attempt.Token);
        Changed.Set();
    }

    private ResourceSpec Free(bool startedOnly = false)
    {
        var (cpu, memory, gpu, disk) = (capacity.Cpu, capacity.MemoryBytes, capacity.Gpu, capacity.DiskBytes);
        foreach (var task in _held.Values)
        {
            if (startedOnly && task.Assignment is null) continue;
            var asked = task.Lease.Step.Resources;
            cpu -= asked.Cpu;
            memory -= asked.MemoryBytes;
            gpu -= asked.Gpu;
            disk -= asked.DiskBytes;
        }
        return new ResourceSpec(cpu < 1e-9 ? 0 : cpu, Math.Max(0, memory), Math.Max(0, gpu), Math.Max(0, disk));
    }

    private FinishedAttempt Lost(Lease lease, string type, string reason) => new()
    {
        Task = lease.Task,
        Token = lease.Token,
        Outcome = AttemptOutcome.Lost,
        EndedAt = time.GetUtcNow(),
        Error = new TaskError(type, reason),
    };

    private static long SizeBound(FinishedAttempt attempt)
    {
        // A character takes at most six bytes in JSON.
        var bytes = 1024 + 6L * ((attempt.Output?.Length ?? 0) + (attempt.Error?.Message.Length ?? 0));
        foreach (var artifact in attempt.Artifacts ?? []) bytes += 64 + 6L * artifact.Name.Length;
        return bytes;
    }

    private static string Words(ResourceSpec r) => FormattableString.Invariant(
        $"{r.Cpu:0.##} cores, {r.MemoryBytes >> 20} MiB of memory, {r.Gpu} GPUs and {r.DiskBytes >> 20} MiB of disk");
}
