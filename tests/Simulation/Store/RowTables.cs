using Fanfare.Contracts;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Simulation.Store;

/// <summary>The rows of the read model, each written by one stream only.</summary>
internal sealed class RowTables
{
    private readonly Dictionary<object, StreamId> _owners = [];

    public Dictionary<(string Ns, string Flow, int Version), DeploymentRow> Deployments { get; } = [];

    public Dictionary<StreamId, ScheduleRow> Schedules { get; } = [];

    public Dictionary<(string Ns, string Backfill), BackfillRow> Backfills { get; } = [];

    public Dictionary<(string Ns, string Notice), NoticeRow> Notices { get; } = [];

    public SortedDictionary<string, PoolRow> Pools { get; } = new(StringComparer.Ordinal);

    public Dictionary<(string Ns, string Flow, string Trigger), TriggerRow> Triggers { get; } = [];

    public Dictionary<(string Ns, string Event), EventRow> Events { get; } = [];

    public Dictionary<(string Ns, string Event, string Flow, string Trigger), DeadLetterRow> DeadLetters { get; } = [];

    public Dictionary<(string Ns, string Run), RunRow> Runs { get; } = [];

    public Dictionary<(string Ns, string Run, StepKey Key), StepRow> Steps { get; } = [];

    public Dictionary<(string Ns, string Run, StepKey Key), SortedDictionary<int, TaskRow>> Tasks { get; } = [];

    public Dictionary<(string Ns, string Run, StepKey Key, int Split, int Attempt), AttemptRow> Attempts { get; } = [];

    /// <summary>Those that still stand for a running task.</summary>
    public Dictionary<(string Ns, string Run, StepKey Key), HashSet<long>> Grants { get; } = [];

    public void Put(Row row, StreamId writer)
    {
        object key;
        switch (row)
        {
            case DeploymentRow d:
                Deployments[(d.Namespace, d.Flow, d.Version)] = d;
                key = (d.Namespace, d.Flow, d.Version);
                break;
            case DeletionRow d:
                for (var version = d.First; version <= d.Last; version++) Deployments[(d.Namespace, d.Flow, version)] = Deployments[(d.Namespace, d.Flow, version)] with { DeletedAt = d.DeletedAt };
                key = (d.Namespace, d.Flow, "deletion", d.First);
                break;
            case ScheduleRow c:
                Schedules[StreamId.Schedule(c.Namespace, c.Flow, c.Schedule)] = c;
                key = (c.Namespace, c.Flow, "schedule", c.Schedule);
                break;
            case NoticeRow n:
                Notices[(n.Namespace, n.Notice)] = n;
                key = (n.Namespace, "notice", n.Notice);
                break;
            case BackfillRow b:
                Backfills[(b.Namespace, b.Backfill)] = b;
                key = (b.Namespace, "backfill", b.Backfill);
                break;
            case PoolRow p:
                if (p.Standing is null) Pools.Remove(p.Pool);
                else Pools[p.Pool] = p;
                key = (p.Pool, "pool");
                break;
            case TriggerRow t:
                Triggers[(t.Namespace, t.Flow, t.Trigger)] = t;
                key = (t.Namespace, t.Flow, "trigger", t.Trigger);
                break;
            case EventRow e:
                Events[(e.Namespace, e.Event)] = e;
                key = (e.Namespace, "event", e.Event);
                break;
            case DeadLetterRow l:
                if (l.Reason is null) DeadLetters.Remove((l.Namespace, l.Event, l.Flow, l.Trigger));
                else DeadLetters[(l.Namespace, l.Event, l.Flow, l.Trigger)] = l;
                key = (l.Namespace, l.Event, l.Flow, "dead letter", l.Trigger);
                break;
            case RunRow r:
                Runs[(r.Namespace, r.Run)] = r;
                key = (r.Namespace, r.Run);
                break;
            case StepRow s:
                Steps[(s.Namespace, s.Run, s.Key)] = s;
                key = (s.Namespace, s.Run, s.Key);
                break;
            case TaskRow t:
                if (!Tasks.TryGetValue((t.Namespace, t.Run, t.Key), out var tasks)) Tasks[(t.Namespace, t.Run, t.Key)] = tasks = [];
                if (t.Token is not null && !(tasks.TryGetValue(t.Split, out var running) && running is { Status: TaskStatus.Running, Attempt: 0 }))
                    throw new InvalidOperationException($"Row {t} of {writer} has the token of a first attempt that does not run.");
                tasks[t.Split] = t with { Token = null };
                if (t.OwnAttempt is { } own) Put(own, writer);
                key = (t.Namespace, t.Run, t.Key, t.Split);
                break;
            case GrantRow g:
                PutRunning(g, writer);
                if (!Grants.TryGetValue((g.Namespace, g.Run, g.Key), out var grants)) Grants[(g.Namespace, g.Run, g.Key)] = grants = [];
                if (g.Tasks.Count > 0) grants.Add(g.Grant);
                else grants.Remove(g.Grant);
                key = (g.Namespace, g.Run, g.Key, "grant", g.Grant);
                break;
            case AttemptRow a:
                Attempts[(a.Namespace, a.Run, a.Key, a.Split, a.Attempt)] = a;
                key = (a.Namespace, a.Run, a.Key, a.Split, a.Attempt);
                break;
            default:
                throw new InvalidOperationException($"Unknown row {row}.");
        }
        if (!_owners.TryAdd(key, writer) && _owners[key] != writer)
            throw new InvalidOperationException($"Row {row} belongs to {_owners[key]} and was written by {writer}.");
    }

    private void PutRunning(GrantRow grant, StreamId writer)
    {
        foreach (var granted in grant.Tasks)
        {
            if (Tasks.TryGetValue((grant.Namespace, grant.Run, grant.Key), out var tasks) && tasks.TryGetValue(granted.Split, out var there))
            {
                // The grant's own, told again; or one that ended in the append that leased it.
                if (there.Attempt == 0 && there.Worker == grant.Worker) continue;
                throw new InvalidOperationException($"Grant {grant.Grant} of {writer} leased task {granted.Split}, which has a row already: {there}.");
            }
            var (task, attempt) = grant.Running(granted);
            Put(task, writer);
            Put(attempt, writer);
        }
    }
}
