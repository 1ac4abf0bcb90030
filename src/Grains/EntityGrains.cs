using Fanfare.Contracts;
using Fanfare.Grains.Placement;
using Orleans;
using Orleans.Concurrency;

namespace Fanfare.Grains;

// The doors of this silo's engine, which keeps and decides everything. Calls interleave: the engine does one thing at a time by itself, and a pause that is awaited must not keep
// a resume out.

[NodePlacement, Reentrant]
internal sealed class FlowGrain(Resident resident) : Grain, IFlowGrain
{
    public Task<Outcome<Deployed>> DeployAsync(DeployFlow command) => this.AnswerAsync(() => resident.Engine.DeployAsync(command, CancellationToken.None));

    public Task<Outcome<FlowDeletion>> DeleteAsync(DeleteFlow command) => this.AnswerAsync(() => resident.Engine.DeleteFlowAsync(command, CancellationToken.None));

    public Task<Outcome<bool>> CommandTriggerAsync(CommandTrigger command) => this.AnswerAsync(async () =>
    {
        await resident.Engine.CommandTriggerAsync(command, CancellationToken.None);
        return true;
    });
}

[NodePlacement, Reentrant]
internal sealed class EventGrain(Resident resident) : Grain, IEventGrain
{
    public Task<Outcome<Published>> PublishAsync(PublishEvent command) => this.AnswerAsync(() => resident.Engine.PublishAsync(command, CancellationToken.None));

    public Task<Outcome<IReadOnlyList<TriggerOutcome>>> CommandDeadLettersAsync(CommandDeadLetters command) =>
        this.AnswerAsync(() => resident.Engine.CommandDeadLettersAsync(command, CancellationToken.None));

    public Task<Outcome<bool>> DeliverAsync(Delivery delivery) => this.AnswerAsync(() => resident.TakeInAsync(delivery));
}

[NodePlacement, Reentrant]
internal sealed class TriggerGrain(Resident resident) : Grain, ITriggerGrain
{
    public Task<Outcome<IReadOnlyList<HadEvent>>> ReadHeldAsync(string ns, TriggerName trigger, TriggerSpec spec) => this.AnswerAsync(() => resident.Engine.ReadHeldAsync(ns, trigger, spec, CancellationToken.None));

    public Task<Outcome<bool>> DeliverAsync(Delivery delivery) => this.AnswerAsync(() => resident.TakeInAsync(delivery));
}

[NodePlacement, Reentrant]
internal sealed class RunGrain(Resident resident) : Grain, IRunGrain
{
    public Task<Outcome<Started>> StartAsync(StartRun command) => this.AnswerAsync(() => resident.Engine.StartRunAsync(command, CancellationToken.None));

    public Task<Outcome<RunStatus>> CommandAsync(CommandRun command) => this.AnswerAsync(() => resident.Engine.CommandRunAsync(command, CancellationToken.None));

    public Task<Outcome<bool>> DeliverAsync(Delivery delivery) => this.AnswerAsync(() => resident.TakeInAsync(delivery));

    public Task<Outcome<long>> PositionAsync() => this.AnswerAsync(() => resident.PositionAsync(Run, CancellationToken.None));

    public Task<Outcome<long>> WatchAsync(long after, CancellationToken cancellationToken) => this.AnswerAsync(() => resident.WatchAsync(Run, after, cancellationToken));

    private StreamId Run => GrainKey.StreamOf(this.GetPrimaryKeyString());
}

[NodePlacement, Reentrant]
internal sealed class ScheduleGrain(Resident resident) : Grain, IScheduleGrain
{
    public Task<Outcome<bool>> CommandAsync(CommandSchedule command) => this.AnswerAsync(async () =>
    {
        await resident.Engine.CommandScheduleAsync(command, CancellationToken.None);
        return true;
    });

    public Task<Outcome<bool>> StartBackfillAsync(StartBackfill command) => this.AnswerAsync(async () =>
    {
        await resident.Engine.StartBackfillAsync(command, CancellationToken.None);
        return true;
    });

    public Task<Outcome<bool>> DeliverAsync(Delivery delivery) => this.AnswerAsync(() => resident.TakeInAsync(delivery));
}

[NodePlacement, Reentrant]
internal sealed class NoticeGrain(Resident resident) : Grain, INoticeGrain
{
    public Task<Outcome<IReadOnlyList<NoticeDelivery>>> CommandAsync(CommandNotice command) => this.AnswerAsync(() => resident.Engine.CommandNoticeAsync(command, CancellationToken.None));

    public Task<Outcome<bool>> DeliverAsync(Delivery delivery) => this.AnswerAsync(() => resident.TakeInAsync(delivery));
}

