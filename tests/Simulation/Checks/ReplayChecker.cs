using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Simulation.Store;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Simulation.Checks;

/// <summary>Replays every stream from its first event, and compares what comes of it with the rows that were written live.</summary>
internal sealed class ReplayChecker(HistoryChecker history, DurableStore store, DateTimeOffset now)
{
    private readonly List<Violation> _violations = [];
    private readonly Dictionary<string, RunContext> _contexts = [];

    public IReadOnlyList<Violation> Check()
    {
        foreach (var stream in store.Streams.Where(s => s.Kind is StreamKind.Step or StreamKind.Run).ToList())
        {
            var events = store.Read(stream);
            if (events.Count == 0) continue;
            if (stream.Kind == StreamKind.Run) CheckRun(stream, events);
            else CheckStep(stream, events);
        }
        foreach (var stream in store.Streams.Where(s => s.Kind == StreamKind.Schedule).ToList()) CheckSchedule(stream, store.Read(stream));
        foreach (var stream in store.Streams.Where(s => s.Kind is StreamKind.Event or StreamKind.Trigger).ToList()) CheckEvent(stream, store.Read(stream));
        foreach (var stream in store.Streams.Where(s => s.Kind == StreamKind.Backfill).ToList()) CheckBackfill(stream, store.Read(stream));
        foreach (var stream in store.Streams.Where(s => s.Kind == StreamKind.Notice).ToList()) CheckNotice(stream, store.Read(stream));
        foreach (var stream in store.Streams.Where(s => s.Kind == StreamKind.Pool).ToList()) CheckPool(stream, store.Read(stream));
        return _violations;
    }

    private void CheckPool(StreamId stream, IReadOnlyList<JournalEvent> events)
    {
        if (store.WakeOf(stream) is { } wake) Complain(stream, $"nothing is left to do, and its wake row is {wake}");
        var pool = new PoolEntity(stream);
        pool.Replay(events, long.MaxValue);
        var (replayed, row) = (Text(pool.Standing), Text(store.Rows.Pools.GetValueOrDefault(stream.Name)?.Standing));
        if (replayed != row) Complain(stream, $"replay gives {replayed}, the row says {row}");
    }

    private static string Text(PoolStanding? standing) => standing is null ? "none" : JsonSerializer.Serialize(standing, ContractsJson.Default.PoolStanding);

    private void CheckNotice(StreamId stream, IReadOnlyList<JournalEvent> events)
    {
        if (store.WakeOf(stream) is { } wake) Complain(stream, $"nothing is left to do, and its wake row is {wake}");
        var notice = new NoticeEntity(stream);
        notice.Replay(events, long.MaxValue);
        var (replayed, row) = ((NoticeRow?)notice.CurrentRow, store.Rows.Notices.GetValueOrDefault((stream.Namespace, stream.Name)));
        if (Text(replayed) != Text(row)) Complain(stream, $"replay gives {Text(replayed)}, the row says {Text(row)}");
    }

    private static string Text(NoticeRow? row) => row is null ? "none" : $"{row.Flow} {row.At:O} {JsonSerializer.Serialize(row.Standing, ContractsJson.Default.NoticeStanding)}";

    private void CheckBackfill(StreamId stream, IReadOnlyList<JournalEvent> events)
    {
        if (store.WakeOf(stream) is { } wake) Complain(stream, $"nothing is left to do, and its wake row is {wake}");
        if (events.Count == 0) return;
        var backfill = new BackfillEntity(stream);
        backfill.Replay(events, long.MaxValue);
        var (replayed, row) = ((BackfillRow)backfill.CurrentRow!, store.Rows.Backfills[(stream.Namespace, stream.Name)]);
        var (one, other) = (Text(replayed), Text(row));
        if (one != other) Complain(stream, $"replay gives {one}, the row says {other}");
        var (standing, ended) = (row.Standing, row.Standing.Succeeded + row.Standing.Failed + row.Standing.Cancelled + row.Standing.Present);
        if (standing.State is not (BackfillState.Done or BackfillState.Cancelled) || standing.EndedAt is null) Complain(stream, $"all has ended, and by its row it is {standing.State}");
        if (ended != standing.Taken) Complain(stream, $"{standing.Taken} intervals were taken up, and {ended} have come to something");
    }

    private static string Text(BackfillRow row) => $"{row.Flow} {row.Schedule} {row.Actor} {row.CreatedAt:O} {JsonSerializer.Serialize(row.Standing, ContractsJson.Default.BackfillStanding)}";

    private void CheckEvent(StreamId stream, IReadOnlyList<JournalEvent> events)
    {
        if (store.WakeOf(stream) is { } wake) Complain(stream, $"nothing is left to do, and its wake row is {wake}");
        if (events.Count == 0 || stream.Kind == StreamKind.Trigger) return;
        var entity = new EventEntity(stream);
        entity.Replay(events, long.MaxValue);
        var (replayed, row) = ((EventRow)entity.CurrentRow!, store.Rows.Events[(stream.Namespace, stream.Name)]);
        if (Text(replayed) != Text(row)) Complain(stream, $"replay gives {Text(replayed)}, the row says {Text(row)}");
    }

