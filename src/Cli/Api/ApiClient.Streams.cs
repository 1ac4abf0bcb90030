using System.Net.Http.Headers;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Fanfare.Cli.Api;

internal sealed partial class ApiClient
{
    /// <summary>The run's events after <paramref name="lastEventId"/>, as they come; ends when the server ends the stream.</summary>
    public async IAsyncEnumerable<EventView> ReadEventsAsync(
        string run, string? lastEventId, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (response, server) = await SendAsync(
            () =>
            {
                var message = new HttpRequestMessage(HttpMethod.Get, $"{RunPath(run)}/events");
                message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("text/event-stream"));
                if (lastEventId is not null) message.Headers.TryAddWithoutValidation("Last-Event-ID", lastEventId);
                return message;
            },
            repeatable: true, AnswerTimeout, cancellationToken);
        using var closed = response;
        // What is not an event of the history (the stream's own 'end') is passed over.
        await foreach (var item in ReadSseAsync(response, server, cancellationToken))
            if (Parse<EventView>(item) is { Type.Length: > 0 } seen) yield return seen;
    }

    /// <summary>Hands out the archive of a run that was removed, as it lies in the blob store.</summary>
    public async Task ReadArchiveAsync(string run, Func<Stream, Task> read, CancellationToken cancellationToken)
    {
        var (response, _) = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, $"{RunPath(run)}/archive"), repeatable: true, AnswerTimeout, cancellationToken);
        using var closed = response;
        await using var content = await response.Content.ReadAsStreamAsync(cancellationToken);
        await read(content);
    }

    private async IAsyncEnumerable<string> ReadSseAsync(HttpResponseMessage response, Uri server, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var items = SseParser.Create(stream).EnumerateAsync(end.Token).GetAsyncEnumerator(end.Token);
        await using (items.ConfigureAwait(true))
            while (await NextAsync(items.MoveNextAsync().AsTask(), server, end, cancellationToken))
                if (items.Current.Data.Length > 0) yield return items.Current.Data;
    }

    private async IAsyncEnumerable<string> ReadLinesAsync(HttpResponseMessage response, Uri server, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var reader = new StreamReader(await response.Content.ReadAsStreamAsync(cancellationToken));
        using var end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        while (await NextAsync(reader.ReadLineAsync(end.Token).AsTask(), server, end, cancellationToken) is { } line)
            if (line.Length > 0) yield return line;
    }

    // A read that is given up is ended, before what it reads from is closed.
    private async Task<T> NextAsync<T>(Task<T> read, Uri server, CancellationTokenSource end, CancellationToken cancellationToken)
    {
        try
        {
            return await GuardAsync(read, server, cancellationToken);
        }
        catch (UnreachableException)
        {
            await end.CancelAsync();
            await ((Task)read).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
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
