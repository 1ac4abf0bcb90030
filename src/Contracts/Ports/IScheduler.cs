namespace Fanfare.Contracts;

/// <summary>The port by which the gateway reaches the engine, whichever host runs it. Methods return after the outcome is
/// durable. Refusals are <see cref="RefusedException"/>; while the journal cannot write they wait.</summary>
public interface IScheduler
{
    /// <summary>Deploys a checked spec. The same spec and package again give the deployment that is there.</summary>
    Task<Deployed> DeployAsync(DeployFlow command, CancellationToken cancellationToken);

    /// <summary>Deletes a flow with all its deployments: it can be started no more, and its runs go on to their end. One that is deleted already is no error.</summary>
    /// <exception cref="RefusedException">It was never deployed, another deployment is the latest than was named, or a server of an older release takes part.</exception>
    Task<FlowDeletion> DeleteFlowAsync(DeleteFlow command, CancellationToken cancellationToken);

    Task<Started> StartRunAsync(StartRun command, CancellationToken cancellationToken);

    /// <summary>Cancel, pause, resume or retry of a run. Repeating a command that holds already is no error. A pause returns when nothing of
    /// the run starts any more (its on_failure and finally apart); what the run has come to meanwhile is returned.</summary>
    Task<RunStatus> CommandRunAsync(CommandRun command, CancellationToken cancellationToken);

    /// <summary>Kill, retry or skip of one task.</summary>
    Task CommandTaskAsync(CommandTask command, CancellationToken cancellationToken);

    /// <summary>Pauses or resumes a schedule. Repeating what holds already is no error, and changes nothing.</summary>
    /// <exception cref="RefusedException">There is no such schedule.</exception>
    Task CommandScheduleAsync(CommandSchedule command, CancellationToken cancellationToken);

    /// <summary>Starts a backfill of a schedule; when this returns it can be read. The same id again is no error, and starts nothing.</summary>
    /// <exception cref="RefusedException">There is no such schedule, it has no or too many such intervals, or too many backfills go on.</exception>
    Task StartBackfillAsync(StartBackfill command, CancellationToken cancellationToken);

    /// <summary>Pauses, resumes or cancels a backfill. Repeating what holds already is no error, and changes nothing.</summary>
    /// <exception cref="RefusedException">There is no such backfill, or it has ended.</exception>
    Task CommandBackfillAsync(CommandBackfill command, CancellationToken cancellationToken);

    /// <summary>Publishes an event: what listens for it starts. The same key again gives the event that is there, and starts nothing.</summary>
    Task<Published> PublishAsync(PublishEvent command, CancellationToken cancellationToken);

    /// <summary>Pauses or resumes a trigger. Repeating what holds already is no error, and changes nothing.</summary>
    /// <exception cref="RefusedException">There is no such trigger.</exception>
    Task CommandTriggerAsync(CommandTrigger command, CancellationToken cancellationToken);

    /// <summary>Tries again what an event could not start, as the triggers are now, or dismisses it. What is no dead letter of it is passed over.</summary>
    /// <returns>What came of each that was one.</returns>
    /// <exception cref="RefusedException">There is no such event.</exception>
    Task<IReadOnlyList<TriggerOutcome>> CommandDeadLettersAsync(CommandDeadLetters command, CancellationToken cancellationToken);

    /// <summary>Tells the receivers of whom a notice is a dead letter once more, or dismisses it. What is no dead letter of them is passed over.</summary>
    /// <returns>How it stands with each that was one.</returns>
    /// <exception cref="RefusedException">There is no such notice.</exception>
    Task<IReadOnlyList<NoticeDelivery>> CommandNoticeAsync(CommandNotice command, CancellationToken cancellationToken);

    /// <summary>From when this returns, every end of these flows' runs that is decided on here is an event. Nodes tell each other so, of what was deployed.</summary>
    Task AwaitEndsAsync(string ns, IReadOnlyList<string> flows, CancellationToken cancellationToken);

