using Fanfare.Notices.Texts;

namespace Fanfare.Notices.Channels;

/// <summary>A way to one receiver.</summary>
internal interface IChannel
{
    /// <summary>What must not be in any reason.</summary>
    IReadOnlyCollection<string> Secrets { get; }

    /// <summary>A text such that it cannot pass for markup where the message is shown.</summary>
    string Quote(string text);

    /// <summary>Sends the message once. What happens to the connection may be thrown; what the other end says is an answer.</summary>
    Task<NoticeAnswer> TellAsync(Message message, CancellationToken cancellationToken);
}
