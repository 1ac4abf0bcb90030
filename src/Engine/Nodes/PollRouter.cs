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

    /// <summary>How long the other nodes' answers wait for one that is late. What it answers after all is said with the next poll.</summary>
    private static readonly TimeSpan _grace = TimeSpan.FromMilliseconds(250);

    /// <summary>How often all nodes see a worker that polls through this one: always; and while shards have just passed to others, which then have leases for it that it may not have heard of.</summary>
    private static readonly TimeSpan _showEvery = TimeSpan.FromSeconds(10), _showEveryNow = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a node may take to wake what it gained.</summary>
    private static readonly TimeSpan _wakesWithin = TimeSpan.FromSeconds(5);

    /// <summary>How long a poll rests at least where one of the nodes does not answer.</summary>
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a poll rests that has brought what could not be settled, for its stream passes from one node to another: the worker brings it again then.</summary>
    private const int BringAgainMs = 50;

    /// <summary>How often at least a node hears of leases of its own that a worker holds, of which nothing is new; and how long a poll rests at this node alone before it does at theirs, too. Of a worker that has much to say,
    /// most polls then concern one node. It is also how long a cancel may wait.</summary>
    private static readonly TimeSpan _hearEvery = TimeSpan.FromSeconds(1), _restHere = TimeSpan.FromMilliseconds(200);

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
        await parts.AskAsync([.. parts.Finished.Concat(parts.Held.Where(node => route.HeardBefore(node) >= _hearEvery)).Concat(route.TakeOwing()).Concat(asksAll ? _nodes.All : []).Append(first).Distinct()], first, parts.FollowsFrom(first) ? FollowMs : 0);
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
        if (!_routes.TryGetValue(worker, out var route)) _routes[worker] = route = new Route(_clock);
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
        if (_busy.Keys.FirstOrDefault(node => node != _nodes.Own && parts.MayTry(node)) is not { } busy) return null;
        return parts.MayTry(_nodes.Own) ? _nodes.Own : busy;
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
    private sealed class Route(TimeProvider clock)
    {
        private static readonly TimeSpan _listedWithin = TimeSpan.FromSeconds(10);

        private readonly HashSet<string> _owing = [];
        private readonly Dictionary<string, long> _heardAt = [];
        private readonly Dictionary<string, (string Node, ResourceSpec Resources, long At)> _granted = [];
        private readonly List<(string Node, Task<PollResponse?> Answer, bool IsFree)> _late = [];
        private CancellationTokenSource? _latest;

        public string? Boot { get; private set; }

        public long Sequence { get; private set; }

        public long SeenAt { get; set; }

        /// <summary>When all nodes saw it last.</summary>
        public long ShownAt { get; set; }

        /// <summary>A newer poll takes the place of the one before, which is answered with what it has.</summary>
        public void Begin(PollRequest request, long now)
        {
            if (Boot != request.Boot)
            {
                // What those nodes answer is for a worker that is gone.
                _late.Clear();
                _granted.Clear();
            }
            Forget(request, now);
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

        /// <summary>What was asked of nodes that are late with an answer.</summary>
        public IEnumerable<Task<PollResponse?>> Late => _late.Select(asked => asked.Answer);

        /// <summary>Whether a node is late to which what is free was offered: nobody else is offered it before that is settled.</summary>
        public bool IsOffered => _late.Exists(asked => asked.IsFree);

        /// <summary>Whether a node is late. It is asked nothing more until it has answered, or is given up.</summary>
        public bool IsLate(string node) => _late.Exists(asked => asked.Node == node);

        public void Awaits(string node, Task<PollResponse?> answer, bool isFree) => _late.Add((node, answer, isFree));

        /// <summary>What the late ones have answered since.</summary>
        public List<PollResponse> TakeLate()
        {
            var answered = _late.Where(asked => asked.Answer.IsCompleted).Select(asked => asked.Answer.Result).OfType<PollResponse>().ToList();
            _late.RemoveAll(asked => asked.Answer.IsCompleted);
            return answered;
        }

        /// <summary>How long ago a node heard of the worker.</summary>
        public TimeSpan HeardBefore(string node) => _heardAt.TryGetValue(node, out var at) ? clock.GetElapsedTime(at) : TimeSpan.MaxValue;

        public void Hears(string node, long now) => _heardAt[node] = now;

        /// <summary>Completes when the node that was last offered what is free has answered. Two that are offered the same would lease more than there is room for.</summary>
        public Task Offer { get; set; } = Task.CompletedTask;

        /// <summary>What a node has just leased is not free, though the worker does not know of it yet.</summary>
        public void Grants(string node, IReadOnlyList<Lease> leases, long now)
        {
            foreach (var lease in leases) _granted[lease.Token] = (node, lease.Step.Resources, now);
        }

        /// <summary>What the other nodes have leased that the worker has not listed yet; a node's own it knows itself.</summary>
        public (ResourceSpec Resources, int Count) GrantedByOthers(string node) => _granted.Values.Where(granted => granted.Node != node)
            .Aggregate((Resources: new ResourceSpec(0, 0, 0, 0), Count: 0), (sum, granted) => (sum.Resources.Plus(granted.Resources), sum.Count + 1));

        // What was lost on the way is leased anew, or ends with its term: it takes no room for ever.
        private void Forget(PollRequest request, long now)
        {
            if (_granted.Count == 0) return;
            foreach (var held in request.Held) _granted.Remove(held.Token);
            foreach (var ended in request.Finished) _granted.Remove(ended.Token);
            foreach (var token in _granted.Where(granted => clock.GetElapsedTime(granted.Value.At, now) >= _listedWithin).Select(granted => granted.Key).ToList()) _granted.Remove(token);
        }

        /// <summary>This node may have leased something of which the worker does not know yet.</summary>
        public void Owes(string node) => _owing.Add(node);

        public List<string> TakeOwing()
        {
            var owing = _owing.Where(node => !IsLate(node)).ToList();
            _owing.ExceptWith(owing);
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
        private readonly List<PollResponse> _answers;
        private readonly HashSet<string> _told = [];
        private int _asked;
        private bool _isUnsettled;

        public Parts(PollRouter router, Route route, PollRequest request, bool isLatest, CancellationToken gone)
        {
            (_router, _route, _request, _isLatest, _gone, _since) = (router, route, request, isLatest, gone, router._clock.GetTimestamp());
            _answers = route.TakeLate();
            _finished = request.Finished.ToLookup(ended => router._nodes.OwnerOf(ended.Task.Stream));
            _held = request.Held.ToLookup(held => router._nodes.OwnerOf(held.Task.Stream));
        }

        /// <summary>Nodes of what ended. What passes from one node to another at the moment is for the next poll.</summary>
        public IEnumerable<string> Finished => _finished.Select(part => part.Key).OfType<string>();

        /// <summary>Nodes of what it holds.</summary>
        public IEnumerable<string> Held => _held.Select(part => part.Key).OfType<string>();

        public string? MostEnded => _finished.Where(part => part.Key is not null).MaxBy(part => part.Count())?.Key;

        /// <summary>Nodes that were offered what is free.</summary>
        public HashSet<string> Tried { get; } = [];

        public bool MayTry(string node) => !Tried.Contains(node) && !_route.IsLate(node);

        public bool SeeksWork => _request.MaxLeases > 0 && !_route.IsOffered;

        public bool HasNothingToSay => _isLatest && IsLatest && _asked < MostParts / 2 && !_gone.IsCancellationRequested
            && _answers.TrueForAll(answer => answer.Leases.Count + answer.Cancel.Count + answer.Settled.Count == 0);

        public bool WasWoken { get; private set; }

        private bool IsLatest => _route.Boot == _request.Boot && _route.Sequence == _request.Sequence;

        public bool FollowsFrom(string node) => _finished.Contains(node);

        public async Task AskAsync(IReadOnlyList<string> nodes, string free, int waitMs)
        {
            await GatherAsync(nodes.Where(node => !_route.IsLate(node)).Select(node => (node, AskAsync(node, node == free, node == free ? waitMs : 0, _gone))).ToList(), free);
        }

        // The answer of a node that is late is for the next poll.
        private async Task GatherAsync(IReadOnlyList<(string Node, Task<PollResponse?> Answer)> asked, string free)
        {
            if (asked.Any(each => !each.Answer.IsCompleted)) await Task.WhenAny(Task.WhenAll(asked.Select(each => each.Answer)), Task.Delay(_grace, _router._clock, CancellationToken.None));
            foreach (var (node, answer) in asked)
            {
                if (!answer.IsCompleted) _route.Awaits(node, answer, isFree: node == free && _isLatest && _request.MaxLeases > 0);
                else if (answer.Result is { } said) _answers.Add(said);
            }
        }

        /// <summary>Waits: at this node for work of its own, or word of another's, and at the nodes of what it holds for a cancel. False when the time is over, or there is something to say.</summary>
        public async Task<bool> RestAsync()
        {
            var left = _request.WaitMs - (int)_router._clock.GetElapsedTime(_since).TotalMilliseconds;
            if (left <= 0) return false;
            if (_isUnsettled || _finished.Contains(null)) left = Math.Min(left, BringAgainMs);
            var late = _route.Late.ToList();
            var rest = new Rest(_router._heard);
            var place = _router._resting.AddLast(rest);
            using var end = CancellationTokenSource.CreateLinkedTokenSource(_gone);
            _route.Rests(end);
            try
            {
                List<(string Node, Task<PollResponse?> Answer)> parked = [];
                if (!_route.IsLate(_router._nodes.Own)) parked.Add((_router._nodes.Own, ParkAsync(_router._nodes.Own, left, end.Token)));
                var said = Task.WhenAny([.. parked.Select(each => each.Answer), .. late, rest.Woken]);
                if (parked.Count > 0) await Task.WhenAny(said, Task.Delay(_restHere, _router._clock, end.Token));
                if (!said.IsCompleted && !end.IsCancellationRequested)
                {
                    left -= (int)_restHere.TotalMilliseconds;
                    parked.AddRange(Held.Where(node => node != _router._nodes.Own && !_route.IsLate(node)).Select(node => (node, ParkAsync(node, Math.Max(0, left), end.Token))));
                    await Task.WhenAny([.. parked.Select(each => each.Answer), said]);
                }
                end.Cancel();
                await GatherAsync(parked, _router._nodes.Own);
                _answers.AddRange(_route.TakeLate());
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

        // Null when it does not answer: what was to be settled there comes with the next poll, and so does what it may have leased.
        private async Task<PollResponse?> AskAsync(string node, bool isFree, int waitMs, CancellationToken cancellationToken)
        {
            isFree &= _isLatest && !_route.IsOffered;
            var heard = _router._heard;
            if (isFree)
            {
                Tried.Add(node);
                // A poll that this one took the place of is just being answered.
                if (!_route.Offer.IsCompleted) await Task.WhenAny(_route.Offer, Task.Delay(_grace, _router._clock, CancellationToken.None));
                isFree = _route.Offer.IsCompleted && IsLatest;
            }
            var offer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            if (isFree) _route.Offer = offer.Task;
            var (taken, count) = isFree ? _route.GrantedByOthers(node) : (ResourceSpec.Default, 0);
            _route.Hears(node, _router._clock.GetTimestamp());
            var part = _request with
            {
                Sequence = (_request.Sequence * MostParts) + Math.Min(_asked++, MostParts - 1),
                WaitMs = waitMs,
                MaxLeases = isFree ? Math.Max(0, _request.MaxLeases - count) : 0,
                Free = isFree ? _request.Free.Minus(taken) : _request.Free,
                Finished = _told.Add(node) ? [.. _finished[node]] : [],
                Held = [.. _held[node]],
            };
            try
            {
                var answer = await _router._nodes.At(node).PollAsync(part, cancellationToken).WaitAsync(_patience + TimeSpan.FromMilliseconds(waitMs), _router._clock, CancellationToken.None);
                _route.Grants(node, answer.Leases, _router._clock.GetTimestamp());
                if (answer.Leases.Count > 0) _route.Owes(node);
                else if (isFree && _router._busy.TryGetValue(node, out var told) && told <= heard) _router._busy.Remove(node);
                return answer;
            }
            catch (Exception error)
            {
                _route.Owes(node);
                _isUnsettled |= part.Finished.Count > 0;
                if (error is not RefusedException { Kind: RefusalKind.Busy } && !cancellationToken.IsCancellationRequested) _router._local.Warn($"{node} did not answer for {_request.Worker}: {error.Message}");
                return null;
            }
            finally
            {
                offer.SetResult();
            }
        }
    }
}
