using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A notice: what somebody is to be told, and how it stands with each receiver; before that, perhaps, a run that is watched for being late. Telling, and looking at the run, is done outside (<see cref="TakeDue"/>), and the outcome comes back
/// as a command: so it may be done twice where a node dies, by one id.</summary>
public sealed class NoticeEntity(StreamId id) : Entity(id)
{
    private readonly List<NoticeDelivery> _deliveries = [];
    private readonly HashSet<string> _underWay = [];
    private NoticeContent? _content;
    private RunWatched? _watched;
    private DateTimeOffset? _lookDue;
    private DateTimeOffset? _at;
    private DateTimeOffset _triedSince;
    private bool _isLookedAt, _rowDue;

    public override DateTimeOffset? DurableDue => Earliest(all: true);

    public override Row? CurrentRow => _content is null ? null : new NoticeRow(Id.Namespace, Id.Name, _content.Flow, _at ?? Stored(_watched!.From), new NoticeStanding(_content, [.. _deliveries]));

    // What is under way comes back by itself.
    public override TimeSpan? TickAfter(DateTimeOffset now, TimeSpan uptime) => Earliest(all: false) - now;

    /// <summary>What is due to be done about it outside. Each is given out once, until its outcome is told.</summary>
    public IReadOnlyList<NoticeErrand> TakeDue(DateTimeOffset now)
    {
        if (Earliest(all: false) is not { } earliest || earliest > now) return [];
        var errands = new List<NoticeErrand>();
        if (_lookDue <= now && !_isLookedAt)
        {
            _isLookedAt = true;
            errands.Add(new LookErrand(Id.Namespace, _content!.Run!, _content.Flow, _watched!.From, _watched.Deadline));
        }
        foreach (var delivery in _deliveries)
        {
            if (delivery is { State: NoticeState.Pending, Due: { } due } && due <= now && _underWay.Add(delivery.Receiver))
                errands.Add(new TellErrand(new Notice(Id.Name, Id.Namespace, _content!.Flow, _content.Kind, _at!.Value, _content.Payload, _content.Title, _content.Text), delivery.Receiver));
        }
        return errands;
    }

    /// <summary>A receiver was told, or was not.</summary>
    public void Answered(string receiver, NoticeAnswer answer, in Moment moment)
    {
        if (!_underWay.Remove(receiver) || _deliveries.Find(delivery => delivery.Receiver == receiver) is not { State: NoticeState.Pending } delivery) return;
        if (answer.Outcome == NoticeOutcome.Told)
        {
            Emit(new NoticeTold(receiver), moment);
            return;
        }
        DateTimeOffset? again = answer.Outcome == NoticeOutcome.Later ? Stored(moment.Now + NoticePolicy.DelayAfter(delivery.Tries + 1, answer.After, moment.Entropy)) : null;
        if (again > _triedSince + NoticePolicy.TriedFor) again = null;
        Emit(new NoticeFailed(receiver, Shortened(answer.Reason), again), moment);
    }

    /// <summary>The run was looked at.</summary>
    public void LookedAt(RunOutlook outlook, in Moment moment)
    {
        _isLookedAt = false;
        if (_lookDue is null) return;
        var deadline = _watched!.Deadline;
        if (outlook.IsLate(moment.Now, deadline)) Emit(new RunLate(RunPayload.OfLate(_content!.Payload, deadline, outlook.Expected)), moment);
        else Emit(new WatchPutOff(Stored(outlook.NextLook(moment.Now, _watched.From, deadline))), moment);
    }

    /// <summary>Tells the receivers of whom it is a dead letter once more, or dismisses it.</summary>
    /// <returns>How it stands with each that was one.</returns>
    /// <exception cref="RefusedException">There is no such notice.</exception>
    public IReadOnlyList<NoticeDelivery> Command(CommandNotice command, in Moment moment)
    {
        if (_at is null) throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no notice '{Id.Name}' in namespace '{Id.Namespace}'.");
        List<string> meant = [.. _deliveries.Where(delivery => delivery.State == NoticeState.Dead && (command.Receiver is null || delivery.Receiver == command.Receiver)).Select(delivery => delivery.Receiver)];
        if (meant.Count > 0) Emit(command.Verb == DeadLetterVerb.Redrive ? new NoticeRedriven(meant) : new NoticeDismissed(meant), moment);
        return [.. _deliveries.Where(delivery => meant.Contains(delivery.Receiver))];
    }

