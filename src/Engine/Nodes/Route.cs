using Fanfare.Contracts;

namespace Fanfare.Engine;

/// <summary>What a node knows of a worker that polls through it.</summary>
internal sealed class Route(TimeProvider clock)
{
    /// <summary>By when a worker lists what it was sent, or has not got it.</summary>
    private static readonly TimeSpan _listedWithin = TimeSpan.FromSeconds(10);

    /// <summary>How often at least a node hears of leases of its own that the worker holds, of which nothing is new; a twentieth of their term if that is less.</summary>
    private static readonly TimeSpan _hearEvery = TimeSpan.FromSeconds(10);

    /// <summary>How long a node is not offered again what did not fit the work that it has, unless it says that it has more, or the worker has more room.</summary>
    private static readonly TimeSpan _offersAgain = TimeSpan.FromSeconds(10);

    /// <summary>How long a worker is kept for a node that does not say so again; it says so every second.</summary>
    private static readonly TimeSpan _keptFor = TimeSpan.FromSeconds(3);

    private readonly HashSet<string> _owing = [], _calling = [];
    private readonly Dictionary<string, long> _heardAt = [];
    private readonly Dictionary<string, (string Node, ResourceSpec Resources, long At)> _granted = [];
    private readonly List<(string Node, Task<PollResponse?> Answer, bool IsFree)> _late = [];
    private readonly Dictionary<string, long> _ending = [];
    private readonly Dictionary<string, (long Heard, long At)> _notFor = [];
    private (string Node, DateTimeOffset Since, long At)? _keeper;
    private Rest? _rest;

    public string? Boot { get; private set; }

    public long Sequence { get; private set; }

    public long SeenAt { get; set; }

    /// <summary>When all nodes saw it last.</summary>
    public long ShownAt { get; set; }

    /// <summary>Of the leases of the nodes that answered last; null before any has.</summary>
    public TimeSpan? Term { get; set; }

    /// <summary>Completes when the node that was last offered what is free has answered. Two that are offered the same would lease more than there is room for.</summary>
    public Task Offer { get; set; } = Task.CompletedTask;

    /// <summary>Whether a node is late to which what is free was offered: nobody else is offered it before that is settled.</summary>
    public bool IsOffered => _late.Exists(asked => asked.IsFree);

    /// <summary>Whether a node did not answer, and so may have something that the worker does not know of.</summary>
    public bool IsOwed => _owing.Count > 0;

    /// <summary>What was asked of nodes that are late with an answer.</summary>
    public IEnumerable<Task<PollResponse?>> Late => _late.Select(asked => asked.Answer);

    /// <summary>A newer poll takes the place of the one before, which is answered with what it has.</summary>
    public void Begin(PollRequest request, long now)
    {
        if (Boot != request.Boot)
        {
            // What those nodes answer is for a worker that is gone.
            _late.Clear();
            _granted.Clear();
        }
        if (Boot != request.Boot || request.Finished.Count > 0) _notFor.Clear();
        Check(request, now);
        (Boot, Sequence, SeenAt) = (request.Boot, request.Sequence, now);
        _rest?.End();
        _rest = null;
    }

    /// <summary>The latest poll waits.</summary>
    public void Rests(Rest rest) => _rest = rest;

    public void RestsNoMore(Rest rest)
    {
        if (ReferenceEquals(_rest, rest)) _rest = null;
    }

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

    /// <summary>A node has answered what it was asked then: it has renewed what the worker holds of it.</summary>
    public void Hears(string node, long askedAt) => _heardAt[node] = askedAt;

    /// <summary>How long ago a node heard of the worker.</summary>
    public TimeSpan HeardBefore(string node) => _heardAt.TryGetValue(node, out var at) ? clock.GetElapsedTime(at) : TimeSpan.MaxValue;

    /// <summary>Whether it is time that a node hears of what the worker holds.</summary>
    public bool IsToHear(string node) => HeardBefore(node) >= (Term is { } term && term / 20 < _hearEvery ? term / 20 : _hearEvery);

    /// <summary>What a node has just leased is not free, though the worker does not know of it yet.</summary>
    public void Grants(string node, IReadOnlyList<Lease> leases, long now)
    {
        foreach (var lease in leases) _granted[lease.Token] = (node, lease.Step.Resources, now);
    }

    /// <summary>What the other nodes have leased that the worker has not listed yet; a node's own it knows itself.</summary>
    public (ResourceSpec Resources, int Count) GrantedByOthers(string node) => _granted.Values.Where(granted => granted.Node != node)
        .Aggregate((Resources: new ResourceSpec(0, 0, 0, 0), Count: 0), (sum, granted) => (sum.Resources.Plus(granted.Resources), sum.Count + 1));

