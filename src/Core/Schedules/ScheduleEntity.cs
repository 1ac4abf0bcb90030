using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A schedule of a flow: up to when its times are decided on, which of them wait, and which of its runs go on. A time is decided on once, by the event that moves past it, and starts at most one run, whose id follows from it.</summary>
/// <param name="carriedAfter">Events after which all that it has come to is said by one, and those before it are removed.</param>
public sealed partial class ScheduleEntity(StreamId id, int carriedAfter = ScheduleEntity.CarriedAfter) : Entity(id)
{
    /// <summary>As often as once in some hundred runs: a schedule of every minute has a thousand and more a day, and is read from its last one on.</summary>
    public const int CarriedAfter = 256;

    private readonly Queue<DataInterval> _waiting = new();
    private readonly List<string> _active = [];
    private readonly HashSet<string> _stopping = [];
    private readonly HashSet<string> _backfills = [];
    private readonly List<string> _openBackfills = [];

    private ScheduleSpec? _spec;
    private IReadOnlyList<NotifySpec>? _notify;
    private Timetable? _timetable;
    private int _deployment;
    private DateTimeOffset _until = DateTimeOffset.MinValue;
    private SchedulePause? _pause;
    private string? _last;
    private DataInterval? _lastInterval;
    private RunStatus? _lastEnd;
    private long _begun, _skipped;
    private DateTimeOffset? _due;
    private bool _isDueKnown;
    private bool _rowDue;

    /// <summary>Of its flow, the one that its runs have; 0 before the first.</summary>
    public int Deployment => _deployment;

    public override DateTimeOffset? DurableDue
    {
        get
        {
            if (_spec is not { } spec || _pause is not null || IsFull(spec)) return null;
            if (!_isDueKnown) (_due, _isDueKnown) = (_timetable!.Next(_until) is { } next ? next + _timetable.JitterOf(Id.ToString(), next) : null, true);
            return _due;
        }
    }

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => DurableDue - now;

    public override Row? CurrentRow => Sequence == 0 ? null : new ScheduleRow(Id.Namespace, Id.ScheduleName.Flow, Id.ScheduleName.Name, DurableDue, _spec is null ? null : new ScheduleStanding(
        _deployment, _spec, _until, _pause, [.. _active.Take(Limits.ListedRuns)], _active.Count, _waiting.Count, _waiting.TryPeek(out var oldest) ? oldest.End : null,
        _last, _lastInterval, _lastEnd, _begun, _skipped));

    /// <summary>Pauses or resumes it; what holds already changes nothing.</summary>
    /// <exception cref="RefusedException">There is no such schedule.</exception>
    public void Command(CommandSchedule command, in Moment moment)
    {
        if (_spec is null) throw NoSuchSchedule(command.Flow, command.Schedule, command.Namespace);
        switch (command.Verb)
        {
            case ScheduleVerb.Pause:
                if (_pause is null) Emit(new SchedulePaused(command.Reason), moment);
                break;
            case ScheduleVerb.Resume:
                if (_pause is not null) Emit(new ScheduleResumed(), moment);
                break;
            default:
                throw new InvalidOperationException($"Unknown verb {command.Verb}.");
        }
        Advance(moment);
    }

    /// <summary>Starts a backfill; one that it has had is no error.</summary>
    /// <exception cref="RefusedException">There is no such schedule, or what is asked for is not possible.</exception>
    public void Backfill(StartBackfill command, in Moment moment)
    {
        var plan = command.Plan;
        if (_spec is not { } spec) throw NoSuchSchedule(plan.Flow, plan.Schedule, command.Namespace);
        if (_backfills.Contains(command.Backfill)) return;
        if (_openBackfills.Count >= Limits.OpenBackfills)
            throw new RefusedException(RefusalKind.Conflict, "FAN0003", $"{_openBackfills.Count} backfills of schedule {plan.Flow}/{plan.Schedule} go on, and no more may. Wait for one to end, or cancel one.");
        var total = BackfillRange.Of(_timetable!, spec, plan).Take(Limits.BackfillIntervals + 1).Count();
        if (total is 0 or > Limits.BackfillIntervals)
        {
            throw new RefusedException(RefusalKind.Invalid, "FAN0001", $"Schedule {plan.Flow}/{plan.Schedule} has {(total == 0 ? "no interval" : $"more than {Limits.BackfillIntervals} intervals")} from {ScheduleParameters.Text(plan.From)} to {ScheduleParameters.Text(plan.To)}.")
            {
                Fields = [total == 0
                    ? new SpecError(0, 0, "from", "leaves no whole interval of the schedule up to 'to'", "Give an earlier 'from' or a later 'to'. Nothing is due before the schedule's 'start'.")
                    : new SpecError(0, 0, "from", $"leaves more than {Limits.BackfillIntervals} intervals up to 'to'", "Start several backfills, of a part each.")],
            };
        }
        Emit(new BackfillOpened(command.Backfill, plan with { Total = total }), moment);
    }

