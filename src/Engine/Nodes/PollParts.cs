using Fanfare.Contracts;

namespace Fanfare.Engine;

/// <summary>One poll of a worker, in the parts that go to the nodes, and what they answer.</summary>
internal sealed class PollParts
{
    /// <summary>Parts that one poll may have: a node tells them apart, and from those of other polls, by their order.</summary>
    private const int MostParts = 1024;

    /// <summary>How long a poll rests that has brought what could not be settled, for its stream passes from one node to another: the worker brings it again then.</summary>
    private const int BringAgainMs = 50;

    /// <summary>How long a poll rests between two times that it is offered to the node for which its worker is kept.</summary>
    private const int AskKeeperMs = 250;

    /// <summary>How long a node may take beyond what it is to wait. One that hangs is put out after two seconds.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(2.5);

    /// <summary>How long the other nodes' answers wait for one that is late. What it answers after all is said with the next poll.</summary>
    private static readonly TimeSpan _grace = TimeSpan.FromMilliseconds(250);

    /// <summary>How long a node that did not answer is left alone.</summary>
    private static readonly TimeSpan _pause = TimeSpan.FromMilliseconds(250);

    private readonly PollRouter _router;
    private readonly Route _route;
    private readonly PollRequest _request;
    private readonly bool _isLatest;
    private readonly CancellationToken _gone;
    private readonly long _since;
    private readonly ILookup<string?, FinishedAttempt> _finished;
    private readonly ILookup<string?, HeldLease> _held;
    private readonly List<PollResponse> _answers;
    private readonly HashSet<string> _told = [], _heard = [];
    private readonly Dictionary<string, long> _tried = [];
    private int _asked;
    private bool _isUnsettled;

    public PollParts(PollRouter router, Route route, PollRequest request, bool isLatest, CancellationToken gone)
    {
        (_router, _route, _request, _isLatest, _gone, _since) = (router, route, request, isLatest, gone, router.Clock.GetTimestamp());
        _answers = route.TakeLate();
        _finished = request.Finished.ToLookup(ended => router.Nodes.OwnerOf(ended.Task.Stream));
        _held = request.Held.ToLookup(held => router.Nodes.OwnerOf(held.Task.Stream));
    }

    /// <summary>Nodes of what ended. What passes from one node to another at the moment is for the next poll.</summary>
    public IEnumerable<string> Finished => _finished.Select(part => part.Key).OfType<string>();

    /// <summary>Nodes of what it holds that have not heard of that for long.</summary>
    public IEnumerable<string> Unheard => Held.Where(_route.IsToHear);

    public string? MostEnded => _finished.Where(part => part.Key is not null).MaxBy(part => part.Count())?.Key;

    public bool SeeksWork => _request.MaxLeases > 0 && !_route.IsOffered;

    public bool HasNothingToSay => _isLatest && IsLatest && _asked < MostParts / 2 && !_gone.IsCancellationRequested
        && _answers.TrueForAll(answer => answer.Leases.Count + answer.Settled.Count == 0 && answer.Drain is null && answer.Cancel.All(_route.IsTold));

    /// <summary>Whether it was sent for another node's work.</summary>
    public bool WasSent { get; set; }

    private IEnumerable<string> Held => _held.Select(part => part.Key).OfType<string>();

    private bool IsLatest => _route.Boot == _request.Boot && _route.Sequence == _request.Sequence;

    /// <summary>Whether a node may be offered what is free: it was not yet, or has said since that it has work.</summary>
    public bool MayTry(string node) => !_route.IsLate(node) && !_route.IsNotFor(node, _router.ToldBy(node)) && (!_tried.TryGetValue(node, out var heard) || _router.ToldBy(node) > heard);

    /// <summary>The node itself when it may be offered what is free, though it had nothing before: it is asked until it has all that it needs.</summary>
    public string? MayTryAgain(string keeper) => _route.IsLate(keeper) || keeper == _router.Nodes.Own || _tried.ContainsKey(keeper) ? null : keeper;

    public bool FollowsFrom(string node) => _finished.Contains(node);

    /// <param name="free">Which of them is offered what is free.</param>
    public Task AskAsync(IReadOnlyList<string> nodes, string? free = null, int waitMs = 0) =>
        GatherAsync([.. nodes.Where(node => !_route.IsLate(node)).Select(node => (node, AskAsync(node, node == free, node == free ? waitMs : 0, _gone)))], free);

