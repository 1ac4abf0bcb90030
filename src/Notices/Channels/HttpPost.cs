using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Fanfare.Notices.Channels;

/// <summary>What a server answered.</summary>
/// <param name="Body">Its beginning.</param>
internal sealed record HttpAnswer(HttpStatusCode Status, string Body, TimeSpan? After)
{
    public int Code => (int)Status;

    public bool IsSuccess => Code is >= 200 and < 300;

    /// <summary>Whether it is for now only.</summary>
    public bool IsPassing => Status is HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or (HttpStatusCode)425 || Code >= 500;

    /// <summary>The status with its name, as 503 Service Unavailable, and what else was said.</summary>
    public string Words
    {
        get
        {
            using var named = new HttpResponseMessage(Status);
            return $"{Code}{(named.ReasonPhrase is { Length: > 0 } phrase ? " " + phrase : "")}{(Body.Length > 0 ? $": {Body.Trim()}" : "")}";
        }
    }
}

/// <summary>Sends JSON by POST, and reads no more of the answer than is of use.</summary>
internal sealed class HttpPost(HttpClient http, TimeProvider clock)
{
    private const int MostBytes = 4096;

    private static readonly TimeSpan MostAfter = TimeSpan.FromDays(1);

    public async Task<HttpAnswer> SendAsync(Uri url, byte[] body, IEnumerable<KeyValuePair<string, string>> headers, CancellationToken cancellationToken)
    {
        using var content = new ByteArrayContent(body);
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = content };
        foreach (var (name, value) in headers)
            if (!request.Headers.TryAddWithoutValidation(name, value)) content.Headers.TryAddWithoutValidation(name, value);
        using var response = await http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken).ConfigureAwait(false);
        // What says that it has it has it, whatever becomes of the rest of its answer.
        var text = response.IsSuccessStatusCode ? "" : await ReadAsync(response.Content, cancellationToken).ConfigureAwait(false);
        return new HttpAnswer(response.StatusCode, text, After(response.Headers.RetryAfter));
    }

    /// <summary>What is said of an answer that is none of those that a channel knows better.</summary>
    public static NoticeAnswer Answer(HttpAnswer answer, string whose) => answer switch
    {
        { IsSuccess: true } => new NoticeAnswer(NoticeOutcome.Told),
        { IsPassing: true } => new NoticeAnswer(NoticeOutcome.Later, $"{whose} answered {answer.Words}", answer.After),
        { Code: >= 300 and < 400 } => new NoticeAnswer(NoticeOutcome.Refused, $"{whose} answered {answer.Words}. Redirects are not followed: name the address that it leads to."),
        { Status: HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden } => new NoticeAnswer(NoticeOutcome.Refused, $"{whose} answered {answer.Words}. Look at the secrets and headers of the receiver."),
        { Status: HttpStatusCode.NotFound or HttpStatusCode.Gone } => new NoticeAnswer(NoticeOutcome.Refused, $"{whose} answered {answer.Words}. Look at the address of the receiver."),
        _ => new NoticeAnswer(NoticeOutcome.Refused, $"{whose} answered {answer.Words}"),
    };

    private static async Task<string> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        var buffer = new byte[MostBytes];
        var stream = await content.ReadAsStreamAsync(cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
            return Encoding.UTF8.GetString(buffer.AsSpan(0, await stream.ReadAtLeastAsync(buffer, MostBytes, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false)));
    }

    private TimeSpan? After(RetryConditionHeaderValue? given)
    {
        var after = given?.Delta ?? given?.Date - clock.GetUtcNow();
        return after is not { } wait || wait <= TimeSpan.Zero ? null : wait < MostAfter ? wait : MostAfter;
    }
}
