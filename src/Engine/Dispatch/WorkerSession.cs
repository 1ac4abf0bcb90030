using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>What the dispatcher knows of one worker. All of it is derived: leases belong to the steps, which tell of them again after
/// a restart.</summary>
internal sealed class WorkerSession(string worker)
{
    private const int FormerBoots = 16;

    private readonly Queue<string> _former = new();
    private string? _heardOf;

    public string Worker { get; } = worker;

    /// <summary>The boot of the latest poll; null for a worker that is only known from leases.</summary>
    public string? Boot { get; private set; }

    public DateTimeOffset LastSeen { get; set; }

    public long Sequence { get; set; }

    public ResourceSpec Capacity { get; private set; } = new(0, 0, 0, 0);

    public ResourceSpec Free { get; private set; } = new(0, 0, 0, 0);

    public IReadOnlyList<string> Queues { get; private set; } = [];

    /// <summary>Where others reach its machine, as far as it is known.</summary>
    public string Address { get; private set; } = worker;

    /// <summary>Why it takes no more leases and is about to end; null while it takes some.</summary>
    public string? Draining { get; private set; }

    /// <summary>Why it is to take no more leases and to end, as far as it does not do so of itself; null when it may go on.</summary>
    public string? Cordon { get; set; }

    /// <summary>Whether it may get leases.</summary>
    public bool TakesTasks => Draining is null && Cordon is null;

    /// <summary>Whether it has to be told that it is to end.</summary>
    public bool IsToDrain => Cordon is not null && Draining is null;

    /// <summary>Most leases that one of its polls has asked for: what it takes when it is idle.</summary>
    public int MostLeases { get; private set; }

    /// <summary>By token.</summary>
    public Dictionary<string, SessionLease> Leases { get; } = [];

    public ParkedPoll? Parked { get; set; }

    /// <summary>Whether a newer boot has been heard of.</summary>
    public bool IsFormer(string boot) => _former.Contains(boot) || BootId.IsBefore(boot, Boot) || BootId.IsBefore(boot, _heardOf);

    /// <summary>Whether a newer poll has come since this one.</summary>
    public bool IsOvertaken(PollRequest poll) => poll.Boot != Boot || poll.Sequence < Sequence;

    /// <summary>A step tells of a lease of this boot, which may be one that has not polled here yet.</summary>
    public void HearOf(string boot)
    {
        if (_heardOf is null || BootId.IsBefore(_heardOf, boot)) _heardOf = boot;
    }

    /// <summary>The worker was started anew, or is heard of for the first time.</summary>
    public void Begin(string boot)
    {
        if (Boot is { } before) _former.Enqueue(before);
        if (_former.Count > FormerBoots) _former.Dequeue();
        (Boot, Sequence, MostLeases) = (boot, 0, 0);
    }

    /// <summary>Takes what a poll says of the worker itself.</summary>
    public void Hear(PollRequest poll, DateTimeOffset now)
    {
        (LastSeen, Capacity, Free, Queues, Address, Draining) = (now, poll.Capacity, poll.Free, poll.Queues, poll.Address ?? Worker, poll.Draining);
        MostLeases = Math.Max(MostLeases, poll.MaxLeases);
    }
}

internal sealed class SessionLease(HeldLease held, string boot, ResourceSpec resources)
{
    public HeldLease Held { get; } = held;

    public string Boot { get; } = boot;

    /// <summary>What it takes on the worker; nothing for one that this node did not grant.</summary>
    public ResourceSpec Resources { get; } = resources;

    /// <summary>The latest poll of its boot in which the worker named it, as held or as ended, and so certainly had it; 0 for none.</summary>
    public long NamedIn { get; private set; }

    /// <summary>The worker names it: it has what it was sent.</summary>
    public void Name(PollRequest poll)
    {
        NamedIn = Math.Max(NamedIn, poll.Sequence);
        Sent = null;
    }

    /// <summary>What was sent to the worker; dropped once the worker has named it.</summary>
    public Lease? Sent { get; set; }

    /// <summary>When, by the node's uptime, the step was asked for a full term; null when this node has not asked yet. Not when it answered:
    /// the answer may wait long for the journal, and the term runs from when the step decided.</summary>
    public TimeSpan? RenewedAt { get; set; }

    /// <summary>Why the worker is to end it; null to let it run.</summary>
    public string? EndReason { get; set; }

    /// <summary>When the worker was last told; a poll is not answered at once for what it was just told.</summary>
    public TimeSpan? EndSentAt { get; set; }
}

/// <summary>A poll that waits for something to say.</summary>
internal sealed class ParkedPoll
{
    private readonly TaskCompletionSource<IReadOnlyList<Pick>> _released = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ParkedPoll(WorkerSession session, ResourceSpec free, int most)
    {
        (Session, Free, Most) = (session, free, most);
        Place = new LinkedListNode<ParkedPoll>(this);
    }

    /// <summary>Its place among all that wait.</summary>
    public LinkedListNode<ParkedPoll> Place { get; }

    public WorkerSession Session { get; }

    public ResourceSpec Free { get; }

    public int Most { get; }

    public Task<IReadOnlyList<Pick>> Released => _released.Task;

    /// <summary>Lets the poll go on, with work that was picked for it (or none).</summary>
    public void Release(IReadOnlyList<Pick> picks) => _released.TrySetResult(picks);
}

/// <summary>A step to be asked for leases, and how many at most.</summary>
internal readonly record struct Pick(StreamId Step, int Count, ResourceSpec Each)
{
    /// <summary>What the step grants, when it has been asked already.</summary>
    public Task<IReadOnlyList<Grant>>? Grants { get; init; }
}
