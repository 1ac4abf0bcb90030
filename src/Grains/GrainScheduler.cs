using System.Runtime.CompilerServices;
using Fanfare.Contracts;
using Fanfare.Core;
using Orleans;
using Orleans.Runtime;

namespace Fanfare.Grains;

/// <summary>What another node does, reached through its grains.</summary>
/// <param name="node">Its address.</param>
internal sealed class GrainScheduler(IGrainFactory grains, string node) : IScheduler
{
    public Task<Deployed> DeployAsync(DeployFlow command, CancellationToken cancellationToken) =>
        AskAsync(Grain<IFlowGrain>(StreamId.Flow(command.Namespace, command.Spec.Name)).DeployAsync(command), cancellationToken);

    public Task<FlowDeletion> DeleteFlowAsync(DeleteFlow command, CancellationToken cancellationToken) =>
        AskAsync(Grain<IFlowGrain>(StreamId.Flow(command.Namespace, command.Flow)).DeleteAsync(command), cancellationToken);

    public Task<Started> StartRunAsync(StartRun command, CancellationToken cancellationToken) => AskAsync(Grain<IRunGrain>(RunIds.StreamOf(command)).StartAsync(command), cancellationToken);

    public Task<RunStatus> CommandRunAsync(CommandRun command, CancellationToken cancellationToken) =>
        AskAsync(Grain<IRunGrain>(StreamId.Run(command.Namespace, command.Run)).CommandAsync(command), cancellationToken);

    public Task CommandTaskAsync(CommandTask command, CancellationToken cancellationToken) => AskAsync(Grain<IStepGrain>(command.Task.Stream).CommandAsync(command), cancellationToken);

    public Task CommandScheduleAsync(CommandSchedule command, CancellationToken cancellationToken) =>
        AskAsync(Grain<IScheduleGrain>(StreamId.Schedule(command.Namespace, command.Flow, command.Schedule)).CommandAsync(command), cancellationToken);

    public Task StartBackfillAsync(StartBackfill command, CancellationToken cancellationToken) =>
        AskAsync(Grain<IScheduleGrain>(StreamId.Schedule(command.Namespace, command.Plan.Flow, command.Plan.Schedule)).StartBackfillAsync(command), cancellationToken);

    public Task CommandBackfillAsync(CommandBackfill command, CancellationToken cancellationToken) =>
        AskAsync(Grain<IBackfillGrain>(StreamId.Backfill(command.Namespace, command.Backfill)).CommandAsync(command), cancellationToken);

    public Task<Published> PublishAsync(PublishEvent command, CancellationToken cancellationToken) => AskAsync(Grain<IEventGrain>(RunIds.StreamOf(command)).PublishAsync(command), cancellationToken);

    public Task CommandTriggerAsync(CommandTrigger command, CancellationToken cancellationToken) =>
        AskAsync(Grain<IFlowGrain>(StreamId.Flow(command.Namespace, command.Flow)).CommandTriggerAsync(command), cancellationToken);

    public Task<IReadOnlyList<NoticeDelivery>> CommandNoticeAsync(CommandNotice command, CancellationToken cancellationToken) =>
        AskAsync(Grain<INoticeGrain>(StreamId.Notice(command.Namespace, command.Notice)).CommandAsync(command), cancellationToken);

    public Task<IReadOnlyList<TriggerOutcome>> CommandDeadLettersAsync(CommandDeadLetters command, CancellationToken cancellationToken) =>
        AskAsync(Grain<IEventGrain>(StreamId.Event(command.Namespace, command.Event)).CommandDeadLettersAsync(command), cancellationToken);

    public Task AwaitEndsAsync(string ns, IReadOnlyList<string> flows, CancellationToken cancellationToken) => AskAsync(Queue.AwaitEndsAsync(ns, flows), cancellationToken);

