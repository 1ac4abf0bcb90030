using System.Globalization;
using System.Runtime.CompilerServices;

namespace Fanfare.Gateway.Tests;

/// <summary>A read model over lists in memory. Cursors are the number of rows passed.</summary>
internal sealed class FakeReads : IReadModel
{
    private readonly Lock _lock = new();
    private readonly List<HistoryEvent> _events = [];

    public List<DeploymentRow> Deployments { get; } = [];

    public List<ScheduleRow> Schedules { get; } = [];

    public List<BackfillRow> Backfills { get; } = [];

    public List<NoticeRow> Notices { get; } = [];

    public List<PoolRow> Pools { get; } = [];

    public List<TriggerRow> Triggers { get; } = [];

    public List<EventRow> Published { get; } = [];

    public List<DeadLetterRow> DeadLetters { get; } = [];

    public Dictionary<string, RunRow> Runs { get; } = [];

    public Dictionary<string, RetiredRun> Retired { get; } = [];

    public List<StepRow> Steps { get; } = [];

    public List<TaskRow> Tasks { get; } = [];

    public List<AttemptRow> Attempts { get; } = [];

    /// <summary>Thrown by every query while set.</summary>
    public Exception? Trouble { get; set; }

    /// <summary>Adds an event; answers its position.</summary>
    public long Append(StreamId stream, Event data)
    {
        lock (_lock)
        {
            var position = _events.Count + 1;
            _events.Add(new HistoryEvent(position, stream, new JournalEvent(position, World.T0, "system", data)));
            return position;
        }
    }

    public void Reset()
    {
        lock (_lock)
        {
            Trouble = null;
            _events.Clear();
            Deployments.Clear();
            Schedules.Clear();
            Backfills.Clear();
            Notices.Clear();
            Pools.Clear();
            Triggers.Clear();
            Published.Clear();
            DeadLetters.Clear();
            Runs.Clear();
            Retired.Clear();
            Steps.Clear();
            Tasks.Clear();
            Attempts.Clear();
            World.Fill(this);
        }
    }

    public void Change(Action change)
    {
        lock (_lock) change();
    }

    public Task<DeploymentRow?> GetDeploymentAsync(string ns, string flow, int? version, CancellationToken cancellationToken) =>
        Read(() => Deployments.Where(d => d.Namespace == ns && d.Flow == flow && (version is null ? d.DeletedAt is null : d.Version == version)).MaxBy(d => d.Version));

