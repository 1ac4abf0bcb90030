using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Fanfare.Cli.Api;

/// <summary>Which lines of a task's log: null for the server's default (all lines of the newest attempt, both streams).</summary>
internal sealed record LogQuery(int? Tail = null, bool Follow = false, int? Attempt = null, string? Stream = null);

internal sealed partial class ApiClient
{
    /// <summary>The run's events after <paramref name="lastEventId"/>, as they come; ends when the server ends the stream.</summary>
    public async IAsyncEnumerable<EventView> ReadEventsAsync(
        string run, string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var response = await SendAsync(
            () =>
            {
                var message = new HttpRequestMessage(HttpMethod.Get, $"{RunPath(run)}/events");
                message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
                if (lastEventId is not null) message.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
                return message;
            },
            AnswerTimeout, cancellationToken);
        // What is not an event of the history (the stream's own 'end') is passed over.
        await foreach (var item in ReadSseAsync(response, cancellationToken))
            if (Parse<EventView>(item) is { Type.Length: > 0 } seen) yield return seen;
    }

    /// <summary>Lines of a task's log.</summary>
    public async IAsyncEnumerable<LogLine> ReadLogAsync(
        string run, string task, LogQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var parts = new List<string>();
        if (query.Tail is not null) parts.Add($"tail={query.Tail}");
        if (query.Follow) parts.Add("follow=true");
        if (query.Attempt is not null) parts.Add($"attempt={query.Attempt}");
        if (query.Stream is not null) parts.Add($"stream={query.Stream}");
        var path = $"{TaskPath(run, task)}/logs{(parts.Count > 0 ? "?" : "")}{string.Join('&', parts)}";
        using var response = await SendAsync(
            () =>
            {
                var message = new HttpRequestMessage(HttpMethod.Get, path);
                message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/x-ndjson"));
                return message;
            },
            AnswerTimeout, cancellationToken);
        var lines = response.Content.Headers.ContentType?.MediaType == "text/event-stream"
            ? ReadSseAsync(response, cancellationToken)
            : ReadLinesAsync(response, cancellationToken);
        await foreach (var line in lines)
            // A torn line is shown as it is.
            yield return Parse<LogLine>(line) is { Stream: not null, Text: not null } item ? item : new LogLine(default, "out", line);
    }

    /// <summary>Hands out the archive of a run that was removed, as it lies in the blob store.</summary>
    public async Task ReadArchiveAsync(string run, Func<Stream, Task> read, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, $"{RunPath(run)}/archive"), AnswerTimeout, cancellationToken);
        await using var content = await response.Content.ReadAsStreamAsync(cancellationToken);
        await read(content);
    }

    private async IAsyncEnumerable<string> ReadSseAsync(HttpResponseMessage response, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        var items = SseParser.Create(stream).EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken);
        await using (items.ConfigureAwait(true))
            while (await GuardAsync(items.MoveNextAsync().AsTask(), cancellationToken))
                if (items.Current.Data.Length > 0) yield return items.Current.Data;
    }

    private async IAsyncEnumerable<string> ReadLinesAsync(HttpResponseMessage response, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        while (await GuardAsync(reader.ReadLineAsync(cancellationToken).AsTask(), cancellationToken) is { } line)
            if (line.Length > 0) yield return line;
    }

    private static T? Parse<T>(string text)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(text, ApiJson.Type<T>());
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