    /// <summary>Hands an entity what another tells it; returns when that is durable there. Nodes use it among themselves.</summary>
    Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken);

    /// <summary>What a trigger that needs several events has so far: of each source the newest event, in the order of its sources. Nothing of one that any of its sources starts.</summary>
    /// <param name="spec">The trigger as the flow's latest deployment has it: what came for other sources does not count any more.</param>
    Task<IReadOnlyList<HadEvent>> ReadHeldAsync(string ns, TriggerName trigger, TriggerSpec spec, CancellationToken cancellationToken);

    /// <summary>"Why is it not running?"</summary>
    Task<Explanation> ExplainAsync(TaskRef task, CancellationToken cancellationToken);

    /// <summary>One round of the worker protocol. Cancelling releases a parked poll; what was leased to it comes again with the next.</summary>
    Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken);

    /// <summary>The inputs of a leased attempt, in split order.</summary>
    /// <exception cref="RefusedException">The token is not the current attempt's.</exception>
    IAsyncEnumerable<LeaseInput> ReadInputsAsync(HeldLease lease, CancellationToken cancellationToken);

    /// <summary>The attempt number under this token, when it is the task's current lease; null otherwise. Uploads are checked by it.</summary>
    Task<int?> CheckLeaseAsync(HeldLease lease, CancellationToken cancellationToken);

    /// <summary>Workers seen lately.</summary>
    Task<IReadOnlyList<WorkerInfo>> ListWorkersAsync(CancellationToken cancellationToken);

    /// <summary>Queues and what waits in them.</summary>
    Task<IReadOnlyList<QueueInfo>> ListQueuesAsync(CancellationToken cancellationToken);

    /// <summary>Makes a pool, or changes it: machines that are there stay, and are ended where there are too many. The same spec again changes nothing.</summary>
    /// <exception cref="RefusedException">No server here can make such machines, or a server of an older release takes part.</exception>
    Task<PoolChange> SetPoolAsync(SetPool command, CancellationToken cancellationToken);

    /// <summary>Deletes a pool: its machines end with their last tasks. One that is deleted already is no error.</summary>
    /// <exception cref="RefusedException">There never was one.</exception>
    Task<PoolChange> DeletePoolAsync(DeletePool command, CancellationToken cancellationToken);

    /// <summary>A pool's machines, and why it has no more of them or no fewer.</summary>
    /// <exception cref="RefusedException">There is no such pool.</exception>
    Task<PoolInfo> ReadPoolAsync(string pool, CancellationToken cancellationToken);

    /// <summary>What ready tasks need that no worker has taken yet.</summary>
    Task<IReadOnlyList<Demand>> ListDemandAsync(CancellationToken cancellationToken);

    /// <summary>Has workers take no more tasks and end with their last. Servers tell each other; a worker that is not known yet is told when it comes.</summary>
    Task CordonAsync(IReadOnlyList<string> workers, string reason, CancellationToken cancellationToken);

    /// <summary>Says that nothing of these workers runs any more: whoever made their machines has said so. What they held is lost, and runs elsewhere at once.</summary>
    Task LoseAsync(IReadOnlyList<EndedMachine> machines, CancellationToken cancellationToken);
}

/// <param name="Actor">Who does it.</param>
public sealed record SetPool(string Actor, PoolSpec Spec);

/// <param name="Actor">Who does it.</param>
public sealed record DeletePool(string Actor, string Pool);

/// <param name="Version">Of the spec that it has, or had last.</param>
/// <param name="New">False when it was so before.</param>
public sealed record PoolChange(string Pool, int Version, bool New);

/// <summary>Tasks of one queue that wait and need the same.</summary>
/// <param name="Resources">What each needs.</param>
/// <param name="Tasks">How many there are.</param>
/// <param name="IsGang">Whether all of them have to start at the same time.</param>
public sealed record Demand(string Namespace, string Queue, ResourceSpec Resources, long Tasks, bool IsGang = false);