    // Nothing is decided when something is due: it is given out then.
    public override void Tick(in Moment moment)
    {
    }

    protected override void Handle(StreamId sender, IReadOnlyList<OutboxMessage> messages, in Moment moment)
    {
        foreach (var (sequence, _, message) in messages)
        {
            switch (message)
            {
                case RaiseNotice raise:
                    Emit(new NoticeRaised(raise.Content) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case WatchRun watch:
                    Emit(new RunWatched(watch.Content, watch.From, watch.Deadline) { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                case EndWatch:
                    Emit(new WatchEnded { Sender = sender, SenderSequence = sequence }, moment);
                    break;
                default:
                    throw new InvalidOperationException($"Notice {Id} was sent {message.GetType().Name}, which no notice takes.");
            }
        }
    }

    protected override void Apply(JournalEvent entry)
    {
        switch (entry.Event)
        {
            case NoticeRaised e:
                Raise(e.Content, entry.At);
                break;
            case RunWatched e:
                (_watched, _content, _lookDue) = (e, e.Content, Stored(entry.At));
                break;
            case WatchPutOff e:
                _lookDue = e.Until;
                break;
            case WatchEnded:
                _lookDue = null;
                break;
            case RunLate e:
                _lookDue = null;
                Raise(_content! with { Payload = e.Payload }, entry.At);
                break;
            case NoticeTold e:
                Set(e.Receiver, delivery => delivery with { State = NoticeState.Told, Tries = delivery.Tries + 1, At = Stored(entry.At), Due = null, Reason = null });
                break;
            case NoticeFailed e:
                Set(e.Receiver, delivery => delivery with { State = e.Again is null ? NoticeState.Dead : NoticeState.Pending, Tries = delivery.Tries + 1, At = Stored(entry.At), Due = e.Again, Reason = e.Reason });
                break;
            case NoticeRedriven e:
                _triedSince = Stored(entry.At);
                foreach (var receiver in e.Receivers) Set(receiver, delivery => delivery with { State = NoticeState.Pending, Tries = 0, Due = _triedSince });
                break;
            case NoticeDismissed e:
                foreach (var receiver in e.Receivers) Set(receiver, delivery => delivery with { State = NoticeState.Dismissed });
                break;
            default:
                throw new JournalFormatException($"Stream {Id} holds {entry.Event.GetType().Name}, which is no event of a notice.");
        }
        if (_content is null) throw new JournalFormatException($"Notice {Id} went on before it came about.");
        _rowDue = entry.Event is not (WatchPutOff or WatchEnded) || _rowDue;
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

    private void Raise(NoticeContent content, DateTimeOffset at)
    {
        (_content, _at, _triedSince) = (content, Stored(at), Stored(at));
        foreach (var receiver in content.Receivers) _deliveries.Add(new NoticeDelivery(receiver, NoticeState.Pending, 0, null, _triedSince, null));
    }

    private void Set(string receiver, Func<NoticeDelivery, NoticeDelivery> change)
    {
        var at = _deliveries.FindIndex(delivery => delivery.Receiver == receiver);
        if (at < 0) throw new JournalFormatException($"Notice {Id} has no receiver '{receiver}', of which more is said.");
        _deliveries[at] = change(_deliveries[at]);
    }

    private DateTimeOffset? Earliest(bool all)
    {
        var earliest = _isLookedAt && !all ? null : _lookDue;
        foreach (var delivery in _deliveries)
        {
            if (delivery.State != NoticeState.Pending || (!all && _underWay.Contains(delivery.Receiver))) continue;
            if (earliest is null || delivery.Due < earliest) earliest = delivery.Due;
        }
        return earliest;
    }

    private static string Shortened(string reason) => reason.Length <= Limits.ErrorChars ? reason : reason[..Limits.ErrorChars];
}

/// <summary>Something to be done about a notice outside of its entity.</summary>
public abstract record NoticeErrand;

/// <summary>A receiver is to be told.</summary>
public sealed record TellErrand(Notice Notice, string Receiver) : NoticeErrand;

/// <summary>A run is to be looked at, whether it will have ended in time.</summary>
public sealed record LookErrand(string Namespace, string Run, string Flow, DateTimeOffset From, DateTimeOffset Deadline) : NoticeErrand;
