using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Postgres.Write;

/// <summary>What one transaction writes, put into columns. Kept from batch to batch by its writer.</summary>
internal sealed class Batch
{
    private readonly NewStreams _newStreams;
    private readonly MovedHeads _heads;
    private readonly NewEvents _events;
    private readonly PutWakes _wakes;
    private readonly StreamIds _noWakes, _oldTags;
    private readonly StreamParts _sentBack, _endedGrants;
    private readonly AddTasks _newTasks;
    private readonly PutTasks _tasks;
    private readonly PutGrants _grants;
    private readonly PutAttempts _attempts;
    private readonly PutSteps _steps;
    private readonly PutRuns _runs;
    private readonly AddRunTags _tags;
    private readonly PutDeployments _deployments;
    private readonly DeleteDeployments _deletions;
    private readonly PutSchedules _schedules;
    private readonly RemoveEvents _carried;
    private readonly PutBackfills _backfills;
    private readonly PutNotices _notices;
    private readonly RemovePools _noPools;
    private readonly PutPools _pools;
    private readonly TriggerNames _oldSources, _noTriggers;
    private readonly PutTriggers _triggers;
    private readonly AddTriggerSources _sources;
    private readonly PutEvents _published;
    private readonly PutDeadLetters _dead;
    private readonly RemoveDeadLetters _settled;
    private readonly Columns[] _all, _fresh, _shared;
    private readonly HashSet<int> _seenTasks = [];
    private readonly HashSet<(int, int)> _seenAttempts = [];
    private readonly HashSet<TriggerName> _seenTriggers = [];
    private readonly HashSet<StreamEntry> _added = [];
    private readonly List<(StreamEntry Entry, bool IsAsleep)> _wakesKnown = [];
    private readonly List<(StreamEntry Entry, bool IsUntagged)> _tagsKnown = [];

    public Batch(SqlText sql)
    {
        _all =
        [
            // The heads first: nothing else is written when one of them is not where its append expects it.
            _newStreams = new(sql), _heads = new(sql), _events = new(sql), _carried = new(sql), _noWakes = new(sql["remove_wakes"]), _wakes = new(sql),
            _sentBack = new(sql["keep_attempts"]), _newTasks = new(sql), _tasks = new(sql), _endedGrants = new(sql["remove_grants"]), _grants = new(sql), _attempts = new(sql), _steps = new(sql), _oldTags = new(sql["drop_run_tags"]), _runs = new(sql), _tags = new(sql), _deployments = new(sql), _deletions = new(sql), _schedules = new(sql), _backfills = new(sql), _notices = new(sql), _noPools = new(sql), _pools = new(sql),
            _oldSources = new(sql["remove_trigger_sources"]), _noTriggers = new(sql["remove_triggers"]), _triggers = new(sql), _sources = new(sql), _published = new(sql), _settled = new(sql), _dead = new(sql),
        ];
        _fresh = [_events, _newTasks];
        _shared = [.. _all.Except(_fresh)];
    }

    /// <summary>Streams that this transaction makes; they exist once it has committed.</summary>
    public IReadOnlyCollection<StreamEntry> Added => _added;

    /// <summary>The events' first; null when there are none.</summary>
    public (long Stream, long Sequence, long Position)? FirstEvent => _events.IsEmpty ? null : _events.First;

    public void Clear()
    {
        foreach (var columns in _all) columns.Clear();
        _added.Clear();
        _wakesKnown.Clear();
        _tagsKnown.Clear();
    }

    /// <summary>It is in the journal: what its streams have now need not be asked.</summary>
    public void Settle()
    {
        foreach (var (entry, isAsleep) in _wakesKnown) entry.IsAsleep = isAsleep;
        foreach (var (entry, isUntagged) in _tagsKnown) entry.IsUntagged = isUntagged;
    }

    /// <summary>Whether another batch with the same streams is under way: what they will have after it is not known.</summary>
    public bool IsBehind { get; set; }

    /// <summary>Adds the statements that have something to write.</summary>
    public void AddTo(NpgsqlBatch batch) => Add(_all, batch);

    /// <summary>Adds those that write rows which no other batch has: they wait for nothing, and nothing waits for them.</summary>
    public void AddFreshTo(NpgsqlBatch batch) => Add(_fresh, batch);

    /// <summary>Adds the others.</summary>
    public void AddSharedTo(NpgsqlBatch batch) => Add(_shared, batch);

    private static void Add(Columns[] some, NpgsqlBatch batch)
    {
        foreach (var columns in some) columns.AddTo(batch);
    }

    /// <summary>Makes the row of a stream that is not there yet; its head starts at <paramref name="head"/>.</summary>
    public void AddStream(StreamEntry entry, StreamId stream, long head, long epoch)
    {
        _added.Add(entry);
        _newStreams.Add(entry, stream, head, epoch);
    }

