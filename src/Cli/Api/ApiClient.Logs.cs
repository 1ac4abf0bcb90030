using System.Globalization;
using System.Net.Http.Headers;
using System.Runtime.CompilerServices;

namespace Fanfare.Cli.Api;

/// <summary>Which lines of a task's log: null for the server's default (all lines of the newest attempt, both streams).</summary>
/// <param name="From">Byte of the log to begin at, as an earlier answer told it.</param>
internal sealed record LogQuery(int? Tail = null, bool Follow = false, int? Attempt = null, string? Stream = null, long? From = null);

internal sealed partial class ApiClient
{
    /// <summary>How long a server may be away before a log that is followed is given up.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Again = TimeSpan.FromMilliseconds(200);

    /// <summary>Lines of a task's log. When they are followed, they go on after a server was away: each comes once.</summary>
    public async IAsyncEnumerable<LogLine> ReadLogAsync(
        string run, string task, LogQuery query, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var position = new LogPosition();
        if (query is not { Follow: true })
        {
            await foreach (var line in ReadOnceAsync(run, task, query, position, cancellationToken)) yield return line;
            yield break;
        }
        if (query.Attempt is null && await GetTaskAsync(run, task, cancellationToken) is { Attempt: >= 0 } begun) query = query with { Attempt = begun.Attempt };
        if (query is { Tail: not null, Attempt: not null })
        {
            // Where the tail begins is not where it would the next time: first it, then all after it.
            await foreach (var line in ReadOnceAsync(run, task, query with { Follow = false }, position, cancellationToken)) yield return line;
            query = query with { Tail = null, From = position.Next };
        }
        long shown = 0;
        for (long? lostAt = null; ;)
        {
            var lines = ReadOnceAsync(run, task, query, new LogPosition(), cancellationToken).GetAsyncEnumerator(cancellationToken);
            await using (lines.ConfigureAwait(true))
                for (long at = 0; await IsThereMoreAsync(lines);)
                {
                    lostAt = null;
                    if (at++ < shown) continue;
                    shown++;
                    yield return lines.Current;
                }
            // A task that had not begun began with its first attempt.
            query = query with { Tail = null, Attempt = query.Attempt ?? (shown > 0 ? 0 : null) };
            if (await HasEndedAsync(run, task, query.Attempt ?? 0, lostAt, cancellationToken)) yield break;
            lostAt ??= _clock.GetTimestamp();
            await Task.Delay(Again, _clock, cancellationToken);
        }
    }

    private async IAsyncEnumerable<LogLine> ReadOnceAsync(
        string run, string task, LogQuery query, LogPosition position, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var parts = new List<string>();
        if (query.Tail is not null) parts.Add($"tail={query.Tail}");
        if (query.Follow) parts.Add("follow=true");
        if (query.Attempt is not null) parts.Add($"attempt={query.Attempt}");
        if (query.Stream is not null) parts.Add($"stream={query.Stream}");
        if (query.From is not null) parts.Add($"from={query.From}");
        var path = $"{TaskPath(run, task)}/logs{(parts.Count > 0 ? "?" : "")}{string.Join('&', parts)}";
        var (response, server) = await SendAsync(
            () =>
            {
                var message = new HttpRequestMessage(HttpMethod.Get, path);
                message.Headers.Accept.Add(new MediaTypeWithQualityHeaderValue("application/x-ndjson"));
                return message;
            },
            repeatable: true, AnswerTimeout, cancellationToken);
        using var closed = response;
        if (response.Headers.TryGetValues("Fanfare-Log-Next", out var next) && long.TryParse(next.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var at)) position.Next = at;
        var lines = response.Content.Headers.ContentType?.MediaType == "text/event-stream"
            ? ReadSseAsync(response, server, cancellationToken)
            : ReadLinesAsync(response, server, cancellationToken);
        await foreach (var line in lines)
            // A torn line is shown as it is.
            yield return Parse<LogLine>(line) is { Stream: not null, Text: not null } item ? item : new LogLine(default, "out", line);
    }

    // False at the end, and when the server went away: the caller finds out which.
    private static async Task<bool> IsThereMoreAsync(IAsyncEnumerator<LogLine> lines)
    {
        try
        {
            return await lines.MoveNextAsync();
        }
        catch (Exception e) when (e is UnreachableException { Foreign: false } or ApiException { Problem.Status: 429 or 503 })
        {
            return false;
        }
    }

    private async Task<bool> HasEndedAsync(string run, string task, int attempt, long? lostAt, CancellationToken cancellationToken)
    {
        try
        {
            var attempts = (await ListAttemptsAsync(run, task, cancellationToken)).Items;
            return attempts.Count > 0 && attempts.FirstOrDefault(a => a.Attempt == attempt) is not { Status: AttemptStatus.Running };
        }
        catch (ApiException e) when (e.Problem.Status == 404)
        {
            return true;
        }
        catch (Exception e) when (e is UnreachableException { Foreign: false } or ApiException { Problem.Status: 429 or 503 } && (lostAt is null || _clock.GetElapsedTime(lostAt.Value) < Patience))
        {
            return false;
        }
    }

    /// <summary>Byte of the log to go on from.</summary>
    private sealed class LogPosition
    {
        public long? Next { get; set; }
    }
}
