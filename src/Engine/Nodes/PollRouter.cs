using Fanfare.Contracts;

namespace Fanfare.Engine;

/// <summary>Brings a worker's polls to all nodes that they concern. To each node it is as if the worker polled it: what it holds of that node's, and what ended of it. What is free is offered to one node at a time, so that
/// no two lease the same; where nothing waits the poll rests at this node, until another says that it has work, or something for this worker. All of it runs on the node's own loop.</summary>
internal sealed class PollRouter
{
    /// <summary>How long the node of what ended waits for what follows from it: then both are one append.</summary>
    private const int FollowMs = 20;

    /// <summary>Every how many polls a node goes first that said it has work, and is not where the worker's last tasks were.</summary>
    private const int OthersTurn = 4;

    /// <summary>How often all nodes see a worker that polls through this one, and how often each is thought to have work without having said so: word may be lost.</summary>
    private static readonly TimeSpan _showEvery = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan _forgetAfter = TimeSpan.FromMinutes(10);

    /// <summary>How often the others are told what there is here for workers that poll through them.</summary>
    private static readonly TimeSpan _tellEvery = TimeSpan.FromMilliseconds(20);

    private readonly Dictionary<string, Route> _routes = [];
    private readonly LinkedList<Rest> _resting = [];
    private readonly Dictionary<string, long> _busy = [];
    private readonly HashSet<string> _wanted = [];
    private long _forgotAt, _doubtedAt;
    private long? _toldAt;
    private bool _isToTell, _hasWork;
    private int _turn;

    public PollRouter(EngineNode local, INodes nodes, TimeProvider clock)
    {
        (Local, Nodes, Clock, _forgotAt, _doubtedAt) = (local, nodes, clock, clock.GetTimestamp(), clock.GetTimestamp());
        local.Unserved = () => Tell(hasWork: true, null);
        local.Wanted = worker => Tell(hasWork: false, worker);
        local.Keeps = kept =>
        {
            Keep(nodes.Own, kept);
            nodes.Tell(new NodeWord(nodes.Own, HasWork: true, [], kept));
        };
    }

    public EngineNode Local { get; }

    public INodes Nodes { get; }

    public TimeProvider Clock { get; }

    /// <summary>Counts what was heard of work.</summary>
    public long Heard { get; private set; }