    /// <summary>Waits at this node: for work of its own, or word of what others have. False when the time is over, or there is something to say.</summary>
    public async Task<bool> RestAsync()
    {
        var left = _request.WaitMs - (int)_router.Clock.GetElapsedTime(_since).TotalMilliseconds;
        if (left <= 0) return false;
        if (_isUnsettled || _finished.Contains(null)) left = Math.Min(left, BringAgainMs);
        var own = _router.Nodes.Own;
        var keeper = _route.KeptBy(_router.Nodes.All);
        var isAnothers = keeper is not null && keeper != own;
        if (isAnothers) left = Math.Min(left, AskKeeperMs);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_gone);
        var rest = new Rest(_router.Heard, _request.MaxLeases > 0, end);
        var place = _router.Add(rest);
        _route.Rests(rest);
        try
        {
            var parked = _route.IsLate(own) ? [] : new[] { (own, ParkAsync(own, isFree: !isAnothers, left, end.Token)) };
            var time = TimeSpan.FromMilliseconds(left);
            await Task.WhenAny([.. parked.Select(each => each.Item2), .. _route.Late, rest.Woken, Task.Delay(_route.IsOwed && _pause < time ? _pause : time, _router.Clock, end.Token)]);
            end.Cancel();
            await GatherAsync(parked, isAnothers ? null : own);
            _answers.AddRange(_route.TakeLate());
        }
        finally
        {
            _route.RestsNoMore(rest);
            _router.Remove(place);
        }
        if (rest.IsSent)
        {
            WasSent = true;
            foreach (var node in _tried.Keys.Where(node => node != own).ToList()) _tried.Remove(node);
        }
        if (isAnothers) _tried.Remove(keeper!);
        if (rest.Woken.IsCompleted || (isAnothers && !_isUnsettled && !_finished.Contains(null))) return true;
        if (!_route.IsOwed || _isUnsettled || !HasNothingToSay) return false;
        await AskAsync(_route.TakeOwing(_router.Nodes.All));
        return true;
    }

    /// <exception cref="RefusedException">No node has answered.</exception>
    public PollResponse Answer()
    {
        if (_answers.Count == 0 && (_route.Term is null || !_route.Late.Any())) throw new RefusedException(RefusalKind.Busy, "FAN0018", "No server can answer for this worker's tasks at the moment. Repeat the request.");
        // A node that is late is not away: what it answers is said with the next poll.
        var term = _answers.Count == 0 ? (int)_route.Term!.Value.TotalMilliseconds : _answers.Min(answer => answer.TermMs);
        _route.Term = TimeSpan.FromMilliseconds(term);
        // The worker counts the term of all that it holds from this poll; who has not heard of it in this one has renewed before.
        var before = Held.Where(node => !_heard.Contains(node)).Select(node => _route.HeardBefore(node).TotalMilliseconds).DefaultIfEmpty(0).Max();
        List<CancelLease> cancel = [.. _answers.SelectMany(answer => answer.Cancel)];
        _route.Tells(cancel);
        return new PollResponse
        {
            Leases = [.. _answers.SelectMany(answer => answer.Leases)],
            Cancel = cancel,
            Settled = [.. _answers.SelectMany(answer => answer.Settled).Distinct()],
            TermMs = (int)Math.Max(term / 2, term - before),
            Drain = _answers.Select(answer => answer.Drain).FirstOrDefault(drain => drain is not null),
            Servers = _router.Nodes.All.Count,
        };
    }

    // The answer of a node that is late is for the next poll.
    private async Task GatherAsync(IReadOnlyList<(string Node, Task<PollResponse?> Answer)> asked, string? free)
    {
        if (asked.Any(each => !each.Answer.IsCompleted)) await Task.WhenAny(Task.WhenAll(asked.Select(each => each.Answer)), Task.Delay(_grace, _router.Clock, CancellationToken.None));
        foreach (var (node, answer) in asked)
        {
            if (!answer.IsCompleted) _route.Awaits(node, answer, isFree: node == free && _isLatest && _request.MaxLeases > 0);
            else if (answer.Result is { } said) _answers.Add(said);
        }
    }

    private async Task<PollResponse?> ParkAsync(string node, bool isFree, int waitMs, CancellationToken end)
    {
        var answer = await AskAsync(node, isFree, waitMs, end);
        // One that is away must not turn a long poll into a spin.
        if (answer is null) await Task.Delay(_pause, _router.Clock, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return answer;
    }

    // Null when it does not answer: what was to be settled there comes with the next poll, and so does what it may have leased.
    private async Task<PollResponse?> AskAsync(string node, bool isFree, int waitMs, CancellationToken cancellationToken)
    {
        isFree &= _isLatest && !_route.IsOffered;
        var heard = _router.Heard;
        if (isFree)
        {
            _tried[node] = heard;
            // A poll that this one took the place of is just being answered.
            if (!_route.Offer.IsCompleted) await Task.WhenAny(_route.Offer, Task.Delay(_grace, _router.Clock, CancellationToken.None));
            isFree = _route.Offer.IsCompleted && IsLatest;
        }
        var offer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        if (isFree) _route.Offer = offer.Task;
        var (taken, count) = isFree ? _route.GrantedByOthers(node) : (ResourceSpec.Default, 0);
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
            var answer = await _router.Nodes.At(node).PollAsync(part, cancellationToken).WaitAsync(_patience + TimeSpan.FromMilliseconds(waitMs), _router.Clock, CancellationToken.None);
            _route.Hears(node, _since);
            _heard.Add(node);
            _route.Grants(node, answer.Leases, _router.Clock.GetTimestamp());
            if (part.MaxLeases > 0 && answer.Leases.Count == 0)
            {
                // What waits there is for others to look for.
                if (answer.HasMore is true) _route.HasNothingFor(node, heard);
                else _router.IsIdle(node, heard);
            }
            return answer;
        }
        catch (Exception error)
        {
            _route.Owes(node);
            _isUnsettled |= part.Finished.Count > 0;
            if (error is not RefusedException { Kind: RefusalKind.Busy } && !cancellationToken.IsCancellationRequested) _router.Local.Warn($"{node} did not answer for {_request.Worker}: {error.Message}");
            return null;
        }
        finally
        {
            offer.SetResult();
        }
    }
}
