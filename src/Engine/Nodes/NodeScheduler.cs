using System.Runtime.CompilerServices;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>The scheduler as any of several nodes serves it: commands go to the node that owns their stream, and a worker's poll to all that it concerns. What moves meanwhile is asked for again where it
/// is then.</summary>
public sealed class NodeScheduler : IScheduler
{
    /// <summary>How long a command is sent after a stream that passes from one node to another. A node that hangs is put out after two seconds.</summary>
    private static readonly TimeSpan _longestPassage = TimeSpan.FromSeconds(10);

    private static readonly TimeSpan _look = TimeSpan.FromMilliseconds(50);

    private readonly EngineNode _local;
    private readonly INodes _nodes;
    private readonly TimeProvider _clock;
    private readonly PollRouter _polls;

    public NodeScheduler(EngineNode local, INodes nodes, TimeProvider clock)
    {
        (_local, _nodes, _clock, _polls) = (local, nodes, clock, new PollRouter(local, nodes, clock));
        // What an entity tells one of another node goes the way of commands, and may be sent twice.
        local.Posts = delivery => DeliverAsync(delivery, local.Stopping);
        local.Whole = this;
    }

    public async Task<Deployed> DeployAsync(DeployFlow command, CancellationToken cancellationToken)
    {
        // The owner may be of a release that passes over what it does not know.
        _local.CheckDeploys(command.Spec);
        var deployed = await AskAsync(StreamId.Flow(command.Namespace, command.Spec.Name), node => node.DeployAsync(command, cancellationToken), cancellationToken);
        if (EngineNode.EndsAwaitedBy(command.Spec) is { Count: > 0 } flows) await AwaitEndsAsync(command.Namespace, flows, cancellationToken);
        return deployed;
    }

    public async Task<FlowDeletion> DeleteFlowAsync(DeleteFlow command, CancellationToken cancellationToken)
    {
        // The owner may be of a release that does not understand it.
        _local.CheckDeletes();
        return await AskAsync(StreamId.Flow(command.Namespace, command.Flow), node => node.DeleteFlowAsync(command, cancellationToken), cancellationToken, isRepeatable: command.Deployment is not null);
    }

    public async Task<Started> StartRunAsync(StartRun command, CancellationToken cancellationToken)
    {
        var started = await AskAsync(RunIds.StreamOf(command), node => node.StartRunAsync(command, cancellationToken), cancellationToken);
        // Without a key the id was drawn for this command alone: what had started it before was the same command, whose answer was lost.
        return command.IdempotencyKey is null ? started with { New = true } : started;
    }

    public Task<RunStatus> CommandRunAsync(CommandRun command, CancellationToken cancellationToken) => AskAsync(
        StreamId.Run(command.Namespace, command.Run), node => node.CommandRunAsync(command, cancellationToken), cancellationToken, isRepeatable: command.Verb != RunVerb.Retry);

    public Task CommandTaskAsync(CommandTask command, CancellationToken cancellationToken) => AskAsync(
        command.Task.Stream,
        async node =>
        {
            await node.CommandTaskAsync(command, cancellationToken);
            return true;
        },
        cancellationToken, isRepeatable: false);

    public Task CommandScheduleAsync(CommandSchedule command, CancellationToken cancellationToken) => AskAsync(
        StreamId.Schedule(command.Namespace, command.Flow, command.Schedule),
        async node =>
        {
            await node.CommandScheduleAsync(command, cancellationToken);
            return true;
        },
        cancellationToken);

    public async Task StartBackfillAsync(StartBackfill command, CancellationToken cancellationToken)
    {
        _local.CheckBackfills();
        await AskAsync(
            StreamId.Schedule(command.Namespace, command.Plan.Flow, command.Plan.Schedule),
            async node =>
            {
                await node.StartBackfillAsync(command, cancellationToken);
                return true;
            },
            cancellationToken);
    }

    public Task CommandBackfillAsync(CommandBackfill command, CancellationToken cancellationToken) => AskAsync(
        StreamId.Backfill(command.Namespace, command.Backfill),
        async node =>
        {
            await node.CommandBackfillAsync(command, cancellationToken);
            return true;
        },
        cancellationToken);

    public Task CommandTriggerAsync(CommandTrigger command, CancellationToken cancellationToken) => AskAsync(
        StreamId.Flow(command.Namespace, command.Flow),
        async node =>
        {
            await node.CommandTriggerAsync(command, cancellationToken);
            return true;
        },
        cancellationToken);

