using System.Text.Json;
using Fanfare.Notices.Texts;
using Fanfare.Specs.Templates;

namespace Fanfare.Notices.Channels;

/// <summary>An alert of a PagerDuty service, by the Events API v2. A flow has one that is open; the next run that succeeds resolves it. So has each schedule, for intervals that it skipped.</summary>
internal sealed class PagerDutyChannel : IChannel
{
    // What PagerDuty takes of each.
    private const int SummaryChars = 1024, KeyChars = 255;

    private readonly HttpPost _post;
    private readonly PagerDutyReceiver _spec;
    private readonly Uri _url;
    private readonly string _key;

    /// <exception cref="ReceiverException">The routing key is none.</exception>
    public PagerDutyChannel(PagerDutyReceiver spec, Func<SecretPlace, string> secretOf, HttpClient http, TimeProvider clock)
    {
        (_post, _spec, _url) = (new HttpPost(http, clock), spec, new Uri(spec.Endpoint));
        _key = secretOf(spec.RoutingKey).Trim();
        if (_key.Length is < 20 or > 100 || !_key.All(char.IsAsciiLetterOrDigit)) throw new ReceiverException("Its routing key is none: that is the integration key of an 'Events API v2' integration of the service, with 32 letters and digits.");
    }

    public IReadOnlyCollection<string> Secrets => [_key];

    public string Quote(string text) => text;

    public async Task<NoticeAnswer> TellAsync(Message message, CancellationToken cancellationToken)
    {
        var answer = await _post.SendAsync(_url, Body(message), [], cancellationToken).ConfigureAwait(false);
        return answer.Code == 400
            ? new NoticeAnswer(NoticeOutcome.Refused, $"PagerDuty refused the event: {Errors(answer.Body)} Look at the receiver's routing key, and whether its integration is one of the Events API v2.")
            : HttpPost.Answer(answer, "PagerDuty");
    }

    private byte[] Body(Message message)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("routing_key", _key);
            json.WriteString("dedup_key", KeyOf(message));
            if (message.Notice.Kind == NoticeKind.Succeeded)
            {
                json.WriteString("event_action", "resolve");
            }
            else
            {
                json.WriteString("event_action", "trigger");
                json.WriteString("client", "Fanfare");
                if (message.Url is { } url)
                {
                    json.WriteString("client_url", url.AbsoluteUri);
                    json.WriteStartArray("links");
                    json.WriteStartObject();
                    json.WriteString("href", url.AbsoluteUri);
                    json.WriteString("text", "The run");
                    json.WriteEndObject();
                    json.WriteEndArray();
                }
                Alert(json, message);
            }
            json.WriteEndObject();
        }
        return buffer.ToArray();
    }

    private void Alert(Utf8JsonWriter json, Message message)
    {
        var notice = message.Notice;
        json.WriteStartObject("payload");
        json.WriteString("summary", TextCut.To(message.Title, SummaryChars));
        json.WriteString("source", message.Url?.Host ?? "fanfare");
        json.WriteString("severity", _spec.Severity ?? (notice.Kind == NoticeKind.Failed ? "error" : "warning"));
        json.WriteString("timestamp", Message.TimeOf(notice.At));
        json.WriteString("component", notice.Flow);
        json.WriteString("group", notice.Namespace);
        json.WriteString("class", message.Kind);
        json.WriteStartObject("custom_details");
        json.WriteString("text", message.Text);
        foreach (var member in message.Data.EnumerateObject().Where(member => member.Name != "text")) member.WriteTo(json);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    private static string KeyOf(Message message)
    {
        var notice = message.Notice;
        var schedule = notice.Kind == NoticeKind.Skipped && message.Data.TryGetProperty("schedule", out var given) ? $"/{given}" : "";
        return TextCut.To($"fanfare/{notice.Namespace}/{notice.Flow}{(notice.Kind == NoticeKind.Skipped ? "/skipped" + schedule : "")}", KeyChars);
    }

    // {"status": "invalid event", "message": "…", "errors": ["…"]}
    private static string Errors(string body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind != JsonValueKind.Object) return body;
            string[] said = [.. document.RootElement.TryGetProperty("message", out var message) ? [message.ToString()] : Array.Empty<string>(),
                .. document.RootElement.TryGetProperty("errors", out var errors) && errors.ValueKind == JsonValueKind.Array ? errors.EnumerateArray().Select(error => error.ToString()) : []];
            return said.Length > 0 ? string.Join("; ", said) + "." : body;
        }
        catch (JsonException)
        {
            return body;
        }
    }
}
