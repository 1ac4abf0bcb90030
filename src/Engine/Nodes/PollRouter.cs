using Fanfare.Contracts;

namespace Fanfare.Engine;

/// <summary>Brings a worker's polls to all nodes that they concern. To each node it is as if the worker polled it: what it holds of that node's, and what ended of it. What is free is offered to one node at a time, so that
/// no two lease the same; where nothing waits the poll rests at this node, until another says that it has work. All of it runs on the node's own loop.</summary>
internal sealed class PollRouter
{
    /// <summary>Parts that one poll may have: a node tells them apart, and from those of other polls, by their order.</summary>
    private const int MostParts = 1024;

    /// <summary>How long the node of what ended waits for what follows from it: then both are one append.</summary>
    private const int FollowMs = 20;

    /// <summary>Every how many polls a node goes first that said it has work, and is not where the worker's last tasks were.</summary>
    private const int OthersTurn = 4;

    /// <summary>How long a node may take beyond what it is to wait. One that hangs is put out after two seconds.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2.5);

    /// <summary>How often all nodes see a worker that polls through this one: always; and while shards have just passed to others, which then have leases for it that it may not have heard of.</summary>
    private static readonly TimeSpan _showEvery = TimeSpan.FromSeconds(10), _showEveryNow = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a node may take to wake what it gained.</summary>
    private static readonly TimeSpan _wakesWithin = TimeSpan.FromSeconds(5);

    /// <summary>How long a poll rests at least where one of the nodes does not answer.</summary>
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan _forgetAfter = TimeSpan.FromMinutes(10);

    /// <summary>How often the others are told of work that nobody takes here.</summary>
    private static readonly TimeSpan _tellEvery = TimeSpan.FromMilliseconds(20);

    private readonly EngineNode _local;
    private readonly INodes _nodes;
    private readonly TimeProvider _clock;
    private readonly Dictionary<string, Route> _routes = [];
    private readonly LinkedList<Rest> _resting = [];
    private readonly Dictionary<string, long> _busy = [];
    private long _heard, _forgotAt, _changedAt;
    private Task? _map;
    private long? _toldAt;
    private bool _isToTell;
    private int _turn;

    public PollRouter(EngineNode local, INodes nodes, TimeProvider clock)
    {
        (_local, _nodes, _clock, _forgotAt) = (local, nodes, clock, clock.GetTimestamp());
        local.Unserved = Tell;
    }