/// <summary>A pool as it is at the moment.</summary>
/// <param name="Wanted">How many machines it would have now.</param>
/// <param name="Why">What it waits for, or what keeps it from having more, in sentences; empty when all is as it is to be.</param>
public sealed record PoolInfo(PoolSpec Spec, int Version, PoolSetting Setting, DateTimeOffset? DeletedAt, int Wanted, IReadOnlyList<MachineInfo> Machines, IReadOnlyList<string> Why);

/// <summary>A machine of a pool.</summary>
/// <param name="Machine">Its id, which is its worker's name. For one that is being launched, the launch's.</param>
/// <param name="Tasks">How many it runs.</param>
/// <param name="Why">Why it ends; null while it stays.</param>
public sealed record MachineInfo(string Machine, MachineState State, string Type, string Zone, CapacityKind Capacity, DateTimeOffset LaunchedAt, int Tasks, string? Why);

public enum MachineState
{
    /// <summary>Asked for, or made and its worker not heard of yet.</summary>
    Starting,

    /// <summary>Its worker has nothing to do.</summary>
    Idle,

    /// <summary>Its worker runs tasks.</summary>
    Busy,

    /// <summary>Its worker takes no more tasks.</summary>
    Draining,

    /// <summary>Its worker was heard of, and is not any more.</summary>
    Silent,

    /// <summary>It was asked to end.</summary>
    Ending,
}

public sealed record DeployFlow(string Namespace, string Actor, FlowSpec Spec, string Source, string? Package);

/// <param name="New">False when the same deployment was there.</param>
public sealed record Deployed(string Flow, int Version, string Digest, bool New);

/// <param name="Deployment">Only if this is the latest; null for whichever is.</param>
public sealed record DeleteFlow(string Namespace, string Actor, string Flow, int? Deployment = null);

/// <param name="Deployment">The latest that it had.</param>
/// <param name="New">False when it had been deleted before.</param>
public sealed record FlowDeletion(string Flow, int Deployment, bool New);

/// <param name="Deployment">Null for the latest.</param>
/// <param name="Parameters">JSON object; checked against the spec, defaults filled in, by the engine.</param>
/// <param name="Run">Id to use when no idempotency key is given; made by the caller, since the engine draws no chance.</param>
public sealed record StartRun(
    string Namespace, string Actor, string Flow, int? Deployment, string Parameters, IReadOnlyList<string> Tags, int Priority,
    string? IdempotencyKey, string Run);

/// <param name="New">False when the idempotency key had started this run before.</param>
public sealed record Started(string Run, int Deployment, bool New);

public enum RunVerb
{
    Cancel,
    Pause,
    Resume,
    Retry,
}

/// <param name="FromStep">With <see cref="RunVerb.Retry"/>: run this step and all after it again.</param>
public sealed record CommandRun(string Namespace, string Actor, string Run, RunVerb Verb, string? Reason, string? FromStep = null);

public enum TaskVerb
{
    Kill,
    Retry,
    Skip,
}

/// <param name="Output">With <see cref="TaskVerb.Skip"/>: the JSON object to use as its output.</param>
public sealed record CommandTask(string Actor, TaskRef Task, TaskVerb Verb, string? Output);

public enum ScheduleVerb
{
    Pause,
    Resume,
}

/// <param name="Reason">With <see cref="ScheduleVerb.Pause"/>: why, for others to read; null for none.</param>
public sealed record CommandSchedule(string Namespace, string Actor, string Flow, string Schedule, ScheduleVerb Verb, string? Reason = null);

/// <param name="Backfill">Id of it: made by the caller, since the engine draws no chance, or from an idempotency key.</param>
/// <param name="Plan">Without the total, which is counted.</param>
public sealed record StartBackfill(string Namespace, string Actor, string Backfill, BackfillPlan Plan);

public enum BackfillVerb
{
    Pause,
    Resume,
    Cancel,
}