    public async Task<Published> PublishAsync(PublishEvent command, CancellationToken cancellationToken)
    {
        _local.CheckPublishes();
        var published = await AskAsync(RunIds.StreamOf(command), node => node.PublishAsync(command, cancellationToken), cancellationToken);
        // As of a run: without a key the id was drawn for this command alone.
        return command.Key is null ? published with { New = true } : published;
    }

    public Task<IReadOnlyList<NoticeDelivery>> CommandNoticeAsync(CommandNotice command, CancellationToken cancellationToken) =>
        AskAsync(StreamId.Notice(command.Namespace, command.Notice), node => node.CommandNoticeAsync(command, cancellationToken), cancellationToken);

    public Task<IReadOnlyList<TriggerOutcome>> CommandDeadLettersAsync(CommandDeadLetters command, CancellationToken cancellationToken) =>
        AskAsync(StreamId.Event(command.Namespace, command.Event), node => node.CommandDeadLettersAsync(command, cancellationToken), cancellationToken);

    /// <summary>Returns when every node knows that lives. One that comes later reads it before it has any run.</summary>
    public async Task AwaitEndsAsync(string ns, IReadOnlyList<string> flows, CancellationToken cancellationToken)
    {
        var told = new HashSet<string>();
        while (true)
        {
            var asked = _nodes.All.Where(node => !told.Contains(node)).Select(node => (Node: node, Answer: _nodes.At(node).AwaitEndsAsync(ns, flows, cancellationToken))).ToList();
            await Task.WhenAll(asked.Select(each => each.Answer)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
            // One that did not answer is asked again, until it does or has been put out.
            told.UnionWith(asked.Where(each => each.Answer.IsCompletedSuccessfully).Select(each => each.Node));
            if (_nodes.All.All(told.Contains)) return;
            await Task.Delay(_look, _clock, cancellationToken);
        }
    }

    public Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken) => AskAsync(
        delivery.Target,
        async node =>
        {
            await node.DeliverAsync(delivery, cancellationToken);
            return true;
        },
        cancellationToken);

    public Task<IReadOnlyList<HadEvent>> ReadHeldAsync(string ns, TriggerName trigger, TriggerSpec spec, CancellationToken cancellationToken) =>
        AskAsync(StreamId.Trigger(ns, trigger.Flow, trigger.Trigger), node => node.ReadHeldAsync(ns, trigger, spec, cancellationToken), cancellationToken);

    public Task<Explanation> ExplainAsync(TaskRef task, CancellationToken cancellationToken) => AskAsync(task.Stream, node => node.ExplainAsync(task, cancellationToken), cancellationToken);

    /// <summary>Another node has something for workers that may poll through this one.</summary>
    public Task HearAsync(NodeWord word) => _polls.HearAsync(word);

