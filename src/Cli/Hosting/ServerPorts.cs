using System.Runtime.CompilerServices;
using Fanfare.Gateway;
using Fanfare.Storage;

namespace Fanfare.Cli.Hosting;

/// <summary>The gateway's ports on a server that has a journal at times: they reach what it has at the moment. While it has none, what comes is told to come again.</summary>
internal abstract class ServerPorts : ITenure, IScheduler, IJournal, IReadModel
{
    private volatile Holding? _now;

    public event Action<long, IReadOnlyCollection<(string Namespace, string Run)>>? Committed;

    public string Incarnation => Now.Store.Journal.Incarnation;

    public int Format => Now.Store.Journal.Format;

    public string? Health => _now is { } now
        ? now.Store.Leads ? now.Store.Journal.Health : now.Store.Journal.Health ?? "The database has not answered for some seconds, so that another server may own what this one does. This one goes on when it answers."
        : Absence;

    public CancellationToken Tenure => _now?.Ended.Token ?? new CancellationToken(canceled: true);

    protected bool HoldsOne => _now is not null;

    /// <summary>Why there is no journal; null where that is as it should be.</summary>
    protected abstract string? Absence { get; }

    private Holding Now => _now ?? throw Unsettled();

    public virtual void Take(IStore store, IScheduler scheduler)
    {
        store.Journal.Committed += OnCommitted;
        _now = new Holding(store, scheduler);
    }

    public virtual void Leave()
    {
        if (_now is not { } now) return;
        _now = null;
        now.Store.Journal.Committed -= OnCommitted;
        now.Ended.Cancel();
    }

    /// <summary>Says whether the lease is held: while it is not, what lasts is ended, so that callers go to another server.</summary>
    public void Hold(bool held)
    {
        if (_now is not { } now || held != now.Ended.IsCancellationRequested) return;
        if (held) now.Ended = new CancellationTokenSource();
        else now.Ended.Cancel();
    }

    public Task<Deployed> DeployAsync(DeployFlow command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.DeployAsync(command, cancellationToken));

    public Task<FlowDeletion> DeleteFlowAsync(DeleteFlow command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.DeleteFlowAsync(command, cancellationToken));

    public Task<Started> StartRunAsync(StartRun command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.StartRunAsync(command, cancellationToken));

    public Task<RunStatus> CommandRunAsync(CommandRun command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.CommandRunAsync(command, cancellationToken));