    /// <param name="position">Of its first event.</param>
    public void Add(StreamEntry entry, StreamAppend pending, long position)
    {
        var append = pending.Append;
        if (entry.Exists || _added.Contains(entry)) _heads.Add(entry.Id, append);
        else AddStream(entry, append.Stream, append.Events.Count, append.Epoch);
        var count = 0;
        foreach (var frame in pending.Frames)
        {
            count += frame.Count;
            _events.Add(position + count - 1, entry, append.Events[count - 1], frame);
        }
        AddWake(entry, append.Wake);
        AddRows(entry, append.Rows);
    }

    public void Add(StreamEntry entry, StreamAcknowledge acknowledge)
    {
        if (acknowledge.Carried is { } carried) _carried.Add(entry, carried);
        AddWake(entry, acknowledge.Wake);
    }

    public void AddWake(StreamEntry entry, Wake? wake)
    {
        _wakesKnown.Add((entry, wake is null));
        if (wake is not null) _wakes.Add(entry.Id, wake);
        else if ((IsBehind || !entry.IsAsleep) && !_added.Contains(entry)) _noWakes.Add(entry.Id);
    }

    // From the last to the first: a row that comes twice counts as it was last, and one statement must not write it twice.
    private void AddRows(StreamEntry entry, IReadOnlyList<Row> rows)
    {
        _seenTasks.Clear();
        _seenAttempts.Clear();
        _seenTriggers.Clear();
        var (seenOwn, seenVersions) = (false, rows.Count > 0 && rows[0] is DeploymentRow or DeletionRow ? new HashSet<int>() : null);
        for (var i = rows.Count - 1; i >= 0; i--)
        {
            switch (rows[i])
            {
                case TaskRow task:
                    AddTask(entry, task);
                    break;
                case GrantRow { Tasks.Count: 0 } ended:
                    _endedGrants.Add(entry.Id, ended.Grant);
                    break;
                case GrantRow grant:
                    _grants.Add(entry, grant);
                    break;
                case AttemptRow attempt:
                    AddAttempt(entry, attempt);
                    break;
                case StepRow step:
                    if (!seenOwn) _steps.Add(entry, step);
                    seenOwn = true;
                    break;
                case RunRow run:
                    if (!seenOwn) AddRun(entry, run);
                    seenOwn = true;
                    break;
                case DeploymentRow deployment:
                    if (seenVersions!.Add(deployment.Version)) _deployments.Add(entry, deployment);
                    break;
                case ScheduleRow schedule:
                    if (!seenOwn) _schedules.Add(entry, schedule);
                    seenOwn = true;
                    break;
                case NoticeRow notice:
                    if (!seenOwn) _notices.Add(entry, notice);
                    seenOwn = true;
                    break;
                case BackfillRow backfill:
                    if (!seenOwn) _backfills.Add(entry, backfill);
                    seenOwn = true;
                    break;
                case PoolRow pool:
                    if (!seenOwn) AddPool(pool);
                    seenOwn = true;
                    break;
                case TriggerRow trigger:
                    if (_seenTriggers.Add(new TriggerName(trigger.Flow, trigger.Trigger))) AddTrigger(trigger);
                    break;
                case EventRow published:
                    if (!seenOwn) _published.Add(entry, published);
                    seenOwn = true;
                    break;
                case DeadLetterRow dead:
                    if (!_seenTriggers.Add(new TriggerName(dead.Flow, dead.Trigger))) break;
                    if (dead.Reason is { } reason) _dead.Add(dead, reason);
                    else _settled.Add(dead);
                    break;
                // It may be of deployments that are new in this batch, whose statement comes first. What two deletions take away are never the same.
                case DeletionRow deletion:
                    _deletions.Add(deletion);
                    break;
                default:
                    throw new InvalidOperationException($"A row of type {rows[i].GetType().Name} has no table.");
            }
        }
    }

    private void AddPool(PoolRow pool)
    {
        if (pool.Standing is { } standing) _pools.Add(pool, standing);
        else _noPools.Add(pool);
    }

    private void AddTrigger(TriggerRow trigger)
    {
        _oldSources.Add(trigger);
        if (trigger.Standing is not { } standing)
        {
            _noTriggers.Add(trigger);
            return;
        }
        _triggers.Add(trigger, standing);
        _sources.Add(trigger, standing);
    }

    private void AddTask(StreamEntry entry, TaskRow task)
    {
        if (!_seenTasks.Add(task.Split))
        {
            if (task.OwnAttempt is { } own) AddAttempt(entry, own);
        }
        else if (task.Token is null)
        {
            _tasks.Add(entry, task);
        }
        else
        {
            _newTasks.Add(entry, task);
        }
        if (task.Status == TaskStatus.Waiting) _sentBack.Add(entry.Id, task.Split);
    }

    private void AddAttempt(StreamEntry entry, AttemptRow attempt)
    {
        if (_seenAttempts.Add((attempt.Split, attempt.Attempt))) _attempts.Add(entry, attempt);
    }

    private void AddRun(StreamEntry entry, RunRow run)
    {
        _tagsKnown.Add((entry, run.Tags.Count == 0));
        if ((IsBehind || !entry.IsUntagged) && !_added.Contains(entry)) _oldTags.Add(entry.Id);
        _runs.Add(entry, run);
        _tags.Add(entry, run);
    }
}
