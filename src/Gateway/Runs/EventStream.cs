using System.Globalization;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;

namespace Fanfare.Gateway;

/// <summary>A run's events as they are committed, as server-sent events. Nothing is buffered for a client: each stream reads the
/// history from where it stands, so a slow client holds at most one page.</summary>
internal static class EventStream
{
    private const int PageSize = 100, FlushBytes = 32 * 1024;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Runs");
        api.MapGet("/runs/{run}/events", StreamAsync).AsStream().WithQuery(Q.Namespace, Q.AfterPosition)
            .Produces<EventView>(contentType: "text/event-stream")
            .WithName("streamEvents").WithSummary("Follow a run's events live, as server-sent events")
            .WithDescription("Each event's id is its position; send it back as Last-Event-ID to go on after it. A comment comes when nothing happens for 15 s. After the run's end comes an event named 'end' with the run's status, and the stream closes.");
    }

    private static async Task StreamAsync(HttpContext http, string run, IReadModel reads, Signals signals, Drain drain, GatewayOptions options)
    {
        var after = After(http);
        var found = await reads.GetRunAsync(http, run);
        using var ending = drain.Link(http);
        using var signal = signals.Subscribe(Topic.Run(found.Namespace, found.Run));

        var response = http.Response;
        response.ContentType = "text/event-stream";
        response.Headers["X-Accel-Buffering"] = "no";
        http.Features.Get<IHttpResponseBodyFeature>()?.DisableBuffering();
        await WriteAsync(response.BodyWriter, "retry: 1000\n\n", ending.Token);
        try
        {
            while (true)
            {
                // Read before the events: when the run has ended by then, the page that is not full holds its last one.
                var now = await reads.GetRunAsync(found.Namespace, found.Run, ending.Token) ?? found;
                var events = await reads.ReadHistoryAsync(found.Namespace, found.Run, after, PageSize, ending.Token);
                foreach (var entry in events)
                {
                    Append(response.BodyWriter, entry);
                    if (response.BodyWriter.UnflushedBytes >= FlushBytes) await response.BodyWriter.FlushAsync(ending.Token);
                    after = entry.Position;
                }
                await response.BodyWriter.FlushAsync(ending.Token);
                if (events.Count == PageSize) continue;
                if (now.Status.IsTerminal())
                {
                    var end = JsonSerializer.Serialize(new RunCommandResponse(now.Run, now.Status), ContractsJson.Default.RunCommandResponse);
                    await WriteAsync(response.BodyWriter, $"id: {after}\nevent: end\ndata: {end}\n\n", ending.Token);
                    return;
                }
                if (!await signal.WaitAsync(options.Heartbeat, ending.Token))
                    await WriteAsync(response.BodyWriter, ": still here\n\n", ending.Token);
            }
        }
        catch (OperationCanceledException) when (ending.IsCancellationRequested)
        {
            // The client left, or the server stops; a client that is still there comes back with Last-Event-ID.
        }
    }

    private static long After(HttpContext http)
    {
        var query = Q.AfterPosition.Read(http) ?? 0;
        var header = http.Request.Headers["Last-Event-ID"].ToString();
        if (header.Length == 0) return query;
        return long.TryParse(header, NumberStyles.None, CultureInfo.InvariantCulture, out var position)
            ? position
            : throw ApiFault.Field("Last-Event-ID", "is not the id of an event", "Send back the id of the last event received.");
    }

    private static void Append(PipeWriter writer, HistoryEvent entry)
    {
        var view = History.View(entry);
        Encoding.UTF8.GetBytes($"id: {view.Id}\nevent: {view.Type}\ndata: ", writer);
        using (var json = new Utf8JsonWriter(writer))
            JsonSerializer.Serialize(json, view, ContractsJson.Default.EventView);
        Encoding.UTF8.GetBytes("\n\n", writer);
    }

    private static async Task WriteAsync(PipeWriter writer, string text, CancellationToken cancellationToken) =>
        await writer.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);
}
