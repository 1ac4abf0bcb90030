using Fanfare.Contracts;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Core;

public sealed partial class StepEntity
{
    private TaskLease? _leaseBefore;
    private int[] _failedBefore = [], _heldBefore = [];
    private readonly HashSet<TaskGrant> _changedGrants = [];
    private bool _rowsDue;

    public override Row? CurrentRow
    {
        get
        {
            if (_run is null) return null;
            var status = Status();
            return new StepRow(Id.Namespace, _run.Run, Key, status, _node.InForeach, Arrived, _leased.Count, _backoff.Count,
                _succeeded.Count, _failed.Count, _cancelled.Count, _openedAt, status is StepStatus.Open or StepStatus.Paused ? null : _changedAt);
        }
    }

    protected override void BeforeApply(JournalEvent entry)
    {
        _leaseBefore = LeaseEndedBy(entry.Event);
        _failedBefore = entry.Event is StepRetried ? [.. _failed.Keys] : [];
        _heldBefore = entry.Event is TaskFailed or TaskLost ? [.. _held.Keys] : [];
    }

    private TaskLease? LeaseEndedBy(Event ending) => ending switch
    {
        TaskSucceeded e => _leased.GetValueOrDefault(e.Split),
        TaskFailed e => _leased.GetValueOrDefault(e.Split),
        TaskLost e => _leased.GetValueOrDefault(e.Split),
        TaskCancelled e => _leased.GetValueOrDefault(e.Split),
        _ => null,
    };

    protected override void Project(JournalEvent entry, List<Row> rows)
    {
        _rowsDue = true;
        if (_leaseBefore?.Grant is { Running: 0 } ended) _changedGrants.Add(ended);
        switch (entry.Event)
        {
            case TaskLeased e when _leased[e.Split].Grant is { } grant:
                _changedGrants.Add(grant);
                break;
            case TaskLeased e:
                rows.Add(TaskRow(e.Split, TaskStatus.Running, e.Attempt, e.Worker, entry.At));
                rows.Add(new AttemptRow(Id.Namespace, _run!.Run, Key, e.Split, e.Attempt, AttemptStatus.Running, e.Worker, e.Token, entry.At, null, null, null));
                break;
            case TaskSucceeded e when e.Caught is null && _leaseBefore is { Grant: not null } lease:
                rows.Add(TaskRow(e.Split, TaskStatus.Succeeded, e.Attempt, lease.Worker, lease.LeasedAt, e.StartedAt, e.EndedAt, null, e.Output, e.Artifacts) with { Token = lease.Token });
                break;
            case TaskSucceeded e:
                rows.Add(TaskRow(e.Split, e.Caught is null ? TaskStatus.Succeeded : TaskStatus.Caught, e.Attempt, _leaseBefore?.Worker,
                    _leaseBefore?.LeasedAt, e.StartedAt, e.EndedAt, e.Caught, e.Output, e.Artifacts));
                AddAttempt(rows, e.Split, e.Caught is null ? AttemptStatus.Succeeded : AttemptStatus.Failed, e.StartedAt, e.EndedAt, e.Caught);
                break;
            case TaskFailed e:
                rows.Add(TaskRow(e.Split, e.RetryAt is null ? TaskStatus.Failed : TaskStatus.Backoff, Math.Max(0, e.Attempt), _leaseBefore?.Worker,
                    _leaseBefore?.LeasedAt, e.StartedAt, e.EndedAt, e.Error));
                AddAttempt(rows, e.Split, AttemptStatus.Failed, e.StartedAt, e.EndedAt, e.Error);
                AddSentBack(rows);
                break;
            case TaskLost e:
                var lost = new TaskError("lost", $"The attempt was lost: {e.Reason}.");
                rows.Add(TaskRow(e.Split, TaskStatus.Backoff, e.Attempt, _leaseBefore?.Worker, _leaseBefore?.LeasedAt, null, entry.At, lost));
                AddAttempt(rows, e.Split, AttemptStatus.Lost, null, entry.At, lost);
                AddSentBack(rows);
                break;
            case TaskCancelled e:
                rows.Add(TaskRow(e.Split, TaskStatus.Cancelled, e.Attempt, _leaseBefore?.Worker, _leaseBefore?.LeasedAt, null, entry.At));
                AddAttempt(rows, e.Split, AttemptStatus.Cancelled, null, entry.At, null);
                break;
            case TaskSkipped e:
                rows.Add(TaskRow(e.Split, TaskStatus.Skipped, _budgets.GetValueOrDefault(e.Split).NextAttempt, null, null, null, entry.At, null, e.Output));
                break;
            case TaskRetried e:
                rows.Add(SentBack(e.Split));
                break;
            case StepRetried e:
                // Rows of tasks that start over would otherwise show an outcome that no longer stands.
                foreach (var split in _retries.Concat(_failedBefore).Concat(e.Reset.Contains(_node.Name) ? _budgets.Keys : []).Distinct())
                    rows.Add(SentBack(split));
                break;
        }
    }

    protected override void CollectRows(List<Row> rows)
    {
        if (!_rowsDue || CurrentRow is not { } row) return;
        _rowsDue = false;
        // After the tasks' rows: a grant says nothing of a task that has one.
        foreach (var grant in _changedGrants) rows.Add(grant.Row(Id));
        _changedGrants.Clear();
        rows.Add(row);
    }

    private StepStatus Status()
    {
        if (_leased.Count > 0 || _backoff.Count > 0) return StepStatus.Open;
        if (_ready.Count + _retries.Count > 0) return _paused ? StepStatus.Paused : StepStatus.Open;
        if (_failed.Count > 0) return StepStatus.Failed;
        if (_cancelled.Count > 0 || (_cancelling && _succeeded.Count == 0)) return StepStatus.Cancelled;
        return _succeeded.Count > 0 ? StepStatus.Succeeded : StepStatus.Open;
    }

    private TaskRow TaskRow(
        int split, TaskStatus status, int attempt, string? worker, DateTimeOffset? leasedAt = null, DateTimeOffset? startedAt = null,
        DateTimeOffset? endedAt = null, TaskError? error = null, string? output = null, IReadOnlyList<Artifact>? artifacts = null) =>
        new(Id.Namespace, _run!.Run, Key, split, status, attempt, worker, leasedAt, startedAt, endedAt, error, output, artifacts);

    // With the number of its last attempt, whose log is what there is to see until the next one starts.
    private TaskRow SentBack(int split) => TaskRow(split, TaskStatus.Waiting, _budgets.GetValueOrDefault(split).NextAttempt - 1, null);

    // Of a gang that starts again: those that were done before.
    private void AddSentBack(List<Row> rows)
    {
        foreach (var split in _heldBefore)
            if (!_held.ContainsKey(split)) rows.Add(SentBack(split));
    }

    private void AddAttempt(List<Row> rows, int split, AttemptStatus status, DateTimeOffset? started, DateTimeOffset ended, TaskError? error)
    {
        if (_leaseBefore is not { } lease) return;
        rows.Add(new AttemptRow(Id.Namespace, _run!.Run, Key, split, lease.Attempt, status, lease.Worker, lease.Token, lease.LeasedAt, started, ended, error));
    }
}