[NodePlacement, Reentrant]
internal sealed class PoolGrain(Resident resident) : Grain, IPoolGrain
{
    public Task<Outcome<PoolChange>> SetAsync(SetPool command) => this.AnswerAsync(() => resident.Engine.SetPoolAsync(command, CancellationToken.None));

    public Task<Outcome<PoolChange>> DeleteAsync(DeletePool command) => this.AnswerAsync(() => resident.Engine.DeletePoolAsync(command, CancellationToken.None));

    public Task<Outcome<PoolInfo>> ReadAsync(string pool) => this.AnswerAsync(() => resident.Engine.ReadPoolAsync(pool, CancellationToken.None));
}

[NodePlacement, Reentrant]
internal sealed class BackfillGrain(Resident resident) : Grain, IBackfillGrain
{
    public Task<Outcome<bool>> CommandAsync(CommandBackfill command) => this.AnswerAsync(async () =>
    {
        await resident.Engine.CommandBackfillAsync(command, CancellationToken.None);
        return true;
    });

    public Task<Outcome<bool>> DeliverAsync(Delivery delivery) => this.AnswerAsync(() => resident.TakeInAsync(delivery));
}

[NodePlacement, Reentrant]
internal sealed class StepGrain(Resident resident) : Grain, IStepGrain
{
    public Task<Outcome<bool>> CommandAsync(CommandTask command) => this.AnswerAsync(async () =>
    {
        await resident.Engine.CommandTaskAsync(command, CancellationToken.None);
        return true;
    });

    public Task<Outcome<Explanation>> ExplainAsync(TaskRef task) => this.AnswerAsync(() => resident.Engine.ExplainAsync(task, CancellationToken.None));

    public Task<Outcome<int?>> CheckLeaseAsync(HeldLease lease) => this.AnswerAsync(() => resident.Engine.CheckLeaseAsync(lease, CancellationToken.None));

    public async IAsyncEnumerable<Outcome<LeaseInput>> ReadInputsAsync(HeldLease lease, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var inputs = resident.Engine.ReadInputsAsync(lease, cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            var next = await this.AnswerAsync(async () => await inputs.MoveNextAsync() ? inputs.Current : null);
            if (next is { Refused: null, Failure: null, Value: null }) yield break;
            yield return next!;
            if (next.Value is null) yield break;
        }
    }
}

/// <summary>What one node leases, and to whom.</summary>
[NodePlacement, Reentrant]
internal sealed class QueueGrain(Resident resident) : Grain, IQueueGrain
{
    public Task<Outcome<PollResponse>> PollAsync(PollRequest request) => this.AnswerAsync(() => resident.Engine.PollAsync(request, CancellationToken.None));

    public Task<Outcome<IReadOnlyList<WorkerInfo>>> ListWorkersAsync() => this.AnswerAsync(() => resident.Engine.ListWorkersAsync(CancellationToken.None));

    public Task<Outcome<IReadOnlyList<QueueInfo>>> ListQueuesAsync() => this.AnswerAsync(() => resident.Engine.ListQueuesAsync(CancellationToken.None));

    public Task<Outcome<IReadOnlyList<Demand>>> ListDemandAsync() => this.AnswerAsync(() => resident.Engine.ListDemandAsync(CancellationToken.None));

    public Task<Outcome<bool>> CordonAsync(IReadOnlyList<string> workers, string reason) => this.AnswerAsync(async () =>
    {
        await resident.Engine.CordonAsync(workers, reason, CancellationToken.None);
        return true;
    });

    public Task<Outcome<bool>> LoseAsync(IReadOnlyList<EndedMachine> machines) => this.AnswerAsync(async () =>
    {
        await resident.Engine.LoseAsync(machines, CancellationToken.None);
        return true;
    });

    public Task<Outcome<bool>> AwaitEndsAsync(string ns, IReadOnlyList<string> flows) => this.AnswerAsync(async () =>
    {
        await resident.Engine.AwaitEndsAsync(ns, flows, CancellationToken.None);
        return true;
    });

    public Task HearAsync(NodeWord word) => resident.HearAsync(word);

    public Task<Outcome<NodeInfo>> DescribeAsync() => this.AnswerAsync(() => resident.DescribeAsync());
}

internal static class Doors
{
    /// <summary>Answers for the engine. A grain whose stream is not at home any more says so, and goes: the next call finds the new owner.</summary>
    public static async Task<Outcome<T>> AnswerAsync<T>(this Grain grain, Func<Task<T>> ask)
    {
        var outcome = await Outcome.OfAsync(ask);
        if (outcome.Refused is { Kind: RefusalKind.Busy, Code: "FAN0008" }) grain.GrainContext.Deactivate(new DeactivationReason(DeactivationReasonCode.ApplicationRequested, "Another node owns it."));
        return outcome;
    }
}
