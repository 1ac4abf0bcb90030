namespace Fanfare.Contracts;

/// <summary>What a worker says: <c>POST /api/v1/workers/{id}:poll</c>. A worker may have a parked poll and send another;
/// the newer one releases the older at once with what it has.</summary>
public sealed record PollRequest
{
    /// <summary>The worker's name, unique in its cluster; also in the URL.</summary>
    public required string Worker { get; init; }

    /// <summary>New at every start of the agent: a UUID of version 7, so that later ones sort after earlier ones (<see cref="BootId"/>). A new boot
    /// proves the loss of what the former one held.</summary>
    public required string Boot { get; init; }

    /// <summary>Counts the polls of this boot, from 1.</summary>
    public required long Sequence { get; init; }

    /// <summary>How long the gateway may hold this poll when it has nothing to say. At most 30,000.</summary>
    public int WaitMs { get; init; }

    public required ResourceSpec Capacity { get; init; }

    /// <summary>What is free now, the leases listed here taken off.</summary>
    public required ResourceSpec Free { get; init; }

    /// <summary>Most new leases this poll may bring; 0 while draining.</summary>
    public int MaxLeases { get; init; }

    // Generated readers give a member that is left out its type's default, not the property's: hence the lists' accessors.

    /// <summary>Queues served, in order of preference; empty for all.</summary>
    public IReadOnlyList<string> Queues { get => field ?? []; init; }

    /// <summary>Name or IP address under which other workers reach this one's machine; null where it is not known. Tasks of a gang are told their first one's.</summary>
    public string? Address { get; init; }

    /// <summary>Why the worker takes no more leases and ends when it has none, in words for people; null while it takes some. At most 200 characters.
    /// A server of a release that does not know it refuses the poll, which is then sent without.</summary>
    public string? Draining { get; init; }

    /// <summary>Attempts that ended and whose end was not yet settled.</summary>
    public IReadOnlyList<FinishedAttempt> Finished { get => field ?? []; init; }

    /// <summary>All leases held, those in <see cref="Finished"/> left out. Listing renews.</summary>
    public IReadOnlyList<HeldLease> Held { get => field ?? []; init; }
}

/// <summary>Names an attempt under its fence.</summary>
public sealed record HeldLease(TaskRef Task, string Token);

public enum AttemptOutcome
{
    Succeeded,

    /// <summary>The user's failure: exit code, timeout, too large an output.</summary>
    Failed,

    /// <summary>Ended because the gateway said cancel.</summary>
    Cancelled,

    /// <summary>The platform's failure: the worker is going down, the package could not be fetched.</summary>
    Lost,
}

/// <summary>How an attempt ended.</summary>
public sealed record FinishedAttempt
{
    public required TaskRef Task { get; init; }

    public required string Token { get; init; }

    public required AttemptOutcome Outcome { get; init; }

    public DateTimeOffset? StartedAt { get; init; }

    public DateTimeOffset EndedAt { get; init; }

    /// <summary>Set unless it succeeded.</summary>
    public TaskError? Error { get; init; }

    /// <summary>The task's outputs, a JSON object; null when it wrote none.</summary>
    public string? Output { get; init; }

    public IReadOnlyList<Artifact>? Artifacts { get; init; }

    /// <summary>Set when the step's foreach goes over a file: the uploaded lines, and how many.</summary>
    public FileItems? ItemsFile { get; init; }

    public int ItemsCount { get; init; }
}

/// <summary>What the gateway answers.</summary>
public sealed record PollResponse
{
    /// <summary>Leases to start, and those that the worker should hold and did not list. A token already held or finished is to be ignored.</summary>
    public IReadOnlyList<Lease> Leases { get => field ?? []; init; }

    /// <summary>Attempts to end: SIGTERM, grace, SIGKILL; then reported as cancelled (or lost, when the lease is void).</summary>
    public IReadOnlyList<CancelLease> Cancel { get => field ?? []; init; }

    /// <summary>Tokens of finished attempts that were accepted or refused; the worker forgets them.</summary>
    public IReadOnlyList<string> Settled { get => field ?? []; init; }

    /// <summary>Why the worker is to take no more leases and to end when it has none, in words for people; null when it may go on.
    /// A worker of a release that does not know it goes on.</summary>
    public string? Drain { get; init; }

    /// <summary>A lease that was not renewed for this long, measured from when the worker sent the request, is void.</summary>
    public int TermMs { get; init; }

    /// <summary>How many servers share the work, each of which answers polls for all. Workers that know several of them spread over these. Null where one server does the work.</summary>
    public int? Servers { get; init; }

    /// <summary>Whether work is ready that was not for this worker: of another kind, or more than it has room for. Said by one server to another that asks for its workers; workers are not told.</summary>
    public bool? HasMore { get; init; }
}

/// <param name="Void">True when the lease is no longer this worker's: the result will be refused.</param>
public sealed record CancelLease(string Token, string Reason, bool Void);

