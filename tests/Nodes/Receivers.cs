using System.Collections.Concurrent;
using Fanfare.Contracts;

namespace Fanfare.Nodes;

/// <summary>Receivers of notices in this process. They are away until they are opened.</summary>
internal sealed class Receivers : INotifier
{
    private readonly ConcurrentDictionary<(string Notice, string Receiver), int> _told = [];

    public bool AreOpen { get; set; }

    /// <summary>Who has got which notice.</summary>
    public IReadOnlyCollection<(string Notice, string Receiver)> Told => [.. _told.Keys];

    public async Task<NoticeAnswer> TellAsync(Notice notice, string receiver, CancellationToken cancellationToken)
    {
        await Task.Yield();
        if (receiver == "nobody") return new NoticeAnswer(NoticeOutcome.Refused, "no receiver has the name");
        if (!AreOpen) return new NoticeAnswer(NoticeOutcome.Later, "away");
        _told.AddOrUpdate((notice.Id, receiver), 1, (_, times) => times + 1);
        return new NoticeAnswer(NoticeOutcome.Told);
    }
}
