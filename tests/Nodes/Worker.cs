using Fanfare.Contracts;

namespace Fanfare.Nodes;

/// <summary>One poll of a worker at a gateway.</summary>
internal delegate Task<PollResponse> Poll(PollRequest request, CancellationToken cancellationToken);

/// <summary>A worker in this process: each task takes so long, and its result comes under its own token. It polls one gateway, and goes on to the next when that one fails.</summary>
internal sealed class Worker : IAsyncDisposable
{
    private readonly string _name, _boot = Guid.CreateVersion7().ToString();
    private readonly CancellationTokenSource _stop = new();
    private readonly Dictionary<string, (Lease Lease, DateTimeOffset Since)> _held = [];
    private readonly List<FinishedAttempt> _finished = [];
    private readonly HashSet<string> _ended = [];
    private readonly Dictionary<string, (DateTimeOffset Until, string Reason)> _ending = [];
    private readonly int _slots;
    private readonly string? _queue;
    private readonly TimeSpan _each;
    private readonly IReadOnlyList<string> _gateways;
    private readonly Func<string, Poll?> _reach;
    private readonly Task _working;
    private int _gateway;
    private string? _drain;

    /// <param name="queue">The one that it serves; null for all.</param>
    public Worker(string name, int slots, TimeSpan each, IReadOnlyList<string> gateways, Func<string, Poll?> reach, string? queue = null)
    {
        (_name, _slots, _each, _gateways, _reach, _queue) = (name, slots, each, gateways, reach, queue);
        _working = Task.Run(WorkAsync);
    }

    /// <summary>Tasks that it ended, by their tokens.</summary>
    public int Ended => _ended.Count;

    public int Polls { get; private set; }

    /// <summary>Completes when it was told to end and has nothing any more.</summary>
    public Task Left => _working;

    /// <summary>How long a task that is to end takes for it.</summary>
    public TimeSpan Grace { get; set; }

    /// <summary>Most that it held at a time.</summary>
    public int MostHeld { get; private set; }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _working;
        _stop.Dispose();
    }

    private async Task WorkAsync()
    {
        var capacity = new ResourceSpec(_slots, 0, 0, 0);
        for (var sequence = 1L; !_stop.IsCancellationRequested; sequence++)
        {
            var now = DateTimeOffset.UtcNow;
            foreach (var (token, (lease, since)) in _held.Where(held => now - held.Value.Since >= _each).ToList())
            {
                _held.Remove(token);
                if (_ended.Add(token))
                    _finished.Add(new FinishedAttempt { Task = lease.Task, Token = token, Outcome = AttemptOutcome.Succeeded, StartedAt = since, EndedAt = now, Output = """{"n":1}""" });
            }
            foreach (var (token, (_, reason)) in _ending.Where(each => now >= each.Value.Until).ToList())
            {
                _ending.Remove(token);
                if (_held.Remove(token, out var ended) && _ended.Add(token))
                    _finished.Add(new FinishedAttempt { Task = ended.Lease.Task, Token = token, Outcome = AttemptOutcome.Cancelled, StartedAt = ended.Since, EndedAt = now, Error = new TaskError("cancelled", reason) });
            }
            var request = new PollRequest
            {
                Worker = _name,
                Boot = _boot,
                Sequence = sequence,
                WaitMs = _finished.Count > 0 || _drain is not null ? 5 : (int)Math.Clamp(_held.Select(held => (held.Value.Since + _each - now).TotalMilliseconds).Concat(_ending.Values.Select(each => (each.Until - now).TotalMilliseconds)).DefaultIfEmpty(20_000).Min(), 5, 20_000),
                Capacity = capacity,
                Free = new ResourceSpec(_slots - _held.Count, 0, 0, 0),
                MaxLeases = _drain is null ? _slots - _held.Count : 0,
                Draining = _drain,
                Queues = _queue is null ? [] : [_queue],
                Finished = [.. _finished],
                Held = [.. _held.Select(held => new HeldLease(held.Value.Lease.Task, held.Key))],
            };
            Polls++;
            try
            {
                var gateway = _reach(_gateways[_gateway % _gateways.Count]) ?? throw new IOException("It is down.");
                var answer = await gateway(request, _stop.Token).WaitAsync(TimeSpan.FromMilliseconds(request.WaitMs + 5000), _stop.Token);
                var settled = answer.Settled.ToHashSet();
                _finished.RemoveAll(ended => settled.Contains(ended.Token));
                foreach (var cancel in answer.Cancel)
                {
                    if (cancel.Void) _held.Remove(cancel.Token);
                    else if (_held.ContainsKey(cancel.Token)) _ending.TryAdd(cancel.Token, (DateTimeOffset.UtcNow + Grace, cancel.Reason));
                }
                foreach (var lease in answer.Leases)
                    if (!_ended.Contains(lease.Token)) _held.TryAdd(lease.Token, (lease, DateTimeOffset.UtcNow));
                MostHeld = Math.Max(MostHeld, _held.Count);
                _drain ??= answer.Drain;
                if (request.Draining is not null && _held.Count == 0 && _finished.Count == 0) return;
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error) when (error is RefusedException or IOException or TimeoutException)
            {
                _gateway++;
                await Task.Delay(50, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
