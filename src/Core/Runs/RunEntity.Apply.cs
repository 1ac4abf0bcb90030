using Fanfare.Contracts;

namespace Fanfare.Core;

public sealed partial class RunEntity
{
    protected override void Apply(JournalEvent entry)
    {
        switch (entry.Event)
        {
            case RunStarted e:
                _started = e;
                _actor = entry.Actor;
                _createdAt = _timedFrom = entry.At;
                _status = RunStatus.Running;
                _info = new RunInfo(Id.Name, e.Flow, e.Deployment, e.Priority, Generation: 0);
                var start = new StepKey(_context.Graph.Start.Name, SplitPath.Empty, new SplitPath(0));
                _steps.Add(start);
                OpenAlone(start);
                WatchForLateness();
                break;
            case StepsAnnounced e:
                foreach (var step in e.Steps) Announced(step, e.Halted is true);
                break;
            case StepReported e:
                // A report that crossed a further cancel on its way does not speak of that one.
                if (e.Cancels < _cancels.GetValueOrDefault(e.Step)) break;
                _awaited.Remove(e.Step);
                if (_handler == e.Step) _handler = null;
                break;
            case StepPauseReported e:
                if (e.Pauses >= _pauses.GetValueOrDefault(e.Step)) _pausing.Remove(e.Step);
                break;
            case RunFailureSeen e:
                if (_handler == e.Step)
                {
                    // A failing handler does not hide why the run failed; but a run whose finally failed has not succeeded.
                    _handler = null;
                    if (_outcome == RunStatus.Succeeded) (_outcome, _error) = (RunStatus.Failed, About(e));
                }
                else if (_status is RunStatus.Running or RunStatus.Paused)
                {
                    Stop(RunStatus.Failing, RunStatus.Failed, About(e));
                }
                break;
            case RunEndReached e:
                if (_handler == e.Step)
                {
                    _handler = null;
                    break;
                }
                _endReached = true;
                if (_status is RunStatus.Running or RunStatus.Paused) Finish();
                break;
            case RunScopeCancelled e:
                _cancelledScopes.Add(e);
                foreach (var step in _steps) CancelIfCovered(e, step);
                break;
            case RunPaused:
                _status = RunStatus.Paused;
                foreach (var step in _steps) Pause(step);
                break;
            case RunResumed:
                _status = RunStatus.Running;
                _pausing.Clear();
                foreach (var step in _steps) Send(Stream(step), new ResumeStep(_info!));
                break;
            case RunCancelRequested e:
                if (_handler is { } handler)
                {
                    _skipHandlers = true;
                    Cancel(handler, null);
                    break;
                }
                // A run that already fails or finishes keeps what it came to; the cancel only spares its handlers.
                if (_status is RunStatus.Running or RunStatus.Paused) Stop(RunStatus.Cancelling, RunStatus.Cancelled, new TaskError("cancelled", e.Reason));
                else _skipHandlers = true;
                break;
            case RunTimedOut:
                Stop(RunStatus.Failing, RunStatus.Failed, new TaskError("run_timeout", $"The run took longer than its timeout of {_context.Graph.Spec.Timeout!.Value.TotalSeconds:0.###} s."));
                break;
            case RunHandlerStarted e:
                _handler = e.Step;
                _handlersStarted.Add(e.Step.Step);
                OpenAlone(e.Step);
                break;
            case RunEnded e:
                (_status, _error, _endedAt) = (e.Status, e.Error, entry.At);
                if (Starter is { } starter && _info!.Generation == 0) Send(starter, new ReportRun(Id.Name, e.Status));
                if (e.Announced is true) Send(StreamId.Event(Id.Namespace, RunIds.OfEnd(Id.Namespace, Id.Name, _info!.Generation)), new AnnounceEnd(_info.Flow, RunPayload.OfEnd((RunRow)CurrentRow!)));
                TellOfEnd();
                break;
            case RunRetried e:
                ApplyRetried(e, entry.At);
                break;
            default:
                throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a run.");
        }
        _rowDue = entry.Event is not (StepsAnnounced or StepReported or StepPauseReported or RunScopeCancelled) || _rowDue;
    }

    public override Row? CurrentRow => _started is null ? null : new RunRow(
        Id.Namespace, Id.Name, _started.Flow, _started.Deployment, _status, _started.Parameters, _started.Tags, _started.Priority,
        _started.IdempotencyKey, _actor, _info!.Generation, _createdAt, _endedAt, _error);

    protected override void Project(JournalEvent entry, List<Row> rows)
    {
    }

    protected override void CollectRows(List<Row> rows)
    {
        if (!_rowDue || CurrentRow is not { } row) return;
        _rowDue = false;
        rows.Add(row);
    }

    // Of whom its flow says that they are told. A run that is retried ends again, and is told of again; but it is late only once.
    private void TellOfEnd()
    {
        var (flow, generation) = (_info!.Flow, _info.Generation);
        var rules = _context.Graph.Spec.Notify;
        if (generation == 0)
            foreach (var (place, _) in NoticePolicy.For(rules, NoticeKind.Late)) Send(NoticeOf(place, NoticeKind.Late), new EndWatch());
        var kind = NoticePolicy.KindOf(_status);
        foreach (var (place, rule) in NoticePolicy.For(rules, kind))
            Send(NoticeOf(place, kind), new RaiseNotice(new NoticeContent(flow, Id.Name, null, kind, RunPayload.OfEnd((RunRow)CurrentRow!), rule.To, rule.Title, rule.Text)));
    }

