using System.Runtime.CompilerServices;
using Fanfare.Contracts;
using Fanfare.Simulation.Cluster;
using Fanfare.Simulation.Kernel;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Simulation.Store;

/// <summary>One process's queries over the durable rows, with virtual delays: an answer tells how things were when it was asked for. One page holds everything.</summary>
internal sealed class SimReadModel(DurableStore store, VirtualProcess process, Faults faults, Chance chance) : IReadModel
{
    private RowTables Rows => store.Rows;

    public Task<DeploymentRow?> GetDeploymentAsync(string ns, string flow, int? version, CancellationToken cancellationToken) => Done(
        version is { } v ? Rows.Deployments.GetValueOrDefault((ns, flow, v)) : Rows.Deployments.Values.Where(d => d.Namespace == ns && d.Flow == flow && d.DeletedAt is null).MaxBy(d => d.Version));

    public Task<Page<DeploymentRow>> ListFlowsAsync(string ns, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Deployments.Values.Where(d => d.Namespace == ns && d.DeletedAt is null).GroupBy(d => d.Flow).Select(g => g.MaxBy(d => d.Version)!));

    public Task<Page<DeploymentRow>> ListDeploymentsAsync(string ns, string flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Deployments.Values.Where(d => d.Namespace == ns && d.Flow == flow && d.DeletedAt is null));

    public Task<ScheduleRow?> GetScheduleAsync(string ns, string flow, string schedule, CancellationToken cancellationToken) => Done(Rows.Schedules.GetValueOrDefault(StreamId.Schedule(ns, flow, schedule)));