/// <summary>A worker's claim on one attempt, with all that is needed to run it.</summary>
public sealed record Lease
{
    public required TaskRef Task { get; init; }

    /// <summary>As people write it, <c>train[3,1]</c>.</summary>
    public required string Name { get; init; }

    public required string Token { get; init; }

    public required int Attempt { get; init; }

    /// <summary>How many of the attempts before failed by the user's doing, and count for the step's retries; the others were lost by the platform. Null for none.</summary>
    public int? Failures { get; init; }

    /// <summary>True when the platform lost the attempt right before this one, which may have done its work all the same. Null when not.</summary>
    public bool? WasLost { get; init; }

    /// <summary>Set when the task is one of a gang, which has been leased as a whole.</summary>
    public LeaseGang? Gang { get; init; }

    public required string Flow { get; init; }

    public required int Deployment { get; init; }

    /// <summary>The whole step: command, environment, limits, grace.</summary>
    public required StepSpec Step { get; init; }

    /// <summary>JSON object of the run's parameters.</summary>
    public required string Parameters { get; init; }

    /// <summary>JSON text of the foreach item; null outside a foreach.</summary>
    public string? Item { get; init; }

    /// <summary>What the predecessors put out, in split order; null when it is larger than <see cref="Limits.InlineInputBytes"/>
    /// and is to be fetched as JSON Lines from <c>GET /api/v1/workers/{id}/leases/{token}/inputs</c>.</summary>
    public IReadOnlyList<LeaseInput>? Inputs { get; init; }

    /// <summary>SHA-256 of the flow's code package; null without one.</summary>
    public string? Package { get; init; }

    /// <summary>The error that started a step of <c>on_failure</c>; null elsewhere.</summary>
    public TaskError? RunError { get; init; }

    /// <summary>The attempt's span, as W3C Trace Context writes a <c>traceparent</c>; null where the server keeps no traces.</summary>
    public string? TraceParent { get; init; }
}

/// <param name="Size">How many tasks work together; the task's split says which of them it is.</param>
/// <param name="FirstAddress">Name or IP address of the machine that runs split 0.</param>
public sealed record LeaseGang(int Size, string FirstAddress);

/// <param name="Name">The predecessor's task, <c>train[3,1]</c>.</param>
/// <param name="Splits">Its full split path.</param>
/// <param name="Output">JSON object, or null.</param>
public sealed record LeaseInput(string Name, StepKey Step, int Split, int Attempt, SplitPath Splits, string? Output, IReadOnlyList<Artifact>? Artifacts);

/// <summary>What a task finds in the file named by <c>FANFARE_INPUT</c> is documented in docs/tasks.md.</summary>
public static class WorkerRoutes
{
    public static string Poll(string worker) => $"api/v1/workers/{Uri.EscapeDataString(worker)}:poll";

    /// <summary>GET: the inputs as JSON Lines of <see cref="LeaseInput"/>. Query: task stream and token.</summary>
    public static string Inputs(HeldLease lease) => $"api/v1/leases/inputs?{Query(lease)}";

    /// <summary>PUT: a chunk of the attempt's log at <c>offset</c>; answers the size afterwards.</summary>
    public static string Log(HeldLease lease, long offset) => $"api/v1/leases/log?{Query(lease)}&offset={offset}";

    /// <summary>PUT: an artifact of the attempt.</summary>
    public static string Artifact(HeldLease lease, string name) => $"api/v1/leases/artifact?{Query(lease)}&name={Uri.EscapeDataString(name)}";

    /// <summary>PUT: the lines of a foreach over a file; the gateway counts and indexes them and answers <see cref="ItemsUploaded"/>.</summary>
    public static string Items(HeldLease lease) => $"api/v1/leases/items?{Query(lease)}";

    /// <summary>GET: a code package.</summary>
    public static string Package(string digest) => $"api/v1/packages/{digest}";

    /// <summary>GET: an artifact that an accepted attempt published.</summary>
    public static string PublishedArtifact(TaskRef task, int attempt, string name) =>
        $"api/v1/leases/published?task={Uri.EscapeDataString(task.Stream.ToString())}&split={task.Split}&attempt={attempt}&name={Uri.EscapeDataString(name)}";

    private static string Query(HeldLease lease) =>
        $"task={Uri.EscapeDataString(lease.Task.Stream.ToString())}&split={lease.Task.Split}&token={Uri.EscapeDataString(lease.Token)}";
}

/// <summary>Answer to an upload of a foreach's lines.</summary>
public sealed record ItemsUploaded(FileItems Items, int Count);

/// <summary>A line of an attempt's log, as stored and served (one JSON object a line).</summary>
/// <param name="At">When the worker read it.</param>
/// <param name="Stream"><c>out</c>, <c>err</c>, or <c>fanfare</c> for the worker's own remarks.</param>
public sealed record LogLine(DateTimeOffset At, string Stream, string Text);
