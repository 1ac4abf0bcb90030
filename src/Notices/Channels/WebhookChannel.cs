using System.Text.Json;
using Fanfare.Contracts.Http;
using Fanfare.Notices.Texts;

namespace Fanfare.Notices.Channels;

/// <summary>JSON by HTTP POST, signed as Standard Webhooks says. The id is the notice's, so whoever hears of it twice can tell.</summary>
internal sealed class WebhookChannel : IChannel
{
    private readonly HttpPost _post;
    private readonly TimeProvider _clock;
    private readonly Uri _url;
    private readonly List<KeyValuePair<string, string>> _headers = [];
    private readonly List<ReadOnlyMemory<byte>> _keys = [];
    private readonly List<string> _secrets = [];

    /// <exception cref="ReceiverException">A secret is not fit for what it is for.</exception>
    public WebhookChannel(WebhookReceiver spec, Func<SecretPlace, string> secretOf, HttpClient http, TimeProvider clock)
    {
        (_post, _clock) = (new HttpPost(http, clock), clock);
        _url = Url.Of(Text(spec.Url), "http", "https");
        if (spec.Url.Secret is not null) _secrets.AddRange(Secrecy.Of(_url));
        foreach (var (name, value) in spec.Headers)
        {
            var text = Text(value);
            if (text.Length == 0 || text.Any(c => char.IsControl(c) || c > 126)) throw new ReceiverException($"The value of the header '{name}' is not printable ASCII.");
            if (value.Secret is not null) _secrets.AddRange(Secrecy.Of(text));
            _headers.Add(new(name, text));
        }
        foreach (var place in spec.Secrets)
        {
            var text = secretOf(place);
            _secrets.Add(text);
            try
            {
                _keys.Add(StandardWebhooks.SecretOf(text));
            }
            catch (FormatException wrong)
            {
                throw new ReceiverException($"A secret that it is signed with cannot be used. {wrong.Message}", wrong);
            }
        }

        string Text(SettingSpec setting) => setting.Secret is { } place ? secretOf(place) : setting.Text!;
    }

    public IReadOnlyCollection<string> Secrets => _secrets;

    public string Quote(string text) => text;

    public async Task<NoticeAnswer> TellAsync(Message message, CancellationToken cancellationToken)
    {
        var body = Body(message);
        var answer = await _post.SendAsync(_url, body, [.. _headers, .. StandardWebhooks.Headers(message.Notice.Id, _clock.GetUtcNow(), body, _keys)], cancellationToken).ConfigureAwait(false);
        return HttpPost.Answer(answer, "The receiver");
    }

    private static byte[] Body(Message message)
    {
        var notice = message.Notice;
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("type", (notice.Kind == NoticeKind.Skipped ? "schedule." : "run.") + message.Kind);
            json.WriteString("timestamp", Message.TimeOf(notice.At));
            json.WriteString("id", notice.Id);
            json.WriteString("namespace", notice.Namespace);
            json.WriteString("flow", notice.Flow);
            json.WriteString("title", message.Title);
            json.WriteString("text", message.Text);
            json.WriteString("url", message.Url?.AbsoluteUri);
            json.WritePropertyName("data");
            message.Data.WriteTo(json);
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }
}