    public Task<Page<ScheduleRow>> ListSchedulesAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Schedules.Values.Where(s => s.Namespace == ns && s.Standing is not null && (flow is null || s.Flow == flow)));

    public Task<IReadOnlyList<ScheduleRow>> ListDueSchedulesAsync(string ns, int limit, CancellationToken cancellationToken) =>
        Done<IReadOnlyList<ScheduleRow>>([.. Rows.Schedules.Values.Where(s => s.Namespace == ns && s.Due is not null).OrderBy(s => s.Due).Take(limit)]);

    public Task<NoticeRow?> GetNoticeAsync(string ns, string id, CancellationToken cancellationToken) => Done(Rows.Notices.GetValueOrDefault((ns, id)) is { IsRaised: true } notice ? notice : null);

    public Task<Page<NoticeRow>> ListNoticesAsync(string ns, string? flow, bool isDead, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Notices.Values.Where(n => n.Namespace == ns && n.IsRaised && (flow is null || n.Flow == flow) && (!isDead || n.IsDead)).Reverse());

    public Task<PoolRow?> GetPoolAsync(string pool, CancellationToken cancellationToken) => Done(Rows.Pools.GetValueOrDefault(pool));

    public Task<Page<PoolRow>> ListPoolsAsync(string? cursor, int limit, CancellationToken cancellationToken) => Whole(Rows.Pools.Values);

    public Task<BackfillRow?> GetBackfillAsync(string ns, string id, CancellationToken cancellationToken) => Done(Rows.Backfills.GetValueOrDefault((ns, id)));

    public Task<Page<BackfillRow>> ListBackfillsAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Backfills.Values.Where(b => b.Namespace == ns && (flow is null || b.Flow == flow)).Reverse());

    public Task<TriggerRow?> GetTriggerAsync(string ns, string flow, string trigger, CancellationToken cancellationToken) =>
        Done(Rows.Triggers.GetValueOrDefault((ns, flow, trigger)) is { Standing: not null } row ? row : null);

    public Task<Page<TriggerRow>> ListTriggersAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Triggers.Values.Where(t => t.Namespace == ns && t.Standing is not null && (flow is null || t.Flow == flow)));

    public Task<IReadOnlyList<TriggerRow>> ListListenersAsync(string ns, EventOrigin origin, CancellationToken cancellationToken) =>
        Done<IReadOnlyList<TriggerRow>>([.. Rows.Triggers.Values.Where(t => t.Namespace == ns && t.Standing is { } standing && standing.Spec.Sources.Any(source => source.Origin == origin))]);

    public Task<IReadOnlyList<(string Namespace, string Flow)>> ListAwaitedFlowsAsync(CancellationToken cancellationToken) =>
        Done<IReadOnlyList<(string, string)>>([.. Rows.Triggers.Values.SelectMany(t => (t.Standing?.Spec.Sources ?? []).Where(source => source.Flow is not null).Select(source => (t.Namespace, source.Flow!)))]);

    public Task<EventRow?> GetEventAsync(string ns, string id, CancellationToken cancellationToken) => Done(Rows.Events.GetValueOrDefault((ns, id)));

    public Task<Page<EventRow>> ListEventsAsync(string ns, string? name, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Events.Values.Where(e => e.Namespace == ns && (name is null || e.Origin.Name == name)).Reverse());

    public Task<Page<DeadLetterRow>> ListDeadLettersAsync(string ns, string? flow, string? trigger, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.DeadLetters.Values.Where(l => l.Namespace == ns && (flow is null || l.Flow == flow) && (trigger is null || l.Trigger == trigger)));

    public Task<OpenCounts> CountOpenAsync(int most, CancellationToken cancellationToken) => Done(new OpenCounts(
        Math.Min(most, Rows.DeadLetters.Count), Math.Min(most, Rows.Notices.Values.Count(n => n.IsDead)),
        Enum.GetValues<RunStatus>().Where(status => !status.IsTerminal()).ToDictionary(status => status, status => Rows.Runs.Values.Where(r => !r.Status.IsTerminal()).Take(most).Count(r => r.Status == status))));

    public Task<RunRow?> GetRunAsync(string ns, string run, CancellationToken cancellationToken) => Done(Rows.Runs.GetValueOrDefault((ns, run)));

    // Nothing is old in a simulated life.
    public Task<RetiredRun?> GetRetiredAsync(string ns, string run, CancellationToken cancellationToken) => Done<RetiredRun?>(null);

    public Task<Page<RunRow>> ListRunsAsync(RunFilter filter, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Runs.Values.Where(r => r.Namespace == filter.Namespace).Reverse());

    public Task<Page<StepRow>> ListStepsAsync(string ns, string run, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Steps.Values.Where(s => s.Namespace == ns && s.Run == run));

    public Task<StepRow?> GetStepAsync(string ns, string run, StepKey key, CancellationToken cancellationToken) => Done(Rows.Steps.GetValueOrDefault((ns, run, key)));

    public Task<Page<TaskRow>> ListTasksAsync(string ns, string run, TaskFilter filter, string? cursor, int limit, CancellationToken cancellationToken) =>
        Whole(Rows.Tasks.Where(t => t.Key.Ns == ns && t.Key.Run == run).SelectMany(t => t.Value.Values));

    public Task<TaskRow?> GetTaskAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) =>
        Done(Rows.Tasks.TryGetValue((ns, run, key), out var tasks) ? tasks.GetValueOrDefault(split) : null);

    public Task<IReadOnlyList<AttemptRow>> ListAttemptsAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) =>
        Done<IReadOnlyList<AttemptRow>>([.. Rows.Attempts.Values.Where(a => a.Namespace == ns && a.Run == run && a.Key == key && a.Split == split)]);

    public Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string ns, string run, long afterPosition, int limit, CancellationToken cancellationToken) =>
        Done<IReadOnlyList<HistoryEvent>>([.. store.History.Where(h => h.Position > afterPosition && h.Stream.Namespace == ns && h.Stream.RunId == run)
            .Take(limit).Select(h => new HistoryEvent(h.Position, h.Stream, h.Entry))]);

    public Task<long> GetPositionAsync(string ns, string run, CancellationToken cancellationToken) => Done((long)store.History.Count);

    public async IAsyncEnumerable<TaskOutput> ReadOutputsAsync(string ns, string run, StepKey key, SplitRanges splits, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Done(true);
        if (!Rows.Tasks.TryGetValue((ns, run, key), out var tasks)) yield break;
        foreach (var split in splits)
            if (tasks.TryGetValue(split, out var row) && row.Status is TaskStatus.Succeeded or TaskStatus.Caught or TaskStatus.Skipped)
                yield return new TaskOutput(key, split, row.Attempt, row.Output, row.Artifacts);
    }

    private Task<T> Done<T>(T value)
    {
        store.Loop.CheckThread("the read model");
        var late = faults.At("slow read", process.Name, faults.SlowOpenShare) is { } slow ? slow.Chance.Span(50, 8_000) : TimeSpan.Zero;
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        store.Loop.After(chance.Span(0.05, 2) + late, () => done.SetResult(value), process);
        return done.Task;
    }

    private Task<Page<T>> Whole<T>(IEnumerable<T> rows) => Done(new Page<T>([.. rows], null));
}
