using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A backfill of a schedule: which of its data intervals have been taken up, and which of its runs go on. An interval that has had no run gets the one that the schedule would have started, under the same id; so
/// there is one, whoever starts it. One that is run again gets a run of the backfill's own.</summary>
public sealed class BackfillEntity(StreamId id) : Entity(id)
{
    private readonly List<(string Run, DataInterval Interval)> _active = [];
    private BackfillPlan? _plan;
    private ScheduleSpec? _times, _spec;
    private Timetable? _timetable;
    private int _deployment;
    private string _actor = "";
    private DateTimeOffset _createdAt;
    private SchedulePause? _pause;
    private DataInterval? _reached;
    private int _taken, _present, _succeeded, _failed, _cancelled;
    private bool _isLast, _isCancelled, _runsAreCancelled, _rowDue;
    private string? _reason;
    private DateTimeOffset? _endedAt;

    public override DateTimeOffset? DurableDue => null;

    public override Row? CurrentRow => _plan is not { } plan ? null : new BackfillRow(Id.Namespace, Id.Name, plan.Flow, plan.Schedule, _actor, _createdAt, new BackfillStanding(
        State, plan, _deployment, _pause, _reached, _taken, _present, _succeeded, _failed, _cancelled, [.. _active.Take(Limits.ListedRuns).Select(active => active.Run)], _active.Count, _reason, _endedAt));

    private BackfillState State => _isCancelled ? (_active.Count > 0 ? BackfillState.Cancelling : BackfillState.Cancelled)
        : _endedAt is not null ? BackfillState.Done
        : _pause is not null ? BackfillState.Paused
        : BackfillState.Running;

    /// <summary>Pauses, resumes or cancels it; what holds already changes nothing.</summary>
    /// <exception cref="RefusedException">There is no such backfill, or it has ended.</exception>
    public void Command(CommandBackfill command, in Moment moment)
    {
        if (_plan is null) throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no backfill '{command.Backfill}' in namespace '{command.Namespace}'.");
        switch (command.Verb)
        {
            case BackfillVerb.Pause:
                if (_endedAt is not null || _isCancelled) throw NotNow("pause");
                if (_pause is null) Emit(new BackfillPaused(command.Reason), moment);
                break;
            case BackfillVerb.Resume:
                if (_endedAt is not null || _isCancelled) throw NotNow("resume");
                if (_pause is not null) Emit(new BackfillResumed(), moment);
                break;
            case BackfillVerb.Cancel:
                if (_endedAt is not null && !_isCancelled) throw NotNow("cancel");
                if (!_isCancelled || (command.Runs && !_runsAreCancelled && _active.Count > 0)) Emit(new BackfillCancelled(command.Reason, command.Runs), moment);
                break;
            default:
                throw new InvalidOperationException($"Unknown verb {command.Verb}.");
        }
        Advance(moment);
    }

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => null;