    public override void Tick(in Moment moment)
    {
        if (DurableDue <= moment.Now) Advance(moment);
        CarryIfLong(moment);
    }

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment)
    {
        foreach (var (sequence, _, message) in messages)
        {
            switch (message)
            {
                case SetSchedule set:
                    Emit(new ScheduleSet(set.Deployment, set.Spec, set.Notify) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case RemoveSchedule:
                    Emit(new ScheduleRemoved { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                // A run says it once, and a set holds who has not: there is nothing to remember of each run that has ended.
                case ReportRun report when _active.Contains(report.Run):
                    Emit(new ScheduledRunEnded(report.Run, report.Status), moment);
                    break;
                case ReportRun:
                    break;
                case ReportBackfill report when _openBackfills.Contains(report.Backfill):
                    Emit(new BackfillClosed(report.Backfill), moment);
                    break;
                case ReportBackfill:
                    break;
                default:
                    throw new InvalidOperationException($"Schedule {Id} was sent {message.GetType().Name}, which no schedule takes.");
            }
        }
        Advance(moment);
        CarryIfLong(moment);
    }

    protected override void Apply(JournalEvent entry)
    {
        switch (entry.Event)
        {
            case ScheduleSet e:
                // Times that are others now, or begin again, were nobody's before.
                if (_spec is null || !HasSameTimes(_spec, e.Spec)) _until = Later(_until, Stored(entry.At));
                (_deployment, _spec, _notify) = (e.Deployment, e.Spec, e.Notify);
                _timetable = Compiled(e.Spec);
                TellBackfills(new SetSchedule(e.Deployment, e.Spec));
                break;
            case ScheduleRemoved:
                _skipped += _waiting.Count;
                (_spec, _timetable, _pause) = (null, null, null);
                _waiting.Clear();
                TellBackfills(new RemoveSchedule());
                break;
            case SchedulePaused e:
                _pause = new SchedulePause(entry.Actor, Stored(entry.At), e.Reason);
                break;
            case ScheduleResumed:
                _pause = null;
                _until = Later(_until, Stored(entry.At));
                break;
            case ScheduleAdvanced e:
                ApplyAdvanced(e);
                break;
            case ScheduledRunEnded e:
                _active.Remove(e.Run);
                _stopping.Remove(e.Run);
                // One that a backfill had started first may still go on.
                if (e.Status.IsTerminal()) _lastEnd = e.Status;
                break;
            case ScheduleCarried e:
                ApplyCarried(e);
                break;
            case BackfillOpened e:
                _backfills.Add(e.Backfill);
                _openBackfills.Add(e.Backfill);
                Send(StreamId.Backfill(Id.Namespace, e.Backfill), new BeginBackfill(e.Plan, _deployment, _spec!, entry.Actor));
                break;
            case BackfillClosed e:
                _openBackfills.Remove(e.Backfill);
                break;
            default:
                throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a schedule.");
        }
        (_isDueKnown, _rowDue) = (false, true);
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

    private void ApplyAdvanced(ScheduleAdvanced e)
    {
        if (_spec is not { } spec) throw new JournalFormatException($"Schedule {Id} moved on while no deployment had it.");
        var missed = new DataInterval(_until, e.Until);
        _until = e.Until;
        _skipped += e.Skipped + e.Dropped;
        foreach (var interval in e.Came) _waiting.Enqueue(interval);
        var (waiting, dropped) = (_waiting.Count, _waiting.Take(e.Dropped).ToList());
        for (var i = 0; i < e.Dropped; i++) _waiting.Dequeue();
        if (e.Skipped > 0) TellOfSkipped(e.Skipped, missed, isOverlap: spec.Overlap == OverlapPolicy.QueueAll && waiting >= spec.Queue);
        if (dropped is [var first, ..]) TellOfSkipped(dropped.Count, new DataInterval(first.Start, dropped[^1].End), isOverlap: true);
        for (var i = 0; i < e.Begun; i++) Begin(spec, _waiting.Dequeue());
        if (e.Stopped is { } run && _stopping.Add(run))
            Send(StreamId.Run(Id.Namespace, run), new StopRun($"schedule {Id.ScheduleName.Name} starts another run", spec.Overlap == OverlapPolicy.Terminate));
    }

    private void Begin(ScheduleSpec spec, DataInterval interval)
    {
        var (flow, name) = Id.ScheduleName;
        var run = RunIds.OfSchedule(Id.Namespace, flow, name, interval.End);
        _active.Add(run);
        _begun++;
        (_last, _lastInterval) = (run, interval);
        Send(StreamId.Run(Id.Namespace, run), new BeginRun(flow, _deployment, ScheduleParameters.Of(spec, interval), [.. spec.Tags, $"schedule:{name}"], spec.Priority, new RunCause(name, interval)));
    }

    // One notice of all that one look left out for one reason: a schedule that was away for a month tells of that, not of each minute.
    private void TellOfSkipped(long count, DataInterval interval, bool isOverlap)
    {
        var (flow, name) = Id.ScheduleName;
        for (var i = 0; i < _notify?.Count; i++)
        {
            var content = new NoticeContent(flow, null, name, NoticeKind.Skipped, RunPayload.OfSkipped(flow, name, count, interval, isOverlap ? "overlap" : "missed"), _notify[i].To, _notify[i].Title, _notify[i].Text);
            Send(StreamId.Notice(Id.Namespace, RunIds.OfNotice(Id, (2 * Sequence) + (isOverlap ? 1 : 0), i, NoticeKind.Skipped)), new RaiseNotice(content));
        }
    }

    private void CarryIfLong(in Moment moment)
    {
        if (!IsCarriedAfter(carriedAfter)) return;
        Emit(Carrying((sent, received) => new ScheduleCarried(
            _deployment, _spec, _notify, _until, _pause, [.. _waiting], [.. _active], [.. _active.Where(_stopping.Contains)], [.. _backfills.Order(StringComparer.Ordinal)], [.. _openBackfills], _last, _lastInterval, _lastEnd, _begun, _skipped)
        { Sent = sent, Received = received }), moment);
    }

    private void ApplyCarried(ScheduleCarried e)
    {
        (_deployment, _spec, _notify, _until, _pause) = (e.Deployment, e.Spec, e.Notify, e.Until, e.Pause);
        (_last, _lastInterval, _lastEnd, _begun, _skipped) = (e.Last, e.LastInterval, e.LastEnd, e.Begun, e.Skipped);
        _timetable = e.Spec is { } spec ? Compiled(spec) : null;
        _waiting.Clear();
        foreach (var interval in e.Waiting) _waiting.Enqueue(interval);
        _active.Clear();
        _active.AddRange(e.Active);
        _stopping.Clear();
        _stopping.UnionWith(e.Stopping);
        _backfills.Clear();
        _backfills.UnionWith(e.Backfills);
        _openBackfills.Clear();
        _openBackfills.AddRange(e.OpenBackfills);
    }

    private Timetable Compiled(ScheduleSpec spec) => Timetable.Compile(spec, out var errors)
        ?? throw new JournalFormatException($"Schedule {Id} cannot be understood: {errors[0].Message} The journal is damaged, or a different release wrote it.");

    private void TellBackfills(EntityMessage message)
    {
        foreach (var backfill in _openBackfills) Send(StreamId.Backfill(Id.Namespace, backfill), message);
    }

    private static RefusedException NoSuchSchedule(string flow, string schedule, string ns) =>
        new(RefusalKind.NotFound, "FAN0002", $"Flow '{flow}' has no schedule '{schedule}' in namespace '{ns}'.");

    private static bool HasSameTimes(ScheduleSpec one, ScheduleSpec other) =>
        (one.Cron, one.Dialect, one.Every, one.TimeZone, one.Gap, one.Repeat, one.Start) == (other.Cron, other.Dialect, other.Every, other.TimeZone, other.Gap, other.Repeat, other.Start);

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}