    public Task<Page<DeploymentRow>> ListFlowsAsync(string ns, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Deployments.Where(d => d.Namespace == ns && d.DeletedAt is null).GroupBy(d => d.Flow).Select(g => g.MaxBy(d => d.Version)!), cursor, limit));

    public Task<Page<DeploymentRow>> ListDeploymentsAsync(string ns, string flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Deployments.Where(d => d.Namespace == ns && d.Flow == flow && d.DeletedAt is null).OrderByDescending(d => d.Version), cursor, limit));

    public Task<ScheduleRow?> GetScheduleAsync(string ns, string flow, string schedule, CancellationToken cancellationToken) =>
        Read(() => Schedules.Find(s => s.Namespace == ns && s.Flow == flow && s.Schedule == schedule));

    public Task<Page<ScheduleRow>> ListSchedulesAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Schedules.Where(s => s.Namespace == ns && (flow is null || s.Flow == flow)), cursor, limit));

    public Task<IReadOnlyList<ScheduleRow>> ListDueSchedulesAsync(string ns, int limit, CancellationToken cancellationToken) =>
        Read<IReadOnlyList<ScheduleRow>>(() => [.. Schedules.Where(s => s.Namespace == ns && s.Due is not null).OrderBy(s => s.Due).Take(limit)]);

    public Task<NoticeRow?> GetNoticeAsync(string ns, string id, CancellationToken cancellationToken) => Read(() => Notices.Find(n => n.Namespace == ns && n.Notice == id));

    public Task<Page<NoticeRow>> ListNoticesAsync(string ns, string? flow, bool isDead, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Notices.Where(n => n.Namespace == ns && (flow is null || n.Flow == flow) && (!isDead || n.IsDead)), cursor, limit));

    public Task<PoolRow?> GetPoolAsync(string pool, CancellationToken cancellationToken) => Read(() => Pools.Find(p => p.Pool == pool));

    public Task<Page<PoolRow>> ListPoolsAsync(string? cursor, int limit, CancellationToken cancellationToken) => Read(() => Slice(Pools, cursor, limit));

    public Task<BackfillRow?> GetBackfillAsync(string ns, string id, CancellationToken cancellationToken) => Read(() => Backfills.Find(b => b.Namespace == ns && b.Backfill == id));

    public Task<Page<BackfillRow>> ListBackfillsAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Backfills.Where(b => b.Namespace == ns && (flow is null || b.Flow == flow)), cursor, limit));

    public Task<TriggerRow?> GetTriggerAsync(string ns, string flow, string trigger, CancellationToken cancellationToken) =>
        Read(() => Triggers.Find(t => t.Namespace == ns && t.Flow == flow && t.Trigger == trigger));

    public Task<Page<TriggerRow>> ListTriggersAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Triggers.Where(t => t.Namespace == ns && (flow is null || t.Flow == flow)), cursor, limit));

    public Task<IReadOnlyList<TriggerRow>> ListListenersAsync(string ns, EventOrigin origin, CancellationToken cancellationToken) =>
        Read<IReadOnlyList<TriggerRow>>(() => [.. Triggers.Where(t => t.Namespace == ns && t.Standing!.Spec.Sources.Any(source => source.Origin == origin))]);

    public Task<IReadOnlyList<(string Namespace, string Flow)>> ListAwaitedFlowsAsync(CancellationToken cancellationToken) => Read<IReadOnlyList<(string, string)>>(() => []);

    public Task<EventRow?> GetEventAsync(string ns, string id, CancellationToken cancellationToken) => Read(() => Published.Find(e => e.Namespace == ns && e.Event == id));

    public Task<Page<EventRow>> ListEventsAsync(string ns, string? name, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Published.Where(e => e.Namespace == ns && (name is null || e.Origin.Name == name)).OrderByDescending(e => e.At), cursor, limit));

    public Task<Page<DeadLetterRow>> ListDeadLettersAsync(string ns, string? flow, string? trigger, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(DeadLetters.Where(l => l.Namespace == ns && (flow is null || l.Flow == flow) && (trigger is null || l.Trigger == trigger)), cursor, limit));

    public Task<OpenCounts> CountOpenAsync(int most, CancellationToken cancellationToken) => Read(() => new OpenCounts(
        Math.Min(most, DeadLetters.Count), Math.Min(most, Notices.Count(n => n.IsDead)),
        Enum.GetValues<RunStatus>().Where(status => !status.IsTerminal()).ToDictionary(status => status, status => Runs.Values.Count(r => r.Status == status))));

    public Task<RunRow?> GetRunAsync(string ns, string run, CancellationToken cancellationToken) =>
        Read(() => Runs.TryGetValue(run, out var row) && row.Namespace == ns ? row : null);

    public Task<RetiredRun?> GetRetiredAsync(string ns, string run, CancellationToken cancellationToken) =>
        Read(() => Retired.GetValueOrDefault(run));

    public Task<Page<RunRow>> ListRunsAsync(RunFilter filter, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Runs.Values.Where(r => r.Namespace == filter.Namespace
            && (filter.Flow is null || r.Flow == filter.Flow)
            && (filter.Status is null || r.Status == filter.Status)
            && (filter.Tag is null || r.Tags.Contains(filter.Tag))
            && (filter.CreatedAfter is null || r.CreatedAt > filter.CreatedAfter)
            && (filter.CreatedBefore is null || r.CreatedAt < filter.CreatedBefore)
            && (filter.Active is null || r.Status.IsTerminal() != filter.Active)
            && (filter.Deployment is null || r.Deployment == filter.Deployment)).OrderByDescending(r => r.CreatedAt), cursor, limit));

    public Task<Page<StepRow>> ListStepsAsync(string ns, string run, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Steps.Where(s => s.Namespace == ns && s.Run == run), cursor, limit));

    public Task<StepRow?> GetStepAsync(string ns, string run, StepKey key, CancellationToken cancellationToken) =>
        Read(() => Steps.FirstOrDefault(s => s.Namespace == ns && s.Run == run && s.Key == key));

    public Task<Page<TaskRow>> ListTasksAsync(string ns, string run, TaskFilter filter, string? cursor, int limit, CancellationToken cancellationToken) =>
        Read(() => Slice(Tasks.Where(t => t.Namespace == ns && t.Run == run
            && (filter.Step is null || t.Key.Step == filter.Step)
            && (filter.Key is null || t.Key == filter.Key)
            && (filter.Status is null || t.Status == filter.Status)), cursor, limit));

    public Task<TaskRow?> GetTaskAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) =>
        Read(() => Tasks.FirstOrDefault(t => t.Namespace == ns && t.Run == run && t.Key == key && t.Split == split));

    public Task<IReadOnlyList<AttemptRow>> ListAttemptsAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) =>
        Read<IReadOnlyList<AttemptRow>>(() => [.. Attempts.Where(a => a.Namespace == ns && a.Run == run && a.Key == key && a.Split == split)]);

    public Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string ns, string run, long afterPosition, int limit, CancellationToken cancellationToken) =>
        Read<IReadOnlyList<HistoryEvent>>(() => [.. _events.Where(e => e.Stream.Namespace == ns && e.Stream.RunId == run && e.Position > afterPosition).Take(limit)]);

    public Task<long> GetPositionAsync(string ns, string run, CancellationToken cancellationToken) => Read(() => (long)_events.Count);

    public async IAsyncEnumerable<TaskOutput> ReadOutputsAsync(string ns, string run, StepKey key, SplitRanges splits, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        yield break;
    }

    private Task<T> Read<T>(Func<T> query)
    {
        lock (_lock)
            return Trouble is null ? Task.FromResult(query()) : Task.FromException<T>(Trouble);
    }

    private static Page<T> Slice<T>(IEnumerable<T> rows, string? cursor, int limit)
    {
        var start = 0;
        if (cursor is not null && !int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out start)) throw new FormatException("Not a cursor.");
        var all = rows.ToList();
        var items = all.Skip(start).Take(limit).ToList();
        return new Page<T>(items, start + items.Count < all.Count ? (start + items.Count).ToString(CultureInfo.InvariantCulture) : null);
    }
}