/// <param name="Reason">With pause and cancel: why, for others to read; null for none.</param>
/// <param name="Runs">With <see cref="BackfillVerb.Cancel"/>: its runs that go on are cancelled, too.</param>
public sealed record CommandBackfill(string Namespace, string Actor, string Backfill, BackfillVerb Verb, string? Reason = null, bool Runs = false);

/// <param name="Payload">JSON object.</param>
/// <param name="Key">The same key and name mean the same event; null for one of its own.</param>
/// <param name="Event">Id to use when no key is given; made by the caller, since the engine draws no chance.</param>
public sealed record PublishEvent(string Namespace, string Actor, string Name, string Payload, string? Key, string Event);

/// <param name="New">False when the key had published it before.</param>
public sealed record Published(string Event, bool New, IReadOnlyList<TriggerOutcome> Outcomes);

/// <param name="Reason">With <see cref="ScheduleVerb.Pause"/>: why, for others to read; null for none.</param>
public sealed record CommandTrigger(string Namespace, string Actor, string Flow, string Trigger, ScheduleVerb Verb, string? Reason = null);

public enum DeadLetterVerb
{
    Redrive,
    Dismiss,
}

/// <param name="Flow">Only what this flow's triggers could not start; null for all.</param>
/// <param name="Trigger">Only this trigger of the flow; null for all.</param>
public sealed record CommandDeadLetters(string Namespace, string Actor, string Event, DeadLetterVerb Verb, string? Flow = null, string? Trigger = null);

/// <param name="Receiver">Only this receiver; null for all.</param>
public sealed record CommandNotice(string Namespace, string Actor, string Notice, DeadLetterVerb Verb, string? Receiver = null);

/// <summary>Why a task is where it is.</summary>
/// <param name="State">A <see cref="TaskStatus"/> in lower case.</param>
/// <param name="Reason">One sentence.</param>
/// <param name="Details">Further facts, each a sentence.</param>
/// <param name="ExpectedAt">About when it starts, as things are; null when that is not known, or it does not wait to start.</param>
public sealed record Explanation(string State, string Reason, IReadOnlyList<string> Details, DateTimeOffset? ExpectedAt = null);

/// <param name="Draining">Why it takes no more tasks and is about to end; null while it takes some.</param>
public sealed record WorkerInfo(
    string Worker, string Boot, DateTimeOffset LastSeen, ResourceSpec Capacity, ResourceSpec Free, int Leases, IReadOnlyList<string> Queues, string? Draining = null);

public sealed record QueueInfo(string Namespace, string Queue, int OpenSteps, long ReadyTasks, int RunningTasks);

/// <summary>A command that cannot be carried out; the code names the page under docs/errors.</summary>
public sealed class RefusedException : Exception
{
    public RefusedException()
        : this(RefusalKind.Invalid, "FAN0001", "Refused.")
    {
    }

    public RefusedException(string message)
        : this(RefusalKind.Invalid, "FAN0001", message)
    {
    }

    public RefusedException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    public RefusedException(RefusalKind kind, string code, string message)
        : base(message)
    {
        Kind = kind;
        Code = code;
    }

    /// <summary>Nothing was done: another of several servers owns the stream.</summary>
    public static RefusedException Moved(StreamId stream) => new(RefusalKind.Busy, "FAN0008", $"{stream} is another server's now. Repeat the request in a moment.");

    public RefusalKind Kind { get; }

    /// <summary>Such as <c>FAN0007</c>.</summary>
    public string Code { get; } = "FAN0001";

    /// <summary>What is wrong with the fields given; <see cref="SpecError.Path"/> names each. Empty where the refusal is not about fields.</summary>
    public IReadOnlyList<SpecError> Fields { get; init; } = [];
}

public enum RefusalKind
{
    Invalid,
    NotFound,

    /// <summary>The thing is in a state that does not allow it.</summary>
    Conflict,

    /// <summary>Try again later.</summary>
    Busy,

    /// <summary>It was there, and has been archived.</summary>
    Gone,
}
