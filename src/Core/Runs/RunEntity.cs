using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>One execution of a deployment: which steps were opened, whether it goes on, and how it ends. It does not see
/// single tasks; steps tell it of what concerns the whole run.</summary>
/// <remarks>Way of a run: Running (or Paused) until its last step is done (Finishing), a failure is seen (Failing), or it is cancelled
/// (Cancelling). Then every opened step that may still run something is cancelled and waited for, on_failure and
/// finally run one step after another, and the run ends.</remarks>
public sealed partial class RunEntity : Entity
{
    private readonly RunContext _context;
    private readonly Func<bool>? _isAwaited;
    private readonly bool _mayLeaveTasks;
    private readonly HashSet<StepKey> _steps = [];
    private readonly HashSet<StepKey> _awaited = [];
    private readonly Dictionary<StepKey, int> _cancels = [];
    private readonly HashSet<StepKey> _pausing = [];
    private readonly Dictionary<StepKey, int> _pauses = [];
    private readonly List<RunScopeCancelled> _cancelledScopes = [];
    private readonly HashSet<string> _handlersStarted = [];

    private RunStarted? _started;
    private RunInfo? _info;
    private RunStatus _status;
    private RunStatus _outcome;
    private TaskError? _error;
    private StepKey? _handler;
    private bool _skipHandlers;
    private bool _endReached;
    private RetryStep? _retry;
    private bool _rowDue;
    private string _actor = "";
    private DateTimeOffset _createdAt;
    private DateTimeOffset _timedFrom;
    private DateTimeOffset? _endedAt;

    /// <param name="isAwaited">Whether somebody listens for ends of the flow's runs, at the moment of the end; null for nobody.</param>
    public RunEntity(StreamId id, RunContext context, Func<bool>? isAwaited = null)
        : base(id)
    {
        _context = context;
        _isAwaited = isAwaited;
        _mayLeaveTasks = context.Graph.Nodes.Any(n => n.Spec.Join is { Kind: not JoinKind.All });
    }

    public bool IsStarted => _started is not null;

    /// <summary>Name of its flow; empty before its start.</summary>
    public string Flow => _started?.Flow ?? "";

    public RunStatus Status => _status;

    public DateTimeOffset CreatedAt => _createdAt;

    /// <summary>Whether a pause, if the run is paused, has reached every step that is open or opening: nothing of the run starts any more.</summary>
    public bool IsPauseSettled => _status != RunStatus.Paused || _pausing.Count == 0;

    public int Deployment => _info?.Deployment ?? 0;

    public override DateTimeOffset? DurableDue =>
        _status is RunStatus.Running or RunStatus.Paused && _started is not null && _context.Graph.Spec.Timeout is { } timeout ? _timedFrom + timeout : null;

    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => DurableDue - now;

    /// <summary>Starts the run with its context's deployment and parameters; a second start changes nothing and returns false.</summary>
    public bool Start(StartRun start, in Moment moment)
    {
        if (_started is not null) return false;
        Emit(new RunStarted(start.Flow, _context.Deployment, _context.Parameters, WithFlows(start.Tags), start.Priority, start.IdempotencyKey), moment);
        return true;
    }

    /// <summary>Carries out a command; one that holds already changes nothing.</summary>
    public RunStatus Command(CommandRun command, in Moment moment)
    {
        if (_started is null) throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no run '{Id.Name}' in namespace '{Id.Namespace}'.");
        switch (command.Verb)
        {
            case RunVerb.Cancel:
                if (_status.IsTerminal())
                {
                    if (_status != RunStatus.Cancelled) throw NotNow("cancel", "a run that has ended cannot be cancelled");
                    break;
                }
                // A second cancel ends a step of on_failure or finally that hangs.
                if (_status != RunStatus.Cancelling || _handler is not null)
                    Emit(new RunCancelRequested(command.Reason ?? "cancelled by " + moment.Actor), moment);
                break;
            case RunVerb.Pause:
                if (_status == RunStatus.Paused) break;
                if (_status != RunStatus.Running) throw NotNow("pause", "only a running run can be paused");
                Emit(new RunPaused(), moment);
                break;
            case RunVerb.Resume:
                if (_status == RunStatus.Running) break;
                if (_status != RunStatus.Paused) throw NotNow("resume", "only a paused run can be resumed");
                Emit(new RunResumed(), moment);
                break;
            case RunVerb.Retry:
                Retry(command.FromStep, moment);
                break;
            default:
                throw new InvalidOperationException($"Unknown verb {command.Verb}.");
        }
        Advance(moment);
        return _status;
    }

