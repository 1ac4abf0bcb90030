using Fanfare.Contracts;
using Orleans;

namespace Fanfare.Grains;

/// <summary>A flow at its owner.</summary>
[Alias("fanfare.flow")]
public interface IFlowGrain : IGrainWithStringKey
{
    [Alias("deploy")]
    Task<Outcome<Deployed>> DeployAsync(DeployFlow command);

    [Alias("delete")]
    Task<Outcome<FlowDeletion>> DeleteAsync(DeleteFlow command);

    /// <summary>Pauses or resumes a trigger of it.</summary>
    [Alias("command_trigger")]
    Task<Outcome<bool>> CommandTriggerAsync(CommandTrigger command);
}

/// <summary>An event, at its owner.</summary>
[Alias("fanfare.event")]
public interface IEventGrain : IGrainWithStringKey
{
    [Alias("publish")]
    Task<Outcome<Published>> PublishAsync(PublishEvent command);

    [Alias("dead_letters")]
    Task<Outcome<IReadOnlyList<TriggerOutcome>>> CommandDeadLettersAsync(CommandDeadLetters command);

    /// <summary>The run whose end it is tells of it.</summary>
    [Alias("deliver")]
    Task<Outcome<bool>> DeliverAsync(Delivery delivery);
}

/// <summary>A trigger that needs several events, at its owner.</summary>
[Alias("fanfare.trigger")]
public interface ITriggerGrain : IGrainWithStringKey
{
    [Alias("held")]
    Task<Outcome<IReadOnlyList<HadEvent>>> ReadHeldAsync(string ns, TriggerName trigger, TriggerSpec spec);

    /// <summary>An event tells it of itself.</summary>
    [Alias("deliver")]
    Task<Outcome<bool>> DeliverAsync(Delivery delivery);
}

/// <summary>A run at its owner.</summary>
[Alias("fanfare.run")]
public interface IRunGrain : IGrainWithStringKey
{
    [Alias("start")]
    Task<Outcome<Started>> StartAsync(StartRun command);

    [Alias("command")]
    Task<Outcome<RunStatus>> CommandAsync(CommandRun command);

    /// <summary>Its schedule tells it something, or has it start.</summary>
    [Alias("deliver")]
    Task<Outcome<bool>> DeliverAsync(Delivery delivery);

    /// <summary>How far the run's history can be read.</summary>
    [Alias("position")]
    Task<Outcome<long>> PositionAsync();

    /// <summary>Returns when something of the run was committed that the caller has not heard of, and where that ended.</summary>
    /// <param name="after">What the last call returned; 0 at first.</param>
    [Alias("watch"), ResponseTimeout("00:01:00")]
    Task<Outcome<long>> WatchAsync(long after, CancellationToken cancellationToken);
}

/// <summary>A schedule of a flow, at its owner.</summary>
[Alias("fanfare.schedule")]
public interface IScheduleGrain : IGrainWithStringKey
{
    [Alias("command")]
    Task<Outcome<bool>> CommandAsync(CommandSchedule command);

    [Alias("start_backfill")]
    Task<Outcome<bool>> StartBackfillAsync(StartBackfill command);

    /// <summary>Its flow, a run of it, or a backfill tells it something.</summary>
    [Alias("deliver")]
    Task<Outcome<bool>> DeliverAsync(Delivery delivery);
}

/// <summary>A notice, at its owner.</summary>
[Alias("fanfare.notice")]
public interface INoticeGrain : IGrainWithStringKey
{
    [Alias("command")]
    Task<Outcome<IReadOnlyList<NoticeDelivery>>> CommandAsync(CommandNotice command);

    /// <summary>A run or a schedule tells it something.</summary>
    [Alias("deliver")]
    Task<Outcome<bool>> DeliverAsync(Delivery delivery);
}

/// <summary>A pool, at its owner.</summary>
[Alias("fanfare.pool")]
public interface IPoolGrain : IGrainWithStringKey
{
    [Alias("set")]
    Task<Outcome<PoolChange>> SetAsync(SetPool command);

    [Alias("delete")]
    Task<Outcome<PoolChange>> DeleteAsync(DeletePool command);

    [Alias("read")]
    Task<Outcome<PoolInfo>> ReadAsync(string pool);
}

/// <summary>A backfill of a schedule, at its owner.</summary>
[Alias("fanfare.backfill")]
public interface IBackfillGrain : IGrainWithStringKey
{
    [Alias("command")]
    Task<Outcome<bool>> CommandAsync(CommandBackfill command);

    /// <summary>Its schedule, or a run of it, tells it something.</summary>
    [Alias("deliver")]
    Task<Outcome<bool>> DeliverAsync(Delivery delivery);
}

/// <summary>A step of a run, at its owner.</summary>
[Alias("fanfare.step")]
public interface IStepGrain : IGrainWithStringKey
{
    [Alias("command")]
    Task<Outcome<bool>> CommandAsync(CommandTask command);

    [Alias("explain")]
    Task<Outcome<Explanation>> ExplainAsync(TaskRef task);

    [Alias("check")]
    Task<Outcome<int?>> CheckLeaseAsync(HeldLease lease);

    [Alias("inputs")]
    IAsyncEnumerable<Outcome<LeaseInput>> ReadInputsAsync(HeldLease lease, CancellationToken cancellationToken);
}

/// <summary>The queues of one node, by the node's address: what of its steps is ready, and the workers that it leases to.</summary>
[Alias("fanfare.queue")]
public interface IQueueGrain : IGrainWithStringKey
{
    /// <summary>A worker's poll, as far as it concerns this node. It is a short one, and cannot be let go: Orleans would answer the caller at once, and what was leased meanwhile would be sent to nobody.</summary>
    [Alias("poll")]
    Task<Outcome<PollResponse>> PollAsync(PollRequest request);

    [Alias("workers")]
    Task<Outcome<IReadOnlyList<WorkerInfo>>> ListWorkersAsync();

    [Alias("queues")]
    Task<Outcome<IReadOnlyList<QueueInfo>>> ListQueuesAsync();

    /// <summary>What ready tasks of its steps need that no worker has taken yet.</summary>
    [Alias("demand")]
    Task<Outcome<IReadOnlyList<Demand>>> ListDemandAsync();

    /// <summary>Workers that are to end.</summary>
    [Alias("cordon")]
    Task<Outcome<bool>> CordonAsync(IReadOnlyList<string> workers, string reason);

    /// <summary>Machines of which nothing runs any more.</summary>
    [Alias("lose")]
    Task<Outcome<bool>> LoseAsync(IReadOnlyList<EndedMachine> machines);

    /// <summary>Another node has something for workers that may poll through this one.</summary>
    [Alias("hear")]
    Task HearAsync(NodeWord word);

    /// <summary>What was deployed listens for ends of these flows' runs.</summary>
    [Alias("await_ends")]
    Task<Outcome<bool>> AwaitEndsAsync(string ns, IReadOnlyList<string> flows);

    /// <summary>What the node is, and how much it has.</summary>
    [Alias("describe")]
    Task<Outcome<NodeInfo>> DescribeAsync();
}
