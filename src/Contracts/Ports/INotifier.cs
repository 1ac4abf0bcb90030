namespace Fanfare.Contracts;

/// <summary>Tells people, or their systems, what has happened. It is asked again for what may not have arrived, so receivers can be told twice; each time by the same id.</summary>
public interface INotifier
{
    /// <summary>Tells one receiver. Never throws but for a cancel: what goes wrong is an answer.</summary>
    /// <param name="receiver">Name of the receiver.</param>
    Task<NoticeAnswer> TellAsync(Notice notice, string receiver, CancellationToken cancellationToken);
}

/// <summary>What somebody is told.</summary>
/// <param name="Id">Of the notice; the same each time.</param>
/// <param name="Flow">Whose outcome it is.</param>
/// <param name="At">When it came about.</param>
/// <param name="Payload">JSON object of what is known of it, for templates and for machines. Of a run that has ended: what an event of its end says (docs/triggers.md). Of one that is late: <c>run</c>, <c>flow</c>, <c>deployment</c>, <c>parameters</c>, <c>tags</c>,
/// <c>actor</c>, <c>created_at</c>, <c>deadline</c> and <c>expected_at</c>. Of a skipped interval: <c>flow</c>, <c>schedule</c>, <c>interval_start</c>, <c>interval_end</c> and <c>reason</c>. Times are ISO 8601 in UTC with microseconds.</param>
/// <param name="Title">Template of the title, in Liquid; null for the receiver's.</param>
/// <param name="Text">Template of the text, in Liquid; null for the receiver's.</param>
public sealed record Notice(string Id, string Namespace, string Flow, NoticeKind Kind, DateTimeOffset At, string Payload, string? Title, string? Text);

/// <summary>How it went.</summary>
/// <param name="Reason">Why it did not arrive, for people; empty when it did.</param>
/// <param name="After">With <see cref="NoticeOutcome.Later"/>: how long the receiver asked to wait; null when it did not say.</param>
public sealed record NoticeAnswer(NoticeOutcome Outcome, string Reason = "", TimeSpan? After = null);

public enum NoticeOutcome
{
    /// <summary>The receiver has it.</summary>
    Told,

    /// <summary>It did not arrive, or may not have; another try may help.</summary>
    Later,

    /// <summary>It cannot arrive as things are: no receiver has the name, or it refuses for good.</summary>
    Refused,
}
