using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Simulation.Flows;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Cluster;

/// <summary>A worker that speaks the poll protocol: one poll parked, a second when there is something to report. Its troubles are in
/// SimWorker.Troubles.cs.</summary>
internal sealed partial class SimWorker
{
    private static readonly TimeSpan PollWait = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan WaitForRoom = TimeSpan.FromSeconds(2);

    private readonly SimCluster _cluster;
    private readonly VirtualLoop _loop;
    private readonly Chance _chance;
    private readonly SideEffects _effects;
    private readonly ResourceSpec _capacity;
    private readonly SimMachine? _machine;
    private readonly Dictionary<string, Held> _held = [];
    private readonly Dictionary<string, FinishedAttempt> _finished = [];
    private readonly HashSet<string> _unreported = [];
    private readonly HashSet<string> _recent = [];
    private readonly List<Exchange> _inFlight = [];
    private VirtualProcess _process;
    private string _boot = "";
    private string _bootId = "";
    private int _boots;
    private long _sequence;
    private TimeSpan _term = TimeSpan.FromMinutes(5);
    private string? _drains;
    private bool _isToldToDrain;

    /// <param name="machine">The pool's machine that it runs on; null for a worker that belongs to no pool, and in whose place another comes.</param>
    public SimWorker(string name, int cores, SimCluster cluster, SideEffects effects, SimMachine? machine = null)
    {
        (Name, _cluster, _loop, _effects, _machine) = (name, cluster, cluster.Loop, effects, machine);
        _chance = cluster.Loop.Chance.Fork();
        _capacity = new ResourceSpec(cores, 0, 0, 0);
        _process = Boot();
        PlanTrouble();
    }

    public string Name { get; private set; }

    /// <summary>A task that it runs and whose lease holds; null for none.</summary>
    public string? Runs => !_process.Alive ? null
        : _held.Values.Where(held => held.Execution is { EndedAt: null } && held.RenewedAt + _term > Uptime).Select(held => $"{held.Lease.Task.Run} {held.Lease.Name}").FirstOrDefault();

    // Terms are counted by the worker's own monotonic clock, which drifts.
    private TimeSpan Uptime => _process.Clock.GetElapsedTime(0);

    private VirtualProcess Boot()
    {
        _boot = $"{Name}-boot{++_boots}";
        _bootId = $"{_loop.Now.ToUnixTimeMilliseconds():x12}7000800000000000{_boots:x4}";
        _held.Clear();
        _finished.Clear();
        _unreported.Clear();
        _recent.Clear();
        _inFlight.Clear();
        _sequence = 0;
        (_drains, _isToldToDrain) = (null, false);
        _process = _loop.AddProcess(_boot, _cluster.Faults.RateOf(_boot));
        Pump();
        Look();
        return _process;
    }

    // Once a second, as a clock would: what ran out, what found no room, what is to be asked.
    private void Look()
    {
        var now = Uptime;
        foreach (var (token, held) in _held.ToArray())
        {
            if (now + TimeSpan.FromSeconds(1) >= held.RenewedAt + _term) End(token, AttemptOutcome.Lost, new TaskError("lease_expired", "No gateway renewed the lease."), null);
            else if (held.Execution is null && now - held.ReceivedAt > WaitForRoom) End(token, AttemptOutcome.Lost, new TaskError("over_capacity", "No room."), null);
        }
        Pump();
        if (_isToldToDrain && _held.Count == 0 && _finished.Count == 0)
        {
            Leave();
            return;
        }
        _loop.After(TimeSpan.FromSeconds(1), Look, _process);
    }

    private void Pump()
    {
        _inFlight.RemoveAll(e => e.Over);
        while (_inFlight.Count == 0 || (_inFlight.Count < 2 && _unreported.Count > 0)) Send();
    }

    private void Send()
    {
        var free = _capacity;
        foreach (var held in _held.Values) free = free.Minus(held.Lease.Step.Resources);
        var request = new PollRequest
        {
            Worker = Name,
            Boot = _bootId,
            Sequence = ++_sequence,
            WaitMs = (int)PollWait.TotalMilliseconds,
            Capacity = _capacity,
            Free = free.Cpu < 0 ? free with { Cpu = 0 } : free,
            MaxLeases = _drains is not null ? 0 : Math.Max(0, (int)free.Cpu),
            Draining = _drains,
            Finished = [.. _finished.Values, .. ReportedAgain()],
            Held = [.. _held.Values.Select(h => new HeldLease(h.Lease.Task, h.Lease.Token))],
        };
        _unreported.Clear();
        var exchange = new Exchange { SentAt = Uptime };
        _inFlight.Add(exchange);
        _loop.After(PollWait + TimeSpan.FromSeconds(1), () => GiveUp(exchange, request), _process);
        if (_loop.Now < _cutOffUntil) return;
        var process = _process;
        _cluster.Call(Name, engine => engine.PollAsync(Copy(request), exchange.Cancel.Token),
            response => _loop.At(_loop.Now, () => Receive(exchange, request, Copy(response)), process),
            _ => _loop.At(_loop.Now, () => GiveUp(exchange, request), process));
    }