    public Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken) => AskAsync(
        delivery.Target.Kind switch
        {
            StreamKind.Schedule => Grain<IScheduleGrain>(delivery.Target).DeliverAsync(delivery),
            StreamKind.Run => Grain<IRunGrain>(delivery.Target).DeliverAsync(delivery),
            StreamKind.Event => Grain<IEventGrain>(delivery.Target).DeliverAsync(delivery),
            StreamKind.Backfill => Grain<IBackfillGrain>(delivery.Target).DeliverAsync(delivery),
            StreamKind.Notice => Grain<INoticeGrain>(delivery.Target).DeliverAsync(delivery),
            StreamKind.Trigger => Grain<ITriggerGrain>(delivery.Target).DeliverAsync(delivery),
            _ => throw new ArgumentException($"{delivery.Target} hears of nobody on another node.", nameof(delivery)),
        },
        cancellationToken);

    public Task<IReadOnlyList<HadEvent>> ReadHeldAsync(string ns, TriggerName trigger, TriggerSpec spec, CancellationToken cancellationToken) =>
        AskAsync(Grain<ITriggerGrain>(StreamId.Trigger(ns, trigger.Flow, trigger.Trigger)).ReadHeldAsync(ns, trigger, spec), cancellationToken);

    public Task<Explanation> ExplainAsync(TaskRef task, CancellationToken cancellationToken) => AskAsync(Grain<IStepGrain>(task.Stream).ExplainAsync(task), cancellationToken);

    // Whoever lets it go is answered all the same, with what was leased meanwhile.
    public Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken) => AskAsync(Queue.PollAsync(request), CancellationToken.None);

    public async IAsyncEnumerable<LeaseInput> ReadInputsAsync(HeldLease lease, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var input in Grain<IStepGrain>(lease.Task.Stream).ReadInputsAsync(lease, cancellationToken).WithCancellation(cancellationToken)) yield return input.Get();
    }

    public Task<int?> CheckLeaseAsync(HeldLease lease, CancellationToken cancellationToken) => AskAsync(Grain<IStepGrain>(lease.Task.Stream).CheckLeaseAsync(lease), cancellationToken);

    public Task<IReadOnlyList<WorkerInfo>> ListWorkersAsync(CancellationToken cancellationToken) => AskAsync(Queue.ListWorkersAsync(), cancellationToken);

    public Task<IReadOnlyList<QueueInfo>> ListQueuesAsync(CancellationToken cancellationToken) => AskAsync(Queue.ListQueuesAsync(), cancellationToken);

    public Task<PoolChange> SetPoolAsync(SetPool command, CancellationToken cancellationToken) => AskAsync(Grain<IPoolGrain>(StreamId.Pool(command.Spec.Name)).SetAsync(command), cancellationToken);

    public Task<PoolChange> DeletePoolAsync(DeletePool command, CancellationToken cancellationToken) => AskAsync(Grain<IPoolGrain>(StreamId.Pool(command.Pool)).DeleteAsync(command), cancellationToken);

    public Task<PoolInfo> ReadPoolAsync(string pool, CancellationToken cancellationToken) => AskAsync(Grain<IPoolGrain>(StreamId.Pool(pool)).ReadAsync(pool), cancellationToken);

    public Task<IReadOnlyList<Demand>> ListDemandAsync(CancellationToken cancellationToken) => AskAsync(Queue.ListDemandAsync(), cancellationToken);

    public Task CordonAsync(IReadOnlyList<string> workers, string reason, CancellationToken cancellationToken) => AskAsync(Queue.CordonAsync(workers, reason), cancellationToken);

    public Task LoseAsync(IReadOnlyList<EndedMachine> machines, CancellationToken cancellationToken) => AskAsync(Queue.LoseAsync(machines), cancellationToken);

    private IQueueGrain Queue => grains.GetGrain<IQueueGrain>(node);

    private T Grain<T>(StreamId stream)
        where T : IGrainWithStringKey => grains.GetGrain<T>(GrainKey.Of(node, stream));

    private static async Task<T> AskAsync<T>(Task<Outcome<T>> asked, CancellationToken cancellationToken)
    {
        try
        {
            return (await asked.WaitAsync(cancellationToken)).Get();
        }
        catch (Exception error) when (error is OwnerAwayException || error.GetType() == typeof(OrleansMessageRejectionException))
        {
            // It did not arrive, so nothing was done. Of a silo that died (SiloUnavailableException) or does not answer that is not known.
            throw new RefusedException(RefusalKind.Busy, "FAN0008", $"The server that owns it cannot be reached at the moment: {error.Message} Repeat the request in a moment.");
        }
    }
}
