using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>A run's events as pages.</summary>
internal static class History
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Runs");
        api.MapGet("/runs/{run}/history", PageAsync).AsRead().WithQuery(Q.Namespace, Q.Limit, Q.Cursor)
            .WithName("readHistory").WithSummary("Read a run's events, oldest first")
            .WithDescription("next is set on a full page, also when nothing follows yet.");
    }

    public static EventView View(HistoryEvent at)
    {
        var data = JsonSerializer.SerializeToElement(at.Entry.Event, ContractsJson.Default.Event);
        return new EventView(at.Position, at.Stream.ToString(), at.Entry.Sequence, at.Entry.At, at.Entry.Actor, data.GetProperty("t").GetString()!, data);
    }

    private static async Task<Ok<ListResponse<EventView>>> PageAsync(HttpContext http, string run, IReadModel reads)
    {
        var limit = Q.LimitOf(http);
        long after = 0;
        if (Q.Cursor.Read(http) is { } cursor && !long.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out after))
            throw ApiFault.Field(Q.Cursor.Name, "is not a cursor of this listing", "Pass next of the page before.");
        var row = await reads.GetRunAsync(http, run);
        var events = await reads.ReadHistoryAsync(row.Namespace, row.Run, after, limit, http.RequestAborted);
        var next = events.Count == limit ? events[^1].Position.ToString(CultureInfo.InvariantCulture) : null;
        return TypedResults.Ok(new ListResponse<EventView>([.. events.Select(View)], next));
    }
}
