using System.Diagnostics.CodeAnalysis;
using Fanfare.Contracts;

namespace Fanfare.Core;

public sealed partial class StepEntity
{
    protected override void Apply(JournalEvent entry)
    {
        _changedAt = entry.At;
        switch (entry.Event)
        {
            case StepOpened e:
                _run = e.Run with { Halted = null };
                _paused = e.Run.Halted is true;
                _openedAt = entry.At;
                break;
            case SplitsArrived e:
                _items = e.Items ?? _items;
                Arrivals.To(_arrivals, e.Source).Add(e.Splits, e.OutputBytes);
                foreach (var (start, end) in e.Splits.Ranges) MakeReady(start, end);
                break;
            case ForeachOpened e:
                _foreach = e;
                _items = e.Items;
                MakeReady(0, e.Count);
                break;
            case MembersExpected e:
                _items = e.Items ?? _items;
                JoinOf(e.Split).Expect(e.Count, e.Opener.Step);
                TryJoin(e.Split);
                break;
            case MembersArrived e:
                _items = e.Items ?? _items;
                JoinOf(e.Split).Arrive(e);
                TryJoin(e.Split);
                break;
            case TaskLeased e:
                var grant = GrantOf(e, entry);
                _ready.Remove(e.Split);
                _retries.Remove(e.Split);
                _backoff.Remove(e.Split);
                if (e.Split == 0) _firstWorker = e.Worker;
                _leased[e.Split] = new TaskLease
                {
                    Attempt = e.Attempt,
                    Token = e.Token,
                    Worker = e.Worker,
                    Boot = e.Boot,
                    LeasedAt = entry.At,
                    Grant = grant,
                };
                break;
            case TaskSucceeded e:
                EndLease(e.Split, e.Attempt, succeeded: true);
                _succeeded.Add(e.Split);
                RouteSuccess(e.Split, e.Output, e.Chosen, e.Items, e.Count, e.Artifacts?.Count ?? 0);
                break;
            case TaskSkipped e:
                Forget(e.Split);
                _succeeded.Add(e.Split);
                RouteSuccess(e.Split, e.Output, e.Chosen, e.Items, e.Count, artifacts: 0);
                break;
            case TaskFailed e:
                EndLease(e.Split, e.Attempt, failed: true);
                if (e.RetryAt is { } retryAt)
                {
                    Delay(e.Split, retryAt);
                    RestartGang();
                    break;
                }
                if (_joins.TryGetValue(e.Split, out var broken)) broken.Decided = true;
                _failed[e.Split] = e.Error;
                RouteFailure(e.Split, e.Error);
                break;
            case TaskLost e:
                EndLease(e.Split, e.Attempt, lost: !IsEndedWithGang(e.Split));
                Delay(e.Split, e.RetryAt ?? entry.At);
                RestartGang();
                break;
            case TaskCancelled e:
                EndLease(e.Split, e.Attempt);
                _cancelled.Add(e.Split);
                break;
            case TaskKillRequested e:
                if (_leased.TryGetValue(e.Split, out var killed)) killed.End = LeaseEnd.Kill;
                break;
            case TaskRetried e:
                Forget(e.Split);
                FreshBudgets(e.Split);
                SendBack(e.Split);
                break;
            case StepPaused e:
                _paused = true;
                _pauses++;
                if (e.Reports is true) Send(RunStream, new ReportPaused(Key, _pauses));
                break;
            case StepResumed:
                _paused = false;
                break;
            case StepCancelled e:
                _cancels++;
                if (e.Split is { } only) CancelSplit(only);
                else CancelAll();
                break;
            case StepRetried e:
                ApplyRetried(e);
                break;
            case ResultRefused:
                break;
            default:
                throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a step.");
        }
        ReportIfCancelled();
    }

    private void MakeReady(int start, int end)
    {
        if (_cancelling)
        {
            // Kept, so that a retry of the run finds them.
            _cancelled.AddRange(start, end);
            return;
        }
        if (_cancelledSplits.Count == 0)
        {
            _ready.AddRange(start, end);
            return;
        }
        for (var split = start; split < end; split++)
            (_cancelledSplits.Contains(split) ? _cancelled : _ready).Add(split);
    }

    private JoinProgress JoinOf(int split)
    {
        if (_joins.TryGetValue(split, out var join)) return join;
        join = new JoinProgress();
        if (_node.Joins == FrameKind.Branch) join.Expect(_node.JoinBranches, opener: null);
        return _joins[split] = join;
    }

    private void TryJoin(int split)
    {
        var join = _joins[split];
        if (join.Verdict(_node.Spec.Join ?? JoinSpec.All) != JoinVerdict.Fire) return;
        join.Decided = true;
        // A broken join whose members were retried since can be met after all.
        _failed.Remove(split);
        MakeReady(split, split + 1);
        if (_node.Spec.Join is { Kind: JoinKind.Any } && join.Succeeded.Count < join.Expected) CancelRest(split);
    }

    // A first lease is told of by its grant's row. What one command leased is one grant; that replay must see too.
    private TaskGrant? GrantOf(TaskLeased leased, JournalEvent entry)
    {
        if (_budgets.ContainsKey(leased.Split)) return null;
        if (_lastGrant?.IsOf(leased.Worker, entry.At, entry.Sequence) is not true) _lastGrant = new TaskGrant(entry.Sequence, leased.Worker, entry.At);
        _lastGrant.Add(new GrantedTask(leased.Split, leased.Token));
        return _lastGrant;
    }