    public Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken) => _polls.PollAsync(request, cancellationToken);

    public async IAsyncEnumerable<LeaseInput> ReadInputsAsync(HeldLease lease, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Whose it is is settled with the first of them; what follows is read there.
        var inputs = await AskAsync(
            lease.Task.Stream,
            async node =>
            {
                var reading = node.ReadInputsAsync(lease, cancellationToken).GetAsyncEnumerator(cancellationToken);
                try
                {
                    return (Reading: reading, Any: await reading.MoveNextAsync());
                }
                catch
                {
                    await reading.DisposeAsync();
                    throw;
                }
            },
            cancellationToken);
        await using var ended = inputs.Reading;
        for (var any = inputs.Any; any; any = await inputs.Reading.MoveNextAsync()) yield return inputs.Reading.Current;
    }

    public Task<int?> CheckLeaseAsync(HeldLease lease, CancellationToken cancellationToken) => AskAsync(lease.Task.Stream, node => node.CheckLeaseAsync(lease, cancellationToken), cancellationToken);

    public async Task<IReadOnlyList<WorkerInfo>> ListWorkersAsync(CancellationToken cancellationToken)
    {
        // A worker has a session at each node that leased to it; the latest that it spoke to knows best what is free.
        var all = await AllAsync(node => node.ListWorkersAsync(cancellationToken));
        return [.. all.SelectMany(some => some).GroupBy(worker => worker.Worker).Select(seen => seen.MaxBy(worker => worker.LastSeen)! with { Leases = seen.Sum(worker => worker.Leases) }).OrderBy(worker => worker.Worker, StringComparer.Ordinal)];
    }

    public async Task<IReadOnlyList<QueueInfo>> ListQueuesAsync(CancellationToken cancellationToken)
    {
        var all = await AllAsync(node => node.ListQueuesAsync(cancellationToken));
        return [.. all.SelectMany(some => some).GroupBy(queue => (queue.Namespace, queue.Queue)).OrderBy(queue => queue.Key)
            .Select(parts => new QueueInfo(parts.Key.Namespace, parts.Key.Queue, parts.Sum(part => part.OpenSteps), parts.Sum(part => part.ReadyTasks), parts.Sum(part => part.RunningTasks)))];
    }

    public Task<PoolChange> SetPoolAsync(SetPool command, CancellationToken cancellationToken)
    {
        _local.CheckPools();
        return AskAsync(StreamId.Pool(command.Spec.Name), node => node.SetPoolAsync(command, cancellationToken), cancellationToken);
    }

    public Task<PoolChange> DeletePoolAsync(DeletePool command, CancellationToken cancellationToken) => AskAsync(StreamId.Pool(command.Pool), node => node.DeletePoolAsync(command, cancellationToken), cancellationToken);

    public Task<PoolInfo> ReadPoolAsync(string pool, CancellationToken cancellationToken) => AskAsync(StreamId.Pool(pool), node => node.ReadPoolAsync(pool, cancellationToken), cancellationToken);

    public async Task<IReadOnlyList<Demand>> ListDemandAsync(CancellationToken cancellationToken)
    {
        var all = await AllAsync(node => node.ListDemandAsync(cancellationToken));
        var (gangs, others) = (all.SelectMany(some => some).Where(demand => demand.IsGang), all.SelectMany(some => some).Where(demand => !demand.IsGang));
        return [.. others.GroupBy(demand => demand with { Tasks = 0 }).Select(same => same.Key with { Tasks = same.Sum(demand => demand.Tasks) }), .. gangs];
    }

    public Task CordonAsync(IReadOnlyList<string> workers, string reason, CancellationToken cancellationToken) => AllAsync(async node =>
    {
        await node.CordonAsync(workers, reason, cancellationToken);
        return true;
    });

    public Task LoseAsync(IReadOnlyList<EndedMachine> machines, CancellationToken cancellationToken) => AllAsync(async node =>
    {
        await node.LoseAsync(machines, cancellationToken);
        return true;
    });

    // Those that do not answer are about to be put out.
    private async Task<IReadOnlyList<T>> AllAsync<T>(Func<IScheduler, Task<T>> ask)
    {
        var asked = _nodes.All.Select(node => ask(_nodes.At(node))).ToList();
        await ((Task)Task.WhenAll(asked)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing | ConfigureAwaitOptions.ContinueOnCapturedContext);
        return [.. asked.Where(each => each.IsCompletedSuccessfully).Select(each => each.Result)];
    }

    /// <param name="isRepeatable">Whether it may be sent again when it is not known whether it was done.</param>
    private async Task<T> AskAsync<T>(StreamId stream, Func<IScheduler, Task<T>> ask, CancellationToken cancellationToken, bool isRepeatable = true)
    {
        var since = _clock.GetTimestamp();
        while (true)
        {
            var changed = _nodes.ChangedAsync();
            try
            {
                if (_nodes.OwnerOf(stream) is { } owner) return await ask(_nodes.At(owner));
                if (_clock.GetElapsedTime(since) >= _longestPassage) throw RefusedException.Moved(stream);
            }
            catch (RefusedException refused) when (refused is { Kind: RefusalKind.Busy, Code: "FAN0008" } && _clock.GetElapsedTime(since) < _longestPassage)
            {
                // It is on its way from one to another.
            }
            catch (Exception error) when (error is not RefusedException && !cancellationToken.IsCancellationRequested)
            {
                // Its owner went away while it was asked.
                if (!isRepeatable || _clock.GetElapsedTime(since) >= _longestPassage)
                    throw new RefusedException(RefusalKind.Busy, "FAN0008", $"The server that owns {stream} went away while it was asked, and may have done it: {error.Message} Look, and repeat the request in a moment.");
            }
            await Task.WhenAny(changed, Task.Delay(_look, _clock, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
        }
    }
}