    private void WatchForLateness()
    {
        var begun = Stored(_createdAt);
        foreach (var (place, rule) in NoticePolicy.For(_context.Graph.Spec.Notify, NoticeKind.Late))
        {
            // What is made up for on purpose is not late for its interval.
            var due = _started!.Cause is { Backfill: null, Interval: { } interval } ? interval.End : begun;
            var content = new NoticeContent(_info!.Flow, Id.Name, _started.Cause?.Schedule, NoticeKind.Late, RunPayload.OfBegin((RunRow)CurrentRow!), rule.To, rule.Title, rule.Text);
            Send(NoticeOf(place, NoticeKind.Late), new WatchRun(content, begun, due + rule.Within!.Value));
        }
    }

    private StreamId NoticeOf(int place, NoticeKind kind) => StreamId.Notice(Id.Namespace, RunIds.OfNotice(Id, _info!.Generation, place, kind));

    private void Announced(StepKey step, bool halted)
    {
        if (!_steps.Add(step))
        {
            // Known by another sender; but this one, halted, may have been the first to open it.
            if (halted && _status == RunStatus.Running) Send(Stream(step), new ResumeStep(_info!));
            return;
        }
        // Opened before the retry, perhaps, and only heard of now; one that is new ignores it.
        if (_retry is { } retry) Send(Stream(step), retry);
        if (_status is RunStatus.Failing or RunStatus.Cancelling || (_status is RunStatus.Finishing && _mayLeaveTasks)) Cancel(step, null);
        else if (_status == RunStatus.Paused) Pause(step);
        else if (halted && _status == RunStatus.Running) Send(Stream(step), new ResumeStep(_info!));
        foreach (var scope in _cancelledScopes) CancelIfCovered(scope, step);
    }

    private void Pause(StepKey step)
    {
        _pausing.Add(step);
        _pauses[step] = _pauses.GetValueOrDefault(step) + 1;
        Send(Stream(step), new PauseStep(_info!));
    }

    private void Stop(RunStatus status, RunStatus outcome, TaskError error)
    {
        (_status, _outcome, _error) = (status, outcome, error);
        foreach (var step in _steps) Cancel(step, null);
    }

    // What a join left behind (it needs not all members, or tolerates failures) may still run, or be run by an operator.
    private void Finish()
    {
        (_status, _outcome, _error) = (RunStatus.Finishing, RunStatus.Succeeded, null);
        if (!_mayLeaveTasks) return;
        foreach (var step in _steps) Cancel(step, null);
    }

    private void CancelIfCovered(RunScopeCancelled scope, StepKey step)
    {
        if (Routes.Covers(_context.Graph, scope.Opener, scope.Split, step, out var only)) Cancel(step, only);
    }

    private void Cancel(StepKey step, int? split)
    {
        _awaited.Add(step);
        _cancels[step] = _cancels.GetValueOrDefault(step) + 1;
        Send(Stream(step), new CancelStep(_info!, split));
    }

    private void ApplyRetried(RunRetried e, DateTimeOffset at)
    {
        var reset = e.FromStep is { } from ? Downstream(from) : [];
        _info = _info!.Retried(e.Generation, reset);
        (_status, _error, _endedAt, _timedFrom, _skipHandlers, _handler) = (RunStatus.Running, null, null, at, false, null);
        _handlersStarted.Clear();
        if (e.FromStep is null && _endReached)
        {
            // All of the graph is done; what failed was a handler, or an end that came too late. Only the handlers are left to run again.
            (_status, _outcome, _retry) = (RunStatus.Finishing, RunStatus.Succeeded, null);
            return;
        }
        _endReached = false;
        _cancelledScopes.Clear();
        _retry = new RetryStep(_info, reset);
        foreach (var step in _steps) Send(Stream(step), _retry);
    }

    // The step and all that may come after it, in the order of the spec.
    private List<string> Downstream(string from)
    {
        var reached = new HashSet<string> { from };
        bool grew;
        do
        {
            grew = false;
            foreach (var node in _context.Graph.Nodes)
                if (node.Predecessors.Any(reached.Contains)) grew |= reached.Add(node.Name);
        }
        while (grew);
        return [.. _context.Graph.Nodes.Select(n => n.Name).Where(reached.Contains)];
    }

    // A step with one task and no predecessor: the start, and handlers. It is its own source.
    private void OpenAlone(StepKey step) => Send(Stream(step), new ArriveSplits(_info!, step, SplitRanges.One(0), 0));

    private TaskError About(RunFailureSeen e)
    {
        var name = TaskRef.NameOf(e.Step, e.Split, _context.Graph[e.Step.Step].InForeach);
        return e.Error with { Message = $"{name}: {e.Error.Message}" };
    }

    private StreamId Stream(StepKey step) => StreamId.Step(Id.Namespace, Id.Name, step);
}
