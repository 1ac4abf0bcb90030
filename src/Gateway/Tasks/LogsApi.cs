using System.Globalization;

namespace Fanfare.Gateway;

/// <summary>A task's log: whole, its tail, or followed until the attempt ends.</summary>
internal static class LogsApi
{
    /// <summary>Header of an answer that was not followed: the byte to go on from.</summary>
    public const string NextHeader = "Fanfare-Log-Next";

    // Lines that reached the blob store through another gateway raise no signal here.
    private static readonly TimeSpan LongestNap = TimeSpan.FromSeconds(1);

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1/runs/{run}").WithTags("Tasks");
        api.MapGet("/tasks/{task}/logs", ReadAsync).AsStream().WithQuery(Q.Namespace, Q.Attempt, Q.Stream, Q.Tail, Q.Follow, Q.From)
            .Produces<string>(contentType: "text/plain", additionalContentTypes: "application/x-ndjson")
            .WithName("readLog").WithSummary("Read a task's log")
            .WithDescription("Plain text, or with Accept: application/x-ndjson one JSON object a line, with time and stream. With follow, a task that has not started is waited for, and the answer ends with the attempt.");
    }

    private static async Task ReadAsync(
        HttpContext http, string run, string task, TaskLookup tasks, IReadModel reads, IBlobStore blobs, LogLines log, Signals signals, Drain drain)
    {
        var (number, tail, from) = ((int?)Q.Attempt.Read(http), Q.Tail.Read(http), Q.From.Read(http) ?? 0);
        var follow = Q.Follow.Read(http) ?? false;
        var raw = http.Request.Headers.Accept.ToString().Contains("application/x-ndjson", StringComparison.OrdinalIgnoreCase);
        var format = new LogFormat(Q.Stream.Read(http), raw);
        if (tail is not null && from > 0) throw ApiFault.Field(Q.Tail.Name, "does not go with from", "Give one of them.");

        using var ending = drain.Link(http);
        var found = await tasks.FindAsync(http, run, task);
        using var commits = signals.Subscribe(Topic.Run(found.Ref.Namespace, found.Ref.Run));
        var attempt = number ?? await LatestAsync(found, follow, tasks, reads, commits, ending.Token);
        if (await AttemptAsync(reads, found.Ref, attempt, ending.Token) is null)
            throw ApiFault.NotFound($"Task {found.Name} has no attempt {attempt}.");
        var blob = BlobNames.Log(found.Ref, attempt);
        var size = await blobs.GetSizeAsync(blob, ending.Token) ?? 0;
        var at = tail is { } lines
            ? await log.TailAsync(blob, await log.WholeLinesAsync(blob, size, ending.Token), (int)lines, format, ending.Token)
            : from > size ? throw ApiFault.Field(Q.From.Name, $"lies beyond the log's {size} bytes", $"Pass {NextHeader} of an answer before.")
            : await log.AlignAsync(blob, from, ending.Token);

        http.Response.ContentType = raw ? "application/x-ndjson" : "text/plain; charset=utf-8";
        http.Response.Headers["X-Accel-Buffering"] = "no";
        if (!follow)
        {
            var ended = await HasEndedAsync(reads, found.Ref, attempt, ending.Token);
            var next = ended ? size : Math.Max(at, await log.WholeLinesAsync(blob, size, ending.Token));
            http.Response.Headers[NextHeader] = next.ToString(CultureInfo.InvariantCulture);
            await log.CopyAsync(blob, at, next, format, http.Response.Body, ending.Token);
            return;
        }
        await FollowAsync(http, found, attempt, blob, at, format, reads, log, signals, ending.Token);
    }

    private static async Task FollowAsync(
        HttpContext http, FoundTask found, int attempt, string blob, long at, LogFormat format, IReadModel reads, LogLines log, Signals signals, CancellationToken ending)
    {
        using var signal = signals.Subscribe(Topic.Run(found.Ref.Namespace, found.Ref.Run), Topic.Log(blob));
        // Whoever follows sees at once that the log is followed, however long its next line takes.
        await http.Response.StartAsync(ending);
        await http.Response.Body.FlushAsync(ending);
        try
        {
            while (true)
            {
                // Asked before reading: lines are uploaded before the end of an attempt is reported.
                var ended = await HasEndedAsync(reads, found.Ref, attempt, ending);
                at = await log.CopyAsync(blob, at, ended ? long.MaxValue : null, format, http.Response.Body, ending);
                if (ended) return;
                await signal.WaitAsync(LongestNap, ending);
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested && !http.RequestAborted.IsCancellationRequested)
        {
            // The server stops: what was sent is whole lines, and the client may come back.
        }
    }

    private static async Task<int> LatestAsync(
        FoundTask found, bool follow, TaskLookup tasks, IReadModel reads, Signals.Subscription commits, CancellationToken ending)
    {
        while (true)
        {
            var row = await tasks.RowAsync(found, ending);
            if (row.Attempt >= 0) return row.Attempt;
            if (!follow || row.Status != TaskStatus.Waiting)
                throw ApiFault.NotFound($"Task {found.Name} has not started, so it has no log. /explain says what it waits for.");
            await commits.WaitAsync(LongestNap, ending);
            found = found with { Run = await reads.GetRunAsync(found.Ref.Namespace, found.Ref.Run, ending) ?? found.Run };
        }
    }

    private static async Task<AttemptRow?> AttemptAsync(IReadModel reads, TaskRef task, int attempt, CancellationToken cancellationToken) =>
        (await reads.ListAttemptsAsync(task.Namespace, task.Run, task.Step, task.Split, cancellationToken)).FirstOrDefault(a => a.Attempt == attempt);

    private static async Task<bool> HasEndedAsync(IReadModel reads, TaskRef task, int attempt, CancellationToken cancellationToken) =>
        await AttemptAsync(reads, task, attempt, cancellationToken) is not { Status: AttemptStatus.Running };
}
