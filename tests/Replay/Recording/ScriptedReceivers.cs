using Fanfare.Contracts;

namespace Fanfare.Replay.Recording;

/// <summary>Receivers of notices: one that is away, one that there is not, and all others, who are told.</summary>
internal sealed class ScriptedReceivers : INotifier
{
    public Task<NoticeAnswer> TellAsync(Notice notice, string receiver, CancellationToken cancellationToken) => Task.FromResult(receiver switch
    {
        "away" => new NoticeAnswer(NoticeOutcome.Later, "recorded"),
        "nobody" => new NoticeAnswer(NoticeOutcome.Refused, "recorded"),
        _ => new NoticeAnswer(NoticeOutcome.Told),
    });
}