    public Task CommandTaskAsync(CommandTask command, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.CommandTaskAsync(command, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task CommandScheduleAsync(CommandSchedule command, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.CommandScheduleAsync(command, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task StartBackfillAsync(StartBackfill command, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.StartBackfillAsync(command, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task CommandBackfillAsync(CommandBackfill command, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.CommandBackfillAsync(command, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task<Published> PublishAsync(PublishEvent command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.PublishAsync(command, cancellationToken));

    public Task CommandTriggerAsync(CommandTrigger command, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.CommandTriggerAsync(command, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task<IReadOnlyList<NoticeDelivery>> CommandNoticeAsync(CommandNotice command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.CommandNoticeAsync(command, cancellationToken));

    public Task<IReadOnlyList<TriggerOutcome>> CommandDeadLettersAsync(CommandDeadLetters command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.CommandDeadLettersAsync(command, cancellationToken));

    public Task AwaitEndsAsync(string ns, IReadOnlyList<string> flows, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.AwaitEndsAsync(ns, flows, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task DeliverAsync(Delivery delivery, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.DeliverAsync(delivery, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task<IReadOnlyList<HadEvent>> ReadHeldAsync(string ns, TriggerName trigger, TriggerSpec spec, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.ReadHeldAsync(ns, trigger, spec, cancellationToken));

    public Task<Explanation> ExplainAsync(TaskRef task, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.ExplainAsync(task, cancellationToken));

    public Task<PollResponse> PollAsync(PollRequest request, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.PollAsync(request, cancellationToken));

    public async IAsyncEnumerable<LeaseInput> ReadInputsAsync(HeldLease lease, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var input in Now.Scheduler.ReadInputsAsync(lease, cancellationToken).ConfigureAwait(false)) yield return input;
    }

    public Task<int?> CheckLeaseAsync(HeldLease lease, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.CheckLeaseAsync(lease, cancellationToken));

    public Task<IReadOnlyList<WorkerInfo>> ListWorkersAsync(CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.ListWorkersAsync(cancellationToken));

    public Task<IReadOnlyList<QueueInfo>> ListQueuesAsync(CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.ListQueuesAsync(cancellationToken));

    public Task<PoolChange> SetPoolAsync(SetPool command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.SetPoolAsync(command, cancellationToken));

    public Task<PoolChange> DeletePoolAsync(DeletePool command, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.DeletePoolAsync(command, cancellationToken));

    public Task<PoolInfo> ReadPoolAsync(string pool, CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.ReadPoolAsync(pool, cancellationToken));

    public Task<IReadOnlyList<Demand>> ListDemandAsync(CancellationToken cancellationToken) => AskAsync(now => now.Scheduler.ListDemandAsync(cancellationToken));

    public Task CordonAsync(IReadOnlyList<string> workers, string reason, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.CordonAsync(workers, reason, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task LoseAsync(IReadOnlyList<EndedMachine> machines, CancellationToken cancellationToken) => AskAsync(async now =>
    {
        await now.Scheduler.LoseAsync(machines, cancellationToken).ConfigureAwait(false);
        return true;
    });

    public Task<OpenedStream> OpenAsync(StreamId stream, CancellationToken cancellationToken) => AskAsync(now => now.Store.Journal.OpenAsync(stream, cancellationToken));

    public OpenedStream? TryOpenNew(StreamId stream) => Now.Store.Journal.TryOpenNew(stream);

    public OpenedStream AssumeNew(StreamId stream) => Now.Store.Journal.AssumeNew(stream);

    public Task<AppendOutcome> AppendAsync(IReadOnlyList<Append> appends) => AskAsync(now => now.Store.Journal.AppendAsync(appends));

    public Task<AppendOutcome> AcknowledgeAsync(StreamId stream, long epoch, Wake? wake, long? carried = null) => AskAsync(now => now.Store.Journal.AcknowledgeAsync(stream, epoch, wake, carried));

    public Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanWakesAsync(WakeQuery query, int limit, StreamId? after, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.Journal.ScanWakesAsync(query, limit, after, cancellationToken));

    public Task<DeploymentRow?> GetDeploymentAsync(string ns, string flow, int? version, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetDeploymentAsync(ns, flow, version, cancellationToken));

    public Task<Page<DeploymentRow>> ListFlowsAsync(string ns, string? cursor, int limit, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.ListFlowsAsync(ns, cursor, limit, cancellationToken));

    public Task<Page<DeploymentRow>> ListDeploymentsAsync(string ns, string flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListDeploymentsAsync(ns, flow, cursor, limit, cancellationToken));

    public Task<ScheduleRow?> GetScheduleAsync(string ns, string flow, string schedule, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetScheduleAsync(ns, flow, schedule, cancellationToken));

    public Task<Page<ScheduleRow>> ListSchedulesAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListSchedulesAsync(ns, flow, cursor, limit, cancellationToken));

    public Task<IReadOnlyList<ScheduleRow>> ListDueSchedulesAsync(string ns, int limit, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.ListDueSchedulesAsync(ns, limit, cancellationToken));

    public Task<BackfillRow?> GetBackfillAsync(string ns, string id, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetBackfillAsync(ns, id, cancellationToken));

    public Task<Page<BackfillRow>> ListBackfillsAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListBackfillsAsync(ns, flow, cursor, limit, cancellationToken));

    public Task<TriggerRow?> GetTriggerAsync(string ns, string flow, string trigger, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetTriggerAsync(ns, flow, trigger, cancellationToken));

    public Task<Page<TriggerRow>> ListTriggersAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListTriggersAsync(ns, flow, cursor, limit, cancellationToken));

    public Task<IReadOnlyList<TriggerRow>> ListListenersAsync(string ns, EventOrigin origin, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.ListListenersAsync(ns, origin, cancellationToken));

    public Task<IReadOnlyList<(string Namespace, string Flow)>> ListAwaitedFlowsAsync(CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.ListAwaitedFlowsAsync(cancellationToken));

    public Task<EventRow?> GetEventAsync(string ns, string id, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetEventAsync(ns, id, cancellationToken));

    public Task<Page<EventRow>> ListEventsAsync(string ns, string? name, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListEventsAsync(ns, name, cursor, limit, cancellationToken));

    public Task<NoticeRow?> GetNoticeAsync(string ns, string id, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetNoticeAsync(ns, id, cancellationToken));

    public Task<Page<NoticeRow>> ListNoticesAsync(string ns, string? flow, bool isDead, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListNoticesAsync(ns, flow, isDead, cursor, limit, cancellationToken));

    public Task<Page<DeadLetterRow>> ListDeadLettersAsync(string ns, string? flow, string? trigger, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListDeadLettersAsync(ns, flow, trigger, cursor, limit, cancellationToken));

    public Task<PoolRow?> GetPoolAsync(string pool, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetPoolAsync(pool, cancellationToken));

    public Task<Page<PoolRow>> ListPoolsAsync(string? cursor, int limit, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.ListPoolsAsync(cursor, limit, cancellationToken));

    public Task<OpenCounts> CountOpenAsync(int most, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.CountOpenAsync(most, cancellationToken));

    public Task<RunRow?> GetRunAsync(string ns, string run, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetRunAsync(ns, run, cancellationToken));

    public Task<RetiredRun?> GetRetiredAsync(string ns, string run, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetRetiredAsync(ns, run, cancellationToken));

    public Task<Page<RunRow>> ListRunsAsync(RunFilter filter, string? cursor, int limit, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.ListRunsAsync(filter, cursor, limit, cancellationToken));

    public Task<Page<StepRow>> ListStepsAsync(string ns, string run, string? cursor, int limit, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.ListStepsAsync(ns, run, cursor, limit, cancellationToken));

    public Task<StepRow?> GetStepAsync(string ns, string run, StepKey key, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetStepAsync(ns, run, key, cancellationToken));

    public Task<Page<TaskRow>> ListTasksAsync(string ns, string run, TaskFilter filter, string? cursor, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListTasksAsync(ns, run, filter, cursor, limit, cancellationToken));

    public Task<TaskRow?> GetTaskAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetTaskAsync(ns, run, key, split, cancellationToken));

    public Task<IReadOnlyList<AttemptRow>> ListAttemptsAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ListAttemptsAsync(ns, run, key, split, cancellationToken));

    public Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string ns, string run, long afterPosition, int limit, CancellationToken cancellationToken) =>
        AskAsync(now => now.Store.ReadModel.ReadHistoryAsync(ns, run, afterPosition, limit, cancellationToken));

    public Task<long> GetPositionAsync(string ns, string run, CancellationToken cancellationToken) => AskAsync(now => now.Store.ReadModel.GetPositionAsync(ns, run, cancellationToken));

    public IAsyncEnumerable<TaskOutput> ReadOutputsAsync(string ns, string run, StepKey key, SplitRanges splits, CancellationToken cancellationToken) => Now.Store.ReadModel.ReadOutputsAsync(ns, run, key, splits, cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>What a caller is told while there is no journal.</summary>
    protected abstract RefusedException Unsettled();

    /// <summary>Tells of commits that were not made here.</summary>
    protected void Tell(long position, IReadOnlyCollection<(string Namespace, string Run)> runs) => Committed?.Invoke(position, runs);

    private async Task<T> AskAsync<T>(Func<Holding, Task<T>> ask)
    {
        var now = Now;
        try
        {
            return await ask(now).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not RefusedException && !ReferenceEquals(_now, now))
        {
            // It ended meanwhile, and what it had with it.
            throw new RefusedException(RefusalKind.Busy, "FAN0008", "Another server took over while this one answered. Repeat the request in a moment.");
        }
    }

    private void OnCommitted(long position, IReadOnlyCollection<(string Namespace, string Run)> runs) => Tell(position, runs);

    private sealed record Holding(IStore Store, IScheduler Scheduler)
    {
        public CancellationTokenSource Ended { get; set; } = new();
    }
}