    private static string Text(EventRow row) => $"{row.Origin} {row.Payload} {row.Key} {row.Actor} {row.At:O} {JsonSerializer.Serialize(row.Outcomes, ContractsJson.Default.IReadOnlyListTriggerOutcome)}";

    private void CheckSchedule(StreamId stream, IReadOnlyList<JournalEvent> events)
    {
        if (events.Count == 0) return;
        var schedule = new ScheduleEntity(stream);
        schedule.Replay(events, long.MaxValue);
        var (replayed, row) = ((ScheduleRow)schedule.CurrentRow!, store.Rows.Schedules[stream]);
        var (one, other) = (Text(replayed), Text(row));
        if (one != other) Complain(stream, $"replay gives {one}, the row says {other}");
        if (row.Standing is { ActiveCount: > 0 } standing) Complain(stream, $"all has ended, and by its row runs {string.Join(", ", standing.Active)} go on");
        if (row.Standing is { Waiting: > 0, Pause: null }) Complain(stream, $"all has ended, and {row.Standing.Waiting} of its times still wait");
    }

    private static string Text(ScheduleRow row) => $"{row.Due:O} {(row.Standing is { } standing ? JsonSerializer.Serialize(standing, ContractsJson.Default.ScheduleStanding) : "removed")}";

    private void CheckRun(StreamId stream, IReadOnlyList<JournalEvent> events)
    {
        var run = new RunEntity(stream, Context(stream.RunId!));
        run.Replay(events, long.MaxValue);
        var row = store.Rows.Runs[(stream.Namespace, stream.Name)];
        if (run.Status != row.Status) Complain(stream, $"replay gives {run.Status}, the row says {row.Status}");
        if (store.WakeOf(stream) is { } wake && history.Runs[stream.Name].Ended is not null) Complain(stream, $"nothing is left to do, and its wake row is {wake}");
    }

    private void CheckStep(StreamId stream, IReadOnlyList<JournalEvent> events)
    {
        var step = new StepEntity(stream, Context(stream.RunId!), TimeSpan.FromMinutes(1));
        step.Replay(events, long.MaxValue);
        var row = store.Rows.Steps.GetValueOrDefault((stream.Namespace, stream.RunId!, stream.StepKey));
        if (row is null)
        {
            Complain(stream, "it has events and no row");
            return;
        }
        if (step.Running != row.Running) Complain(stream, $"replay gives {step.Running} running tasks, the row says {row.Running}");
        if (step.Running == 0 && store.Rows.Grants.TryGetValue((stream.Namespace, stream.RunId!, stream.StepKey), out var grants) && grants.Count > 0)
            Complain(stream, $"nothing of it runs, and the rows of its grants {string.Join(", ", grants)} are still there");
        if (!store.Rows.Tasks.TryGetValue((stream.Namespace, stream.RunId!, stream.StepKey), out var tasks)) return;
        var counts = (Succeeded: 0, Failed: 0);
        foreach (var task in tasks.Values)
        {
            var replayed = step.Explain(task.Split, now).State;
            var live = task.Status switch
            {
                TaskStatus.Succeeded or TaskStatus.Caught or TaskStatus.Skipped => "succeeded",
                TaskStatus.Running => "running",
                TaskStatus.Backoff => "backoff",
                TaskStatus.Failed => "failed",
                TaskStatus.Cancelled => "cancelled",
                _ => "waiting",
            };
            counts = (counts.Succeeded + (live == "succeeded" ? 1 : 0), counts.Failed + (live == "failed" ? 1 : 0));
            // A task that waited when its step was cancelled keeps its row: cancelling a million waiting tasks writes one row.
            if (replayed != live && !(replayed == "cancelled" && live is "backoff" or "waiting")) Complain(stream, $"replay gives {replayed} for split {task.Split}, the row says {live}");
            var attempt = store.Rows.Attempts.Values.Where(a => a.Run == stream.RunId && a.Key == stream.StepKey && a.Split == task.Split && a.Status == AttemptStatus.Running).ToList();
            if (attempt.Count > (live == "running" ? 1 : 0)) Complain(stream, $"split {task.Split} is {live}, and {attempt.Count} attempts of it run by their rows");
        }
        if (counts != (row.Succeeded, row.Failed)) Complain(stream, $"its task rows count {counts}, its own row ({row.Succeeded}, {row.Failed})");
    }

    private RunContext Context(string run)
    {
        if (_contexts.TryGetValue(run, out var context)) return context;
        var life = history.Runs[run];
        return _contexts[run] = new RunContext(FlowGraph.Compile(life.Spec, out _)!, life.Started!.Deployment, life.Started.Parameters, null);
    }

    private void Complain(StreamId stream, string what) => _violations.Add(new Violation(stream.RunId, long.MaxValue, $"{stream}: {what}"));
}