    private bool RemoveLease(int split, [NotNullWhen(true)] out TaskLease? lease)
    {
        if (!_leased.Remove(split, out lease)) return false;
        lease.Grant?.End();
        return true;
    }

    private void EndLease(int split, int attempt, bool succeeded = false, bool failed = false, bool lost = false)
    {
        RemoveLease(split, out _);
        var budget = _budgets.GetValueOrDefault(split);
        budget = new TaskBudget(Math.Max(budget.NextAttempt, attempt + 1), budget.Failures + (failed ? 1 : 0), budget.Losses + (lost ? 1 : 0), lost);
        // A task that succeeded at its first attempt needs no entry: that is what a missing one means.
        if (succeeded && budget.NextAttempt <= 1) _budgets.Remove(split);
        else if (attempt >= 0) _budgets[split] = budget;
        else _budgets.TryAdd(split, default);
    }

    private void Delay(int split, DateTimeOffset due)
    {
        if (_cancelling || _cancelledSplits.Contains(split)) _cancelled.Add(split);
        else _backoff[split] = due;
        if (due < _nextBackoff) _nextBackoff = due;
    }

    private void Forget(int split)
    {
        if (RemoveLease(split, out var lease)) KeepAttempt(split, lease.Attempt + 1);
        else if (_succeeded.Contains(split)) KeepAttempt(split, 1);
        _ready.Remove(split);
        _retries.Remove(split);
        _backoff.Remove(split);
        _failed.Remove(split);
        _cancelled.Remove(split);
        _succeeded.Remove(split);
    }

    private void KeepAttempt(int split, int next)
    {
        var budget = _budgets.GetValueOrDefault(split);
        _budgets[split] = budget with { NextAttempt = Math.Max(budget.NextAttempt, next), WasLost = false };
    }

    // It has a row from now on, that of a task that was sent back.
    private void SendBack(int split)
    {
        _budgets.TryAdd(split, default);
        _retries.Add(split);
    }

    private void FreshBudgets(int split)
    {
        if (_budgets.TryGetValue(split, out var spent)) _budgets[split] = spent with { Failures = 0, Losses = 0, WasLost = false };
    }

    private void CancelSplit(int split)
    {
        _cancelledSplits.Add(split);
        if (_leased.TryGetValue(split, out var lease)) lease.End = LeaseEnd.Cancel;
        if (_ready.Remove(split) | _retries.Remove(split) | _backoff.Remove(split)) _cancelled.Add(split);
        _cancelReported = false;
    }

    private void CancelAll()
    {
        _cancelling = true;
        _cancelReported = false;
        foreach (var lease in _leased.Values) lease.End = LeaseEnd.Cancel;
        _cancelled.AddAll(_ready);
        foreach (var split in _retries) _cancelled.Add(split);
        foreach (var split in _backoff.Keys) _cancelled.Add(split);
        _ready.Clear();
        _retries.Clear();
        _backoff.Clear();
    }

    private void ApplyRetried(StepRetried e)
    {
        _run = _run!.Retried(e.Generation, e.Reset);
        _cancelling = false;
        _paused = false;
        _cancelReported = true;
        _cancelledSplits.Clear();
        var held = TakeHeld();
        foreach (var split in _failed.Keys.Concat(_cancelled.Splits()).Concat(held).ToArray())
        {
            // A join that was broken waits for its members again; it has no attempt of its own to repeat. So it does when one of those that failed was
            // skipped since, and the policy could be met again.
            var waits = _joins.TryGetValue(split, out var join) && join.Decided && !join.IsMet(_node.Spec.Join ?? JoinSpec.All);
            Forget(split);
            FreshBudgets(split);
            if (waits) join!.Decided = false;
            else SendBack(split);
        }
        foreach (var join in _joins.Values) join.ForgetFailures();
        if (e.Reset.Contains(_node.Name)) Reset(e.Reset);
    }

    // Tasks fed from a step that is reset too are forgotten: their inputs will come again. The others start over.
    private void Reset(IReadOnlyList<string> reset)
    {
        var all = new SplitSet();
        all.AddAll(_ready);
        foreach (var split in _retries) all.Add(split);
        all.AddAll(_succeeded);
        foreach (var split in all.Splits().ToArray())
        {
            Forget(split);
            FreshBudgets(split);
        }
        _announced.Clear();
        if (_foreach is { } opened)
        {
            if (reset.Contains(opened.Opener.Step)) _foreach = null;
            else MakeReady(0, opened.Count);
        }
        _arrivals.RemoveAll(a => a.Source != Key && reset.Contains(a.Source.Step));
        foreach (var arrivals in _arrivals)
            foreach (var split in arrivals.Splits.Splits())
                MakeReady(split, split + 1);
        foreach (var (split, join) in _joins.ToArray())
        {
            join.Forget(reset);
            TryJoin(split);
        }
    }

    private void ReportIfCancelled()
    {
        if (_cancelReported || (!_cancelling && _cancelledSplits.Count == 0)) return;
        var live = _cancelling ? _leased.Count : _leased.Keys.Count(_cancelledSplits.Contains);
        if (live > 0 || _run is null) return;
        _cancelReported = true;
        Send(StreamId.Run(Id.Namespace, _run.Run), new ReportStep(Key, _failed.Count, _cancelled.Count, _cancels));
    }
}
