using System.Text.Json;
using Fanfare.Notices.Texts;
using Fanfare.Specs;
using Fanfare.Specs.Templates;

namespace Fanfare.Notices.Channels;

/// <summary>A message in a channel of Slack, by an incoming webhook.</summary>
internal sealed class SlackChannel : IChannel
{
    // What Slack takes of each.
    private const int HeaderChars = 150, SectionChars = 3000;

    // What Slack says in place of a message for people.
    private static readonly Dictionary<string, string> Remedies = new()
    {
        ["no_service"] = "The webhook was removed or turned off: make another.",
        ["invalid_token"] = "The webhook's address is wrong, or was withdrawn: make another.",
        ["no_active_hooks"] = "The webhook is turned off: turn it on, or make another.",
        ["channel_not_found"] = "The channel is gone: make a webhook for another.",
        ["channel_is_archived"] = "The channel is archived: make a webhook for another.",
        ["posting_to_general_channel_denied"] = "Nobody but some may write to that channel: make a webhook for another.",
        ["action_prohibited"] = "The workspace's rules forbid it: ask its administrator.",
        ["team_disabled"] = "The workspace is disabled.",
        ["user_not_found"] = "Who it was for is gone: make a webhook for somebody else.",
    };

    private readonly HttpPost _post;
    private readonly Uri _url;

    /// <exception cref="ReceiverException">The address is none.</exception>
    public SlackChannel(SlackReceiver spec, Func<SecretPlace, string> secretOf, HttpClient http, TimeProvider clock)
    {
        _post = new HttpPost(http, clock);
        _url = Url.Of(secretOf(spec.Url), "http", "https");
        if (!ReceiverFileReader.IsPrivate(_url)) throw new ReceiverException("Its address is secret and would go over the network in the clear: it is one with https.");
        Secrets = [.. Secrecy.Of(_url)];
    }

    public IReadOnlyCollection<string> Secrets { get; }

    public string Quote(string text) => text.Replace("&", "&amp;", StringComparison.Ordinal).Replace("<", "&lt;", StringComparison.Ordinal).Replace(">", "&gt;", StringComparison.Ordinal);

    public async Task<NoticeAnswer> TellAsync(Message message, CancellationToken cancellationToken)
    {
        var answer = await _post.SendAsync(_url, Body(message), [], cancellationToken).ConfigureAwait(false);
        return !answer.IsSuccess && Remedies.TryGetValue(answer.Body.Trim(), out var remedy)
            ? new NoticeAnswer(NoticeOutcome.Refused, $"Slack answered {answer.Words}. {remedy}")
            : HttpPost.Answer(answer, "Slack");
    }

    private byte[] Body(Message message)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            // Where blocks are not shown, as in notifications of the desktop.
            json.WriteString("text", Cut(message.Title, SectionChars));
            json.WriteStartArray("blocks");
            Block(json, "header", "plain_text", Cut(message.Title, HeaderChars));
            if (message.Text.Length > 0) Block(json, "section", "mrkdwn", Cut(message.Text, SectionChars));
            Context(json, message);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private static void Block(Utf8JsonWriter json, string type, string format, string text)
    {
        json.WriteStartObject();
        json.WriteString("type", type);
        json.WriteStartObject("text");
        json.WriteString("type", format);
        json.WriteString("text", text);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private void Context(Utf8JsonWriter json, Message message)
    {
        var link = message.Url is { } url ? $"<{Quote(url.AbsoluteUri)}|Open the run>  " : "";
        json.WriteStartObject();
        json.WriteString("type", "context");
        json.WriteStartArray("elements");
        json.WriteStartObject();
        json.WriteString("type", "mrkdwn");
        json.WriteString("text", $"{link}{Quote(message.Notice.Namespace)}/{Quote(message.Notice.Flow)}  {message.Notice.At.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC");
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // Not in the midst of a character that is quoted.
    private static string Cut(string text, int most)
    {
        var cut = TextCut.To(text, most);
        return cut.Length < text.Length || !ReferenceEquals(cut, text) ? WholeQuotes(cut) : cut;
    }

    private static string WholeQuotes(string cut)
    {
        var last = cut.LastIndexOf('&');
        return last >= cut.Length - 6 && last >= 0 && !cut.AsSpan(last).Contains(';') ? cut[..last] + "…" : cut;
    }
}