    public override void Tick(in Moment moment)
    {
        if (DurableDue is { } due && due <= moment.Now)
        {
            Emit(new RunTimedOut(), moment);
            Advance(moment);
        }
    }

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment)
    {
        if (sender.Kind is StreamKind.Schedule or StreamKind.Backfill or StreamKind.Event or StreamKind.Trigger)
        {
            foreach (var (_, _, message) in messages) HandleStarter(sender, message, moment);
            Advance(moment);
            return;
        }
        if (_started is null) throw new StaleStateException($"Run {Id} was sent a message, and this node has not seen it start.");
        for (var i = 0; i < messages.Count; i++)
        {
            var (sequence, _, message) = messages[i];
            switch (message)
            {
                case AnnounceSteps announce:
                    var (steps, halted) = (new List<StepKey>(announce.Steps), announce.Halted);
                    while (i + 1 < messages.Count && messages[i + 1].Message is AnnounceSteps more)
                    {
                        steps.AddRange(more.Steps);
                        halted ??= more.Halted;
                        sequence = messages[++i].Sequence;
                    }
                    Emit(new StepsAnnounced(steps, halted) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case ReportStep report:
                    Emit(new StepReported(report.Step, report.FailedTasks, report.CancelledTasks, report.Cancels) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case ReportPaused report:
                    Emit(new StepPauseReported(report.Step, report.Pauses) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case ReportFailure failure:
                    Emit(new RunFailureSeen(failure.Step, failure.Split, failure.Error) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case ReportEnd end:
                    Emit(new RunEndReached(end.Step) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case CancelScope scope:
                    Emit(new RunScopeCancelled(scope.Opener, scope.Split) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                default:
                    throw new InvalidOperationException($"Run {Id} was sent {message.GetType().Name}, which no run takes.");
            }
        }
        Advance(moment);
    }

    // It is sent these perhaps twice, and remembers no place of a sender that has little to say: what holds already says that it had them.
    private void HandleStarter(StreamId sender, EntityMessage message, in Moment moment)
    {
        switch (message)
        {
            case BeginRun begin:
                if (_started is not null) break;
                Emit(new RunStarted(begin.Flow, _context.Deployment, _context.Parameters, WithFlows(begin.Tags), begin.Priority, null, begin.Cause), moment with { Actor = begin.Cause.Actor() });
                break;
            case StopRun stop:
                if (_started is null) throw new StaleStateException($"Run {Id} is to stop, and this node has not seen it start.");
                // One that an operator has reopened since is the operator's, and one that another has started is that one's.
                if (_info!.Generation > 0 || Starter != sender) break;
                if (_status is RunStatus.Running or RunStatus.Paused) Emit(new RunCancelRequested(stop.Reason), moment);
                if (stop.SkipHandlers && !_skipHandlers && _status is RunStatus.Finishing or RunStatus.Failing or RunStatus.Cancelling) Emit(new RunCancelRequested(stop.Reason), moment);
                break;
            default:
                throw new InvalidOperationException($"Run {Id} was sent {message.GetType().Name} by what starts runs, which no run takes.");
        }
    }

    /// <summary>How the run stands, when something else has started it than this; null when this did, or nothing yet.</summary>
    public RunStatus? StartedByOther(RunCause cause) => _started is { Cause: var own } && own?.Backfill != cause.Backfill ? _status : null;

    // What hears of its end: the schedule or the backfill that has started it.
    private StreamId? Starter => _started?.Cause switch
    {
        { Backfill: { } backfill } => StreamId.Backfill(Id.Namespace, backfill),
        { Schedule: { } schedule } => StreamId.Schedule(Id.Namespace, _info!.Flow, schedule),
        _ => null,
    };

    private List<string> WithFlows(IReadOnlyList<string> tags) => [.. tags.Concat(_context.Graph.Spec.Tags).Distinct()];

    // Goes on with the ending of the run as far as it can: once nothing is awaited, the next handler, then the end.
    private void Advance(in Moment moment)
    {
        if (_status is not (RunStatus.Finishing or RunStatus.Failing or RunStatus.Cancelling)) return;
        if (_awaited.Count > 0 || _handler is not null) return;
        if (!_skipHandlers && NextHandler() is { } handler)
        {
            Emit(new RunHandlerStarted(new StepKey(handler, SplitPath.Empty, new SplitPath(_info!.Generation))), moment);
            return;
        }
        Emit(new RunEnded(_outcome, _error, _isAwaited?.Invoke() is true ? true : null), moment);
    }

    private string? NextHandler()
    {
        var spec = _context.Graph.Spec;
        // on_failure comes before finally: a run that fails only by its finally is past it.
        var failed = _outcome == RunStatus.Failed && !spec.Finally.Any(_handlersStarted.Contains);
        var due = failed ? spec.OnFailure.Concat(spec.Finally) : spec.Finally;
        return due.FirstOrDefault(h => !_handlersStarted.Contains(h));
    }

    private void Retry(string? fromStep, in Moment moment)
    {
        if (!_status.IsTerminal()) throw NotNow("retry", "only a run that has ended can be retried");
        if (fromStep is null && _status == RunStatus.Succeeded) throw NotNow("retry", "nothing of it failed; name the step to run again from with from_step");
        if (fromStep is not null && !(_context.Graph.TryGet(fromStep, out var node) && !node.IsHandler))
            throw new RefusedException(RefusalKind.Invalid, "FAN0001", $"from_step: the flow has no step '{fromStep}'. Name one of: {string.Join(", ", _context.Graph.Nodes.Where(n => !n.IsHandler).Select(n => n.Name))}.");
        if (fromStep is not null && _steps.All(s => s.Step != fromStep)) throw NotNow("retry", $"it never reached step '{fromStep}', so there is nothing to run again from");
        Emit(new RunRetried(_info!.Generation + 1, fromStep), moment);
    }

    private RefusedException NotNow(string verb, string rule) =>
        new(RefusalKind.Conflict, "FAN0003", $"Run {Id.Name} cannot take '{verb}': {rule}. It is {_status.ToString().ToLowerInvariant()}.");
}