    public Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken) => Local.OnLoop(() => RouteAsync(request, cancellationToken));

    /// <summary>Another node has something for workers.</summary>
    public Task HearAsync(NodeWord word) => Local.OnLoop(() =>
    {
        if (word.HasWork)
        {
            _busy[word.Node] = ++Heard;
            WakeOne();
        }
        foreach (var worker in word.Workers)
            if (_routes.TryGetValue(worker, out var route)) route.IsCalledBy(word.Node);
        if (word.Kept is { } kept) Keep(word.Node, kept);
        return Task.FromResult(true);
    });

    /// <summary>A poll waits from now on.</summary>
    public LinkedListNode<Rest> Add(Rest rest) => _resting.AddLast(rest);

    public void Remove(LinkedListNode<Rest> rest) => _resting.Remove(rest);

    /// <summary>Counts when a node said last that it has work; 0 for none that is known.</summary>
    public long ToldBy(string node) => _busy.GetValueOrDefault(node);

    /// <summary>A node had nothing for whoever offered what is free.</summary>
    /// <param name="heard"><see cref="Heard"/> when it was asked: word that came since is news.</param>
    public void IsIdle(string node, long heard)
    {
        if (_busy.TryGetValue(node, out var told) && told <= heard) _busy.Remove(node);
    }

    private async Task<PollResponse> RouteAsync(PollRequest request, CancellationToken cancellationToken)
    {
        // A node that the database does not hear of learns late, perhaps, that it owns nothing any more. What its workers bring of its former runs another can settle by then, and would not be told as long as
        // this one answers them for the rest.
        Local.CheckHeld();
        var (route, now) = (RouteOf(request.Worker), Clock.GetTimestamp());
        var isLatest = route.Boot != request.Boot || request.Sequence > route.Sequence;
        // Whom it has not spoken to through this node may have leases for it that it never heard of; or has to hear that it was started anew.
        var isStrange = route.Boot != request.Boot || request.Sequence != route.Sequence + 1;
        var asksAll = isStrange || Clock.GetElapsedTime(route.ShownAt, now) >= _showEvery;
        if (asksAll) route.ShownAt = now;
        if (Clock.GetElapsedTime(_doubtedAt, now) >= _showEvery)
        {
            _doubtedAt = now;
            foreach (var node in Nodes.All) _busy.TryAdd(node, 0);
        }
        if (isLatest) route.Begin(request, now);
        var parts = new PollParts(this, route, request, isLatest, cancellationToken);

        var (first, owing) = (route.KeptBy(Nodes.All) ?? First(parts), route.TakeOwing(Nodes.All));
        // Nothing is free for certain before those have answered that may have leased it.
        var free = isStrange || owing.Count > 0 ? null : first;
        await parts.AskAsync([.. parts.Finished.Concat(parts.Unheard).Concat(owing).Concat(asksAll ? Nodes.All : []).Append(first).Distinct()], free, parts.FollowsFrom(first) ? FollowMs : 0);
        while (parts.HasNothingToSay)
        {
            if (route.TakeCalls(Nodes.All) is { Count: > 0 } callers) await parts.AskAsync(callers);
            else if (parts.SeeksWork && (route.KeptBy(Nodes.All) is { } keeper ? parts.MayTryAgain(keeper) : Untried(parts)) is { } next) await parts.AskAsync([next], next);
            else
            {
                PassOn(parts);
                if (!await parts.RestAsync()) break;
            }
        }
        PassOn(parts);
        var answer = parts.Answer();
        if (answer.Leases.Count + answer.Settled.Count + answer.Cancel.Count == 0) Local.CheckHeld();
        return answer;
    }

    // The one that was sent for another node's work comes back with nothing, or with something else: the next may fit.
    private void PassOn(PollParts parts)
    {
        if (parts.WasSent) WakeOne();
        parts.WasSent = false;
    }

    private void Keep(string node, KeptWorkers kept)
    {
        foreach (var worker in kept.Workers)
            if (_routes.TryGetValue(worker, out var route)) route.IsKeptBy(node, kept.Since);
    }

    private Route RouteOf(string worker)
    {
        if (Clock.GetElapsedTime(_forgotAt) >= _forgetAfter)
        {
            _forgotAt = Clock.GetTimestamp();
            foreach (var silent in _routes.Where(route => Clock.GetElapsedTime(route.Value.SeenAt) >= _forgetAfter).Select(route => route.Key).ToList()) _routes.Remove(silent);
        }
        if (!_routes.TryGetValue(worker, out var route)) _routes[worker] = route = new Route(Clock);
        route.SeenAt = Clock.GetTimestamp();
        return route;
    }

    // Where what ended leads on, most likely; and now and then where work waits that nobody takes.
    private string First(PollParts parts)
    {
        if (_busy.Count > 0 && ++_turn % OthersTurn == 0)
        {
            var other = _busy.Keys.ElementAt(_turn / OthersTurn % _busy.Count);
            if (Nodes.All.Contains(other)) return other;
        }
        return parts.MostEnded ?? Nodes.Own;
    }

    private string? Untried(PollParts parts)
    {
        foreach (var gone in _busy.Keys.Except(Nodes.All).ToList()) _busy.Remove(gone);
        if (_busy.Keys.FirstOrDefault(node => node != Nodes.Own && parts.MayTry(node)) is not { } busy) return null;
        return parts.MayTry(Nodes.Own) ? Nodes.Own : busy;
    }

    // One poll at a time is sent after what a node has: it says so again while there is more.
    private void WakeOne()
    {
        foreach (var rest in _resting)
        {
            if (rest.Heard == Heard || !rest.SeeksWork) continue;
            rest.Heard = Heard;
            rest.Send();
            return;
        }
    }

    // Much is said at once.
    private void Tell(bool hasWork, string? worker)
    {
        _hasWork |= hasWork;
        if (worker is not null)
        {
            _wanted.Add(worker);
            if (_routes.TryGetValue(worker, out var route)) route.IsCalledBy(Nodes.Own);
        }
        if (_isToTell) return;
        var left = _toldAt is { } at ? _tellEvery - Clock.GetElapsedTime(at) : TimeSpan.Zero;
        _isToTell = true;
        Local.Start(async () =>
        {
            if (left > TimeSpan.Zero) await Local.DelayAsync(left);
            var word = new NodeWord(Nodes.Own, _hasWork, [.. _wanted]);
            (_isToTell, _hasWork, _toldAt) = (false, false, Clock.GetTimestamp());
            _wanted.Clear();
            Nodes.Tell(word);
        });
    }
}