    /// <summary>A node has work, and none for this worker.</summary>
    /// <param name="heard">What had been heard of work when it was asked.</param>
    public void HasNothingFor(string node, long heard) => _notFor[node] = (heard, clock.GetTimestamp());

    /// <param name="told">When the node said last that it has work.</param>
    public bool IsNotFor(string node, long told) => _notFor.TryGetValue(node, out var known) && told <= known.Heard && clock.GetElapsedTime(known.At) < _offersAgain;

    /// <summary>This node may have something of which the worker does not know.</summary>
    public void Owes(string node) => _owing.Add(node);

    /// <param name="live">What is not among these owes nothing any more.</param>
    public List<string> TakeOwing(IReadOnlyCollection<string> live)
    {
        _owing.UnionWith(_calling);
        _calling.Clear();
        return Take(_owing, live);
    }

    /// <summary>The worker is told to end these.</summary>
    public void Tells(IReadOnlyList<CancelLease> cancel)
    {
        if (cancel.Count == 0) return;
        foreach (var former in _ending.Where(told => clock.GetElapsedTime(told.Value) >= Dispatcher.EndRepeat).Select(told => told.Key).ToList()) _ending.Remove(former);
        foreach (var each in cancel) _ending.TryAdd(each.Token, clock.GetTimestamp());
    }

    /// <summary>Whether the worker knows of it already.</summary>
    public bool IsTold(CancelLease cancel) => !cancel.Void && _ending.TryGetValue(cancel.Token, out var at) && clock.GetElapsedTime(at) < Dispatcher.EndRepeat;

    /// <summary>A node says that it has something for the worker.</summary>
    public void IsCalledBy(string node)
    {
        _calling.Add(node);
        _rest?.Call();
    }

    /// <summary>A node needs the worker together with others. Of two that do, all nodes choose the same.</summary>
    public void IsKeptBy(string node, DateTimeOffset since)
    {
        if (_keeper is { } keeper && keeper.Node != node && clock.GetElapsedTime(keeper.At) < _keptFor
            && (keeper.Since, keeper.Node).CompareTo((since, node)) < 0) return;
        var isNews = _keeper?.Node != node;
        _keeper = (node, since, clock.GetTimestamp());
        if (isNews) _rest?.Call();
    }

    /// <summary>The node that alone may lease to the worker now; null when all may.</summary>
    public string? KeptBy(IReadOnlyCollection<string> live) =>
        _keeper is { } keeper && clock.GetElapsedTime(keeper.At) < _keptFor && live.Contains(keeper.Node) ? keeper.Node : null;

    public List<string> TakeCalls(IReadOnlyCollection<string> live) => Take(_calling, live);

    private List<string> Take(HashSet<string> nodes, IReadOnlyCollection<string> live)
    {
        if (nodes.Count == 0) return [];
        nodes.IntersectWith(live);
        var taken = nodes.Where(node => !IsLate(node)).ToList();
        nodes.ExceptWith(taken);
        return taken;
    }

    // What it was sent and does not list, it may not have got: the node that leased it sends it again. What is never listed ends with its term, and takes no room for ever.
    private void Check(PollRequest request, long now)
    {
        if (_granted.Count == 0) return;
        foreach (var held in request.Held) _granted.Remove(held.Token);
        foreach (var ended in request.Finished) _granted.Remove(ended.Token);
        foreach (var (token, (node, _, at)) in _granted.ToList())
        {
            Owes(node);
            if (clock.GetElapsedTime(at, now) >= _listedWithin) _granted.Remove(token);
        }
    }
}

/// <summary>A poll that waits for something to say.</summary>
/// <param name="heard">What had been heard of work when it began.</param>
/// <param name="seeksWork">Whether its worker has room.</param>
internal sealed class Rest(long heard, bool seeksWork, CancellationTokenSource end)
{
    private readonly TaskCompletionSource _woken = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public long Heard { get; set; } = heard;

    public bool SeeksWork => seeksWork;

    public Task Woken => _woken.Task;

    /// <summary>Whether it is to look after another node's work.</summary>
    public bool IsSent { get; private set; }

    public void Send()
    {
        IsSent = true;
        _woken.TrySetResult();
    }

    /// <summary>A node has something for its worker.</summary>
    public void Call() => _woken.TrySetResult();

    /// <summary>It is answered with what there is. Not CancelAsync: that runs the registered callbacks on the thread pool.</summary>
    public void End() => end.Cancel();
}
