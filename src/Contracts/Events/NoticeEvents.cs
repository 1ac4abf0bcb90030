namespace Fanfare.Contracts;

/// <summary>What a notice says, and to whom.</summary>
/// <param name="Flow">Whose outcome it is.</param>
/// <param name="Run">Id of the run that it is about; null where it is about none.</param>
/// <param name="Schedule">The flow's schedule that it is about; null where it is about none.</param>
/// <param name="Payload">JSON object: <see cref="Notice.Payload"/>.</param>
/// <param name="Receivers">Names of receivers; each once.</param>
/// <param name="Title">The rule's template; null for the receiver's.</param>
/// <param name="Text">The rule's template; null for the receiver's.</param>
public sealed record NoticeContent(
    string Flow, string? Run, string? Schedule, NoticeKind Kind, string Payload, IReadOnlyList<string> Receivers, string? Title = null, string? Text = null);

/// <summary>Something has come about of which somebody is to be told: a notice's first event, unless it was watched for.</summary>
public sealed record NoticeRaised(NoticeContent Content) : ReceivedEvent;

/// <summary>A run has begun that is to have ended by a time. The notice's first event.</summary>
/// <param name="Content">What is said if it is late; the payload without what is known only then.</param>
/// <param name="From">When it began.</param>
public sealed record RunWatched(NoticeContent Content, DateTimeOffset From, DateTimeOffset Deadline) : ReceivedEvent;

/// <summary>The run was looked at, and may still be in time: it is looked at again then.</summary>
public sealed record WatchPutOff(DateTimeOffset Until) : Event;

/// <summary>The run has ended: if nobody has been told yet that it is late, nobody is.</summary>
public sealed record WatchEnded : ReceivedEvent;

/// <summary>The run will not have ended in time, or has not.</summary>
/// <param name="Payload">JSON object, whole.</param>
public sealed record RunLate(string Payload) : Event;

/// <summary>A receiver has the notice.</summary>
public sealed record NoticeTold(string Receiver) : Event;

/// <summary>A receiver could not be told.</summary>
/// <param name="Again">When it is tried again; null for never: a dead letter.</param>
public sealed record NoticeFailed(string Receiver, string Reason, DateTimeOffset? Again) : Event;

/// <summary>These receivers, of whom it was a dead letter, are to be told after all.</summary>
public sealed record NoticeRedriven(IReadOnlyList<string> Receivers) : Event;

/// <summary>That these receivers could not be told does not matter any more.</summary>
public sealed record NoticeDismissed(IReadOnlyList<string> Receivers) : Event;

/// <summary>How it stands with one receiver of a notice.</summary>
/// <param name="Tries">How often it was tried, since it came about or was redriven.</param>
/// <param name="At">When it was tried last; null for not yet.</param>
/// <param name="Due">When it is tried next; null when it is not.</param>
/// <param name="Reason">Why it did not arrive the last time; null when it did, or was not tried.</param>
public sealed record NoticeDelivery(string Receiver, NoticeState State, int Tries, DateTimeOffset? At, DateTimeOffset? Due, string? Reason);

public enum NoticeState
{
    /// <summary>It is tried, again where it failed.</summary>
    Pending,

    /// <summary>The receiver has it.</summary>
    Told,

    /// <summary>It could not arrive, and is not tried any more: a dead letter.</summary>
    Dead,

    /// <summary>It was a dead letter, and somebody has dismissed that.</summary>
    Dismissed,
}