    public override void Tick(in Moment moment)
    {
    }

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment)
    {
        foreach (var (sequence, _, message) in messages)
        {
            switch (message)
            {
                case BeginBackfill begin:
                    Emit(new BackfillStarted(begin.Plan, begin.Deployment, begin.Spec) { Sender = sender, SenderSequence = sequence }, moment with { Actor = begin.Actor });
                    break;
                case SetSchedule set when _endedAt is null:
                    Emit(new BackfillSet(set.Deployment, set.Spec) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case RemoveSchedule when _endedAt is null && !_isCancelled:
                    Emit(new BackfillCancelled("the flow has no such schedule any more", Runs: false) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case SetSchedule or RemoveSchedule:
                    break;
                // As with a schedule: a run says it once, and the list holds who has not.
                case ReportRun report when _active.Any(active => active.Run == report.Run):
                    Emit(new BackfilledRunEnded(report.Run, report.Status, report.WasThere), moment);
                    break;
                case ReportRun:
                    break;
                default:
                    throw new InvalidOperationException($"Backfill {Id} was sent {message.GetType().Name}, which no backfill takes.");
            }
        }
        Advance(moment);
    }

    protected override void Apply(JournalEvent entry)
    {
        switch (entry.Event)
        {
            case BackfillStarted e:
                (_plan, _deployment, _times, _spec, _actor, _createdAt) = (e.Plan, e.Deployment, e.Spec, e.Spec, entry.Actor, Stored(entry.At));
                _timetable = Timetable.Compile(e.Spec, out var errors)
                    ?? throw new JournalFormatException($"The schedule of backfill {Id} cannot be understood: {errors[0].Message} The journal is damaged, or a different release wrote it.");
                break;
            case BackfillSet e:
                (_deployment, _spec) = (e.Deployment, e.Spec);
                break;
            case BackfillAdvanced e:
                foreach (var interval in e.Begun) Begin(interval, again: _plan!.Rerun == BackfillRerun.All);
                _taken += e.Begun.Count;
                if (e.Begun.Count > 0) _reached = e.Begun[^1];
                _isLast = e.Last;
                break;
            case BackfilledRunEnded e:
                End(e);
                break;
            case BackfillPaused e:
                _pause = new SchedulePause(entry.Actor, Stored(entry.At), e.Reason);
                break;
            case BackfillResumed:
                _pause = null;
                break;
            case BackfillCancelled e:
                Cancel(e);
                break;
            default:
                throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a backfill.");
        }
        if (_plan is null) throw new JournalFormatException($"Backfill {Id} went on before it was started.");
        if (_endedAt is null && (_isLast || _isCancelled) && _active.Count == 0)
        {
            _endedAt = Stored(entry.At);
            Send(StreamId.Schedule(Id.Namespace, _plan.Flow, _plan.Schedule), new ReportBackfill(Id.Name));
        }
        _rowDue = true;
    }

    protected override void Project(JournalEvent entry, List<Row> rows)
    {
    }

    protected override void CollectRows(List<Row> rows)
    {
        if (!_rowDue || CurrentRow is not { } row) return;
        _rowDue = false;
        rows.Add(row);
    }

    private void Advance(in Moment moment)
    {
        if (_plan is not { } plan || _pause is not null || _isCancelled || _isLast || _active.Count >= plan.Parallel) return;
        var free = plan.Parallel - _active.Count;
        var next = BackfillRange.Of(_timetable!, _times!, plan, _reached).Take(free + 1).ToList();
        var isLast = next.Count <= free;
        Emit(new BackfillAdvanced(isLast ? next : next[..free], isLast), moment);
    }

    private void Begin(DataInterval interval, bool again)
    {
        var (plan, spec) = (_plan!, _spec!);
        var run = again ? RunIds.OfBackfill(Id.Namespace, Id.Name, interval.End) : RunIds.OfSchedule(Id.Namespace, plan.Flow, plan.Schedule, interval.End);
        _active.Add((run, interval));
        Send(StreamId.Run(Id.Namespace, run), new BeginRun(
            plan.Flow, _deployment, ScheduleParameters.Of(spec, interval), [.. spec.Tags, $"schedule:{plan.Schedule}", $"backfill:{Id.Name}"], plan.Priority,
            new RunCause(plan.Schedule, interval, Backfill: Id.Name)));
    }

    private void End(BackfilledRunEnded e)
    {
        var at = _active.FindIndex(active => active.Run == e.Run);
        var interval = _active[at].Interval;
        _active.RemoveAt(at);
        if (e.WasThere && _plan!.Rerun == BackfillRerun.Failed && !_isCancelled && e.Status is RunStatus.Failed or RunStatus.Cancelled) Begin(interval, again: true);
        else if (e.WasThere) _present++;
        else if (e.Status == RunStatus.Succeeded) _succeeded++;
        else if (e.Status == RunStatus.Failed) _failed++;
        else _cancelled++;
    }

    private void Cancel(BackfillCancelled e)
    {
        _isCancelled = true;
        _reason ??= e.Reason;
        if (!e.Runs || _runsAreCancelled) return;
        _runsAreCancelled = true;
        foreach (var (run, _) in _active) Send(StreamId.Run(Id.Namespace, run), new StopRun($"backfill {Id.Name} was cancelled", SkipHandlers: false));
    }

    private RefusedException NotNow(string verb) =>
        new(RefusalKind.Conflict, "FAN0003", $"Backfill {Id.Name} cannot take '{verb}': it has {(_isCancelled ? "been cancelled" : "ended")}. Start another.");
}
