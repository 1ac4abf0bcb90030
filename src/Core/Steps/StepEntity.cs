using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>One opening of a step: its ready, leased and ended tasks, its leases (of which it is the only authority), and, for a
/// join, how far each of its tasks is. What the parts do: commands in StepEntity.Commands.cs and .Operations.cs, events in .Apply.cs,
/// routing in .Routing.cs, gangs in .Gangs.cs, rows in .Rows.cs.</summary>
public sealed partial class StepEntity : Entity
{
    private readonly RunContext _context;
    private readonly FlowGraph _graph;
    private readonly StepNode _node;
    private readonly TimeSpan _term;
    private readonly ulong _streamHash;

    private readonly SplitSet _ready = new();
    private readonly SortedSet<int> _retries = [];
    private readonly Dictionary<int, DateTimeOffset> _backoff = [];
    private readonly Dictionary<int, TaskLease> _leased = [];
    private readonly Dictionary<int, TaskBudget> _budgets = [];
    private readonly SplitSet _succeeded = new();
    private readonly Dictionary<int, TaskError> _failed = [];
    private readonly SplitSet _cancelled = new();
    private readonly List<Arrivals> _arrivals = [];
    private readonly Dictionary<int, JoinProgress> _joins = [];
    private readonly HashSet<StepKey> _announced = [];
    private readonly HashSet<int> _cancelledSplits = [];
    private readonly List<Effect> _effects = [];

    private RunInfo? _run;
    private ForeachOpened? _foreach;
    private ForeachItems? _items;
    private TaskGrant? _lastGrant;
    private bool _paused;
    private bool _cancelling;
    private bool _cancelReported;
    private int _cancels;
    private int _pauses;
    private DateTimeOffset _nextBackoff = DateTimeOffset.MaxValue;
    private TimeSpan _nextDeadline = TimeSpan.MaxValue;
    private DateTimeOffset _openedAt;
    private DateTimeOffset _changedAt;

    /// <param name="context">What never changes about the run.</param>
    /// <param name="term">How long a lease lasts without renewal.</param>
    public StepEntity(StreamId id, RunContext context, TimeSpan term)
        : base(id)
    {
        _context = context;
        _graph = context.Graph;
        Key = id.StepKey;
        _node = _graph[Key.Step];
        _term = term;
        _streamHash = HashOf(id.ToString());
    }

    public StepKey Key { get; }

    public StepNode Node => _node;

    /// <summary>Null until the step's first event.</summary>
    public RunInfo? Run => _run;

    /// <summary>Tasks that could start now, were a worker there.</summary>
    public int Ready => _paused || _cancelling ? 0 : IsGang ? ReadyGang : Math.Min(_ready.Count + _retries.Count, (_node.Spec.MaxParallel ?? int.MaxValue) - _leased.Count);

    public int Running => _leased.Count;

    /// <summary>What the queue should know of the step now.</summary>
    public Offer Offer => new(Id, _node.Spec.Queue, (_run?.Priority ?? 0) + _node.Spec.Priority, _node.Spec.Resources, Math.Max(0, Ready), _leased.Count, IsGang,
        IsReturned: !IsGang && _retries.Count > 0 && _budgets.GetValueOrDefault(_retries.Min).WasLost);

    /// <summary>Live leases: the step must be awake for their deadlines.</summary>
    public override DateTimeOffset? DurableDue
    {
        get
        {
            if (_leased.Count > 0 || Ready > 0) return DateTimeOffset.MinValue;
            return NextBackoff;
        }
    }

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime)
    {
        var backoff = NextBackoff - now;
        if (_leased.Count == 0) return backoff;
        var deadline = _nextDeadline - uptime;
        return backoff < deadline ? backoff : deadline;
    }

    /// <summary>Effects decided since the last call.</summary>
    public IReadOnlyList<Effect> TakeEffects()
    {
        if (_effects.Count == 0) return [];
        var taken = _effects.ToArray();
        _effects.Clear();
        return taken;
    }

    /// <summary>To be called once after replay: every live lease gets a full term, and the dispatcher learns of it.</summary>
    public void Activated(TimeSpan uptime)
    {
        foreach (var (split, lease) in _leased)
        {
            lease.Deadline = uptime + _term;
            _effects.Add(new HoldLease(lease.Worker, lease.Boot, Held(split, lease)));
            if (lease.End != LeaseEnd.None) _effects.Add(EndOf(split, lease));
        }
        SetBounds();
    }

    // Sequences repeat from stream to stream, and workers know leases by their tokens alone. FNV-1a, 64 bits.
    private static ulong HashOf(string text)
    {
        var hash = 14695981039346656037UL;
        foreach (var c in text) hash = (hash ^ c) * 1099511628211UL;
        return hash;
    }

    // Both bounds may be early, never late: a tick that finds nothing due sets them right.
    private DateTimeOffset? NextBackoff => _backoff.Count == 0 || _cancelling || _paused ? null : _nextBackoff;

    private void SetBounds()
    {
        _nextBackoff = _backoff.Count == 0 ? DateTimeOffset.MaxValue : _backoff.Values.Min();
        _nextDeadline = _leased.Count == 0 ? TimeSpan.MaxValue : _leased.Values.Min(l => l.Deadline);
    }

    private int Arrived => _ready.Count + _retries.Count + _backoff.Count + _leased.Count + _succeeded.Count + _failed.Count + _cancelled.Count;

    // A step that is opened by one that is paused or cancelled must not start what was to be held back, before it hears of that itself.
    private bool IsHalted(int split) => _paused || _cancelling || _cancelledSplits.Contains(split);

    // What a task's end says of the run.
    private RunInfo Said(int split) => IsHalted(split) ? _run! with { Halted = true } : _run!;

    private TaskRef Task(int split) => new(Id.Namespace, _run!.Run, Key, split);

    private HeldLease Held(int split, TaskLease lease) => new(Task(split), lease.Token);

    private EndLease EndOf(int split, TaskLease lease) =>
        new(lease.Worker, lease.Boot, Held(split, lease), lease.End switch { LeaseEnd.Kill => "killed by an operator", LeaseEnd.Gang => LossCauses.GangRestarted, _ => "cancelled" }, Void: false);
}