    public Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken) => _local.OnLoop(() => RouteAsync(request, cancellationToken));

    /// <summary>Another node has work for which it has no worker.</summary>
    public Task HearOfWorkAsync(string node) => _local.OnLoop(() =>
    {
        _busy[node] = ++_heard;
        WakeOne();
        return Task.FromResult(true);
    });

    private async Task<PollResponse> RouteAsync(PollRequest request, CancellationToken cancellationToken)
    {
        var route = RouteOf(request.Worker);
        var isLatest = route.Boot != request.Boot || request.Sequence > route.Sequence;
        // Whom it has not spoken to through this node may have leases for it that it never heard of; or has to hear that it was started anew.
        var asksAll = route.Boot != request.Boot || request.Sequence != route.Sequence + 1 || _clock.GetElapsedTime(route.ShownAt) >= (HasMoved ? _showEveryNow : _showEvery);
        if (asksAll)
        {
            route.ShownAt = _clock.GetTimestamp();
            // Word of their work may have been lost.
            foreach (var node in _nodes.All) _busy.TryAdd(node, 0);
        }
        if (isLatest) route.Begin(request, _clock.GetTimestamp());
        var parts = new Parts(this, route, request, isLatest, cancellationToken);

        var first = First(parts);
        await parts.AskAsync([.. parts.Concerned.Concat(route.TakeOwing()).Concat(asksAll ? _nodes.All : []).Append(first).Distinct()], first, parts.FollowsFrom(first) ? FollowMs : 0);
        while (parts.HasNothingToSay)
        {
            if (parts.SeeksWork && Untried(parts) is { } next) await parts.AskAsync([next], next, 0);
            else if (!await parts.RestAsync()) break;
        }
        // The one that was sent for another node's work comes back with nothing, or with something else: the next may fit.
        if (parts.WasWoken) WakeOne();
        return parts.Answer();
    }

    private bool HasMoved
    {
        get
        {
            var map = _nodes.ChangedAsync();
            if (!ReferenceEquals(map, _map)) (_map, _changedAt) = (map, _clock.GetTimestamp());
            return _clock.GetElapsedTime(_changedAt) < _wakesWithin;
        }
    }

    private Route RouteOf(string worker)
    {
        if (_clock.GetElapsedTime(_forgotAt) >= _forgetAfter)
        {
            _forgotAt = _clock.GetTimestamp();
            foreach (var silent in _routes.Where(route => _clock.GetElapsedTime(route.Value.SeenAt) >= _forgetAfter).Select(route => route.Key).ToList()) _routes.Remove(silent);
        }
        if (!_routes.TryGetValue(worker, out var route)) _routes[worker] = route = new Route();
        route.SeenAt = _clock.GetTimestamp();
        return route;
    }

    // Where what ended leads on, most likely; and now and then where work waits that nobody takes.
    private string First(Parts parts)
    {
        if (_busy.Count > 0 && ++_turn % OthersTurn == 0)
        {
            var other = _busy.Keys.ElementAt(_turn / OthersTurn % _busy.Count);
            if (_nodes.All.Contains(other)) return other;
        }
        return parts.MostEnded ?? _nodes.Own;
    }

    private string? Untried(Parts parts)
    {
        foreach (var gone in _busy.Keys.Except(_nodes.All).ToList()) _busy.Remove(gone);
        if (_busy.Keys.FirstOrDefault(node => node != _nodes.Own && !parts.Tried.Contains(node)) is not { } busy) return null;
        return parts.Tried.Contains(_nodes.Own) ? busy : _nodes.Own;
    }

    // One poll at a time is sent after what a node has: it says so again while there is more.
    private void WakeOne()
    {
        foreach (var rest in _resting)
        {
            if (rest.Heard == _heard) continue;
            rest.Heard = _heard;
            rest.Wake();
            return;
        }
    }

    private void Tell()
    {
        if (_isToTell) return;
        var left = _toldAt is { } at ? _tellEvery - _clock.GetElapsedTime(at) : TimeSpan.Zero;
        _isToTell = true;
        _local.Start(async () =>
        {
            if (left > TimeSpan.Zero) await _local.DelayAsync(left);
            (_isToTell, _toldAt) = (false, _clock.GetTimestamp());
            _nodes.OfferWork();
        });
    }

    /// <summary>What is known of a worker that polls through this node.</summary>
    private sealed class Route
    {
        private readonly HashSet<string> _owing = [];
        private CancellationTokenSource? _latest;

        public string? Boot { get; private set; }

        public long Sequence { get; private set; }

        public long SeenAt { get; set; }

        /// <summary>When all nodes saw it last.</summary>
        public long ShownAt { get; set; }

        /// <summary>A newer poll takes the place of the one before, which is answered with what it has.</summary>
        public void Begin(PollRequest request, long now)
        {
            (Boot, Sequence, SeenAt) = (request.Boot, request.Sequence, now);
            // Not CancelAsync: that runs the registered callbacks on the thread pool.
            _latest?.Cancel();
            _latest = null;
        }

        public void Rests(CancellationTokenSource rest) => _latest = rest;

        public void RestsNoMore(CancellationTokenSource rest)
        {
            if (ReferenceEquals(_latest, rest)) _latest = null;
        }

        /// <summary>This node may have leased something of which the worker does not know yet.</summary>
        public void Owes(string node) => _owing.Add(node);

        public List<string> TakeOwing()
        {
            var owing = _owing.ToList();
            _owing.Clear();
            return owing;
        }
    }

    /// <summary>A poll that waits for work.</summary>
    private sealed class Rest(long heard)
    {
        private readonly TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Heard { get; set; } = heard;

        public Task Woken => _woken.Task;

        public void Wake() => _woken.TrySetResult();
    }

    /// <summary>One poll of a worker, in the parts that go to the nodes, and what they answer.</summary>
    private sealed class Parts
    {
        private readonly PollRouter _router;
        private readonly Route _route;
        private readonly PollRequest _request;
        private readonly bool _isLatest;
        private readonly CancellationToken _gone;
        private readonly long _since;
        private readonly ILookup<string?, FinishedAttempt> _finished;
        private readonly ILookup<string?, HeldLease> _held;
        private readonly List<PollResponse> _answers = [];
        private readonly HashSet<string> _told = [];
        private int _asked;

        public Parts(PollRouter router, Route route, PollRequest request, bool isLatest, CancellationToken gone)
        {
            (_router, _route, _request, _isLatest, _gone, _since) = (router, route, request, isLatest, gone, router._clock.GetTimestamp());
            _finished = request.Finished.ToLookup(ended => router._nodes.OwnerOf(ended.Task.Stream));
            _held = request.Held.ToLookup(held => router._nodes.OwnerOf(held.Task.Stream));
        }

        /// <summary>Nodes of what it holds and what ended. What passes from one node to another at the moment is for the next poll.</summary>
        public IEnumerable<string> Concerned => _finished.Select(part => part.Key).Concat(_held.Select(part => part.Key)).OfType<string>();

        public string? MostEnded => _finished.Where(part => part.Key is not null).MaxBy(part => part.Count())?.Key;

        /// <summary>Nodes that were offered what is free.</summary>
        public HashSet<string> Tried { get; } = [];

        public bool SeeksWork => _request.MaxLeases > 0;

        public bool HasNothingToSay => _isLatest && IsLatest && _asked < MostParts / 2 && !_gone.IsCancellationRequested
            && _answers.TrueForAll(answer => answer.Leases.Count + answer.Cancel.Count + answer.Settled.Count == 0);

        public bool WasWoken { get; private set; }

        private bool IsLatest => _route.Boot == _request.Boot && _route.Sequence == _request.Sequence;

        public bool FollowsFrom(string node) => _finished.Contains(node);

        public async Task AskAsync(IReadOnlyList<string> nodes, string free, int waitMs)
        {
            var asked = nodes.Select(node => AskAsync(node, node == free, node == free ? waitMs : 0, _gone)).ToList();
            foreach (var answer in asked) Add(await answer);
        }

        /// <summary>Waits: at this node for work of its own, or word of another's, and at the nodes of what it holds for a cancel. False when the time is over, or there is something to say.</summary>
        public async Task<bool> RestAsync()
        {
            var left = _request.WaitMs - (int)_router._clock.GetElapsedTime(_since).TotalMilliseconds;
            if (left <= 0) return false;
            var rest = new Rest(_router._heard);
            var place = _router._resting.AddLast(rest);
            using var end = CancellationTokenSource.CreateLinkedTokenSource(_gone);
            _route.Rests(end);
            try
            {
                var parked = _held.Select(part => part.Key).OfType<string>().Append(_router._nodes.Own).Distinct().Select(node => ParkAsync(node, left, end.Token)).ToList();
                await Task.WhenAny([.. parked, rest.Woken]);
                end.Cancel();
                foreach (var answer in parked) Add(await answer);
            }
            finally
            {
                _route.RestsNoMore(end);
                _router._resting.Remove(place);
            }
            if (!rest.Woken.IsCompleted) return false;
            WasWoken = true;
            Tried.RemoveWhere(node => node != _router._nodes.Own);
            return true;
        }

        private async Task<PollResponse?> ParkAsync(string node, int waitMs, CancellationToken end)
        {
            var answer = await AskAsync(node, node == _router._nodes.Own, waitMs, end);
            // One that is away must not turn a long poll into a spin.
            if (answer is null) await Task.Delay(_pause, _router._clock, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            return answer;
        }

        /// <exception cref="RefusedException">No node has answered.</exception>
        public PollResponse Answer()
        {
            if (_answers.Count == 0) throw new RefusedException(RefusalKind.Busy, "FAN0018", "No server can answer for this worker's tasks at the moment. Repeat the request.");
            return new PollResponse
            {
                Leases = [.. _answers.SelectMany(answer => answer.Leases)],
                Cancel = [.. _answers.SelectMany(answer => answer.Cancel)],
                Settled = [.. _answers.SelectMany(answer => answer.Settled).Distinct()],
                TermMs = _answers.Min(answer => answer.TermMs),
            };
        }

        private void Add(PollResponse? answer)
        {
            if (answer is not null) _answers.Add(answer);
        }

        // Null when it does not answer: what was to be settled there comes with the next poll, and so does what it may have leased.
        private async Task<PollResponse?> AskAsync(string node, bool isFree, int waitMs, CancellationToken cancellationToken)
        {
            isFree &= _isLatest;
            var heard = _router._heard;
            if (isFree) Tried.Add(node);
            var part = _request with
            {
                Sequence = (_request.Sequence * MostParts) + Math.Min(_asked++, MostParts - 1),
                WaitMs = waitMs,
                MaxLeases = isFree ? _request.MaxLeases : 0,
                Finished = _told.Add(node) ? [.. _finished[node]] : [],
                Held = [.. _held[node]],
            };
            try
            {
                var answer = await _router._nodes.At(node).PollAsync(part, cancellationToken).WaitAsync(_patience + TimeSpan.FromMilliseconds(waitMs), _router._clock, CancellationToken.None);
                if (answer.Leases.Count > 0) _route.Owes(node);
                else if (isFree && _router._busy.TryGetValue(node, out var told) && told <= heard) _router._busy.Remove(node);
                return answer;
            }
            catch (Exception error)
            {
                _route.Owes(node);
                if (error is not RefusedException { Kind: RefusalKind.Busy } && !cancellationToken.IsCancellationRequested) _router._local.Warn($"{node} did not answer for {_request.Worker}: {error.Message}");
                return null;
            }
        }
    }
}
