using System.Collections.Concurrent;
using System.Runtime.CompilerServices;

namespace Fanfare.Gateway.Tests;

/// <summary>Records commands and answers what the test says.</summary>
internal sealed class FakeScheduler : IScheduler
{
    public ConcurrentQueue<object> Commands { get; } = new();

    /// <summary>Thrown by every command while set.</summary>
    public Exception? Refusal { get; set; }

    /// <summary>Commands wait for it while set.</summary>
    public TaskCompletionSource? Gate { get; set; }

    public TaskCompletionSource Entered { get; private set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public bool ParkPolls { get; set; }

    public bool New { get; set; } = true;

    public Dictionary<string, int> Tokens { get; } = [];

    public List<LeaseInput> Inputs { get; } = [];

    /// <summary>What events, and dead letters that are tried again, come to.</summary>
    public List<TriggerOutcome> Outcomes { get; } = [];

    public List<HadEvent> Held { get; } = [];

    public ConcurrentDictionary<string, PoolInfo> Pools { get; } = new();

    public void Reset()
    {
        (Refusal, Gate, ParkPolls, New) = (null, null, false, true);
        Entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Commands.Clear();
        Tokens.Clear();
        Inputs.Clear();
        Outcomes.Clear();
        Held.Clear();
        Pools.Clear();
    }

    public async Task<Deployed> DeployAsync(DeployFlow command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return new Deployed(command.Spec.Name, 3, new string('a', 64), New);
    }

    public async Task<FlowDeletion> DeleteFlowAsync(DeleteFlow command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return new FlowDeletion(command.Flow, command.Deployment ?? 3, New);
    }

    public async Task<Started> StartRunAsync(StartRun command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return new Started(command.Run, command.Deployment ?? 3, New);
    }

    public async Task<RunStatus> CommandRunAsync(CommandRun command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return command.Verb switch { RunVerb.Cancel => RunStatus.Cancelling, RunVerb.Pause => RunStatus.Paused, _ => RunStatus.Running };
    }

    public Task CommandTaskAsync(CommandTask command, CancellationToken cancellationToken) => TakeAsync(command, cancellationToken);

    public Task CommandScheduleAsync(CommandSchedule command, CancellationToken cancellationToken) => TakeAsync(command, cancellationToken);

    /// <summary>What becomes of a backfill that is started.</summary>
    public Action<StartBackfill>? Backfills { get; set; }

    public async Task StartBackfillAsync(StartBackfill command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        Backfills?.Invoke(command);
    }

    public Task CommandBackfillAsync(CommandBackfill command, CancellationToken cancellationToken) => TakeAsync(command, cancellationToken);

    public async Task<Published> PublishAsync(PublishEvent command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return new Published(command.Event, New, Outcomes);
    }

    public Task CommandTriggerAsync(CommandTrigger command, CancellationToken cancellationToken) => TakeAsync(command, cancellationToken);

    /// <summary>How it stands with the receivers that a command is about.</summary>
    public List<NoticeDelivery> Deliveries { get; } = [];

    public async Task<IReadOnlyList<NoticeDelivery>> CommandNoticeAsync(CommandNotice command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return Deliveries;
    }

    public async Task<IReadOnlyList<TriggerOutcome>> CommandDeadLettersAsync(CommandDeadLetters command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return Outcomes;
    }

    public Task AwaitEndsAsync(string ns, IReadOnlyList<string> flows, CancellationToken cancellationToken) => TakeAsync((ns, flows), cancellationToken);

    public Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken) => TakeAsync(delivery, cancellationToken);

    public async Task<IReadOnlyList<HadEvent>> ReadHeldAsync(string ns, TriggerName trigger, TriggerSpec spec, CancellationToken cancellationToken)
    {
        await TakeAsync((ns, trigger), cancellationToken);
        return Held;
    }

    public async Task<Explanation> ExplainAsync(TaskRef task, CancellationToken cancellationToken)
    {
        await TakeAsync(task, cancellationToken);
        return new Explanation("waiting", "No worker has a free GPU.", ["Queue default has 3 open steps.", "<b>2 workers</b> are full."]);
    }

    public async Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken)
    {
        await TakeAsync(request, cancellationToken);
        if (ParkPolls) await Task.Delay(Timeout.Infinite, cancellationToken);
        return new PollResponse { TermMs = 300_000, Settled = [.. request.Finished.Select(f => f.Token)] };
    }

    public async IAsyncEnumerable<LeaseInput> ReadInputsAsync(HeldLease lease, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await TakeAsync(lease, cancellationToken);
        foreach (var input in Inputs) yield return input;
    }

    public Task<int?> CheckLeaseAsync(HeldLease lease, CancellationToken cancellationToken) =>
        Task.FromResult(Tokens.TryGetValue(lease.Token, out var attempt) ? attempt : (int?)null);

    public Task<IReadOnlyList<WorkerInfo>> ListWorkersAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<WorkerInfo>>(
        [new("w1", "b1", World.T0, new ResourceSpec(8, 32L << 30, 2, 0), new ResourceSpec(2.5, 8L << 30, 1, 0), 4, ["default"], "rebalance <i>tag")]);

    public Task<IReadOnlyList<QueueInfo>> ListQueuesAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<QueueInfo>>(
        [new("default", "default", 3, 99_412, 4), new("other", "gpu", 1, 1, 1)]);

    public async Task<PoolChange> SetPoolAsync(SetPool command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return new PoolChange(command.Spec.Name, 3, New);
    }

    public async Task<PoolChange> DeletePoolAsync(DeletePool command, CancellationToken cancellationToken)
    {
        await TakeAsync(command, cancellationToken);
        return new PoolChange(command.Pool, 3, New);
    }

    public Task<PoolInfo> ReadPoolAsync(string pool, CancellationToken cancellationToken) =>
        Pools.TryGetValue(pool, out var info) ? Task.FromResult(info) : throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no pool '{pool}'.");

    public Task<IReadOnlyList<Demand>> ListDemandAsync(CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<Demand>>([]);

    public Task CordonAsync(IReadOnlyList<string> workers, string reason, CancellationToken cancellationToken) => TakeAsync((workers, reason), cancellationToken);

    public Task LoseAsync(IReadOnlyList<EndedMachine> machines, CancellationToken cancellationToken) => TakeAsync(machines, cancellationToken);

    private async Task TakeAsync(object command, CancellationToken cancellationToken)
    {
        Commands.Enqueue(command);
        Entered.TrySetResult();
        if (Gate is { } gate) await gate.Task.WaitAsync(cancellationToken);
        if (Refusal is { } refusal) throw refusal;
    }
}