    private void GiveUp(Exchange exchange, PollRequest request)
    {
        if (exchange.Over) return;
        exchange.Over = true;
        foreach (var attempt in request.Finished)
            if (_finished.ContainsKey(attempt.Token)) _unreported.Add(attempt.Token);
        if (_chance.Roll(0.7)) exchange.Cancel.Cancel();
        Pump();
    }

    private void Receive(Exchange exchange, PollRequest request, PollResponse response)
    {
        if (exchange.Over || _loop.Now < _cutOffUntil) return;
        exchange.Over = true;
        if (response.Drain is { } drain && _drains is null) (_drains, _isToldToDrain) = (drain, true);
        if (response.TermMs > 0) _term = TimeSpan.FromMilliseconds(response.TermMs);
        foreach (var held in _held.Values)
            if (held.Since <= request.Sequence && held.RenewedAt < exchange.SentAt) held.RenewedAt = exchange.SentAt;
        foreach (var token in response.Settled)
        {
            if (_finished.Remove(token, out var settled)) Remember(settled);
            _unreported.Remove(token);
        }
        foreach (var lease in response.Leases)
        {
            if (_held.TryGetValue(lease.Token, out var known)) known.RenewedAt = known.RenewedAt < exchange.SentAt ? exchange.SentAt : known.RenewedAt;
            else if (!_finished.ContainsKey(lease.Token) && !_recent.Contains(lease.Token))
                _held[lease.Token] = new Held(lease, _sequence + 1, Uptime) { RenewedAt = exchange.SentAt };
        }
        foreach (var cancel in response.Cancel)
            if (_held.TryGetValue(cancel.Token, out var over)) over.Cancelled = true;
        foreach (var cancel in response.Cancel)
        {
            if (!_held.TryGetValue(cancel.Token, out var ending)) continue;
            var outcome = cancel.Void ? AttemptOutcome.Lost : AttemptOutcome.Cancelled;
            if (ending.Execution is null)
            {
                End(cancel.Token, outcome, new TaskError("cancelled", cancel.Reason), null);
                continue;
            }
            // A task takes its time to end, within its grace.
            _loop.After(_chance.Span(0, 2_000), () => End(cancel.Token, outcome, new TaskError("cancelled", cancel.Reason), null), _process);
        }
        StartWhatFits();
        Pump();
    }

    private void StartWhatFits()
    {
        var free = _capacity;
        foreach (var held in _held.Values)
            if (held.Execution is not null) free = free.Minus(held.Lease.Step.Resources);
        foreach (var (token, held) in _held)
        {
            // An answer that was read too late, as after a freeze, starts nothing: its lease may be another's by now.
            if (held.Cancelled || held.RenewedAt + _term <= Uptime) continue;
            if (held.Execution is not null || !held.Lease.Step.Resources.FitsIn(free)) continue;
            free = free.Minus(held.Lease.Step.Resources);
            held.Execution = _effects.Begin(held.Lease, _boot, _loop.Now);
            var (after, finish) = TaskBehaviour.Of(held.Lease.Step).Run(held.Lease, _cluster.Blobs);
            _loop.After(after, () => End(token, finish.Outcome, finish.Error, finish), _process);
        }
    }

    private void End(string token, AttemptOutcome outcome, TaskError? error, TaskEnd? end)
    {
        if (!_held.Remove(token, out var held)) return;
        held.Execution?.Stop(_loop.Now, outcome.ToString());
        _finished[token] = new FinishedAttempt
        {
            Task = held.Lease.Task,
            Token = token,
            Outcome = outcome,
            StartedAt = held.Execution?.StartedAt,
            EndedAt = _loop.Now,
            Error = error,
            Output = end?.Output,
            ItemsFile = end?.File,
            ItemsCount = end?.FileCount ?? 0,
        };
        _unreported.Add(token);
        StartWhatFits();
        Pump();
    }

    private static PollRequest Copy(PollRequest request) =>
        JsonSerializer.Deserialize(JsonSerializer.Serialize(request, ContractsJson.Default.PollRequest), ContractsJson.Default.PollRequest)!;

    private static PollResponse Copy(PollResponse response) =>
        JsonSerializer.Deserialize(JsonSerializer.Serialize(response, ContractsJson.Default.PollResponse), ContractsJson.Default.PollResponse)!;

    private sealed class Exchange
    {
        public TimeSpan SentAt { get; init; }

        public bool Over { get; set; }

        public CancellationTokenSource Cancel { get; } = new();
    }

    private sealed class Held(Lease lease, long since, TimeSpan receivedAt)
    {
        public Lease Lease => lease;

        public long Since => since;

        public TimeSpan ReceivedAt => receivedAt;

        public TimeSpan RenewedAt { get; set; }

        /// <summary>The server wants it ended; it does not start any more.</summary>
        public bool Cancelled { get; set; }

        public Execution? Execution { get; set; }
    }
}
