using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Where Metaflow's <c>ArgoEvent</c> publishes. It is told a URL, and shows the key of the metadata service there.</summary>
internal static class MetaflowEvents
{
    public static void Map(RouteGroupBuilder api) => api.MapPost("/events", PublishAsync).AsCommand();

    private static async Task<IResult> PublishAsync(HttpContext http, IScheduler scheduler)
    {
        var body = await MetaflowBody.ReadAsync(http, JsonValueKind.Object);
        var name = body.TryGetProperty("name", out var given) && given.ValueKind == JsonValueKind.String ? given.GetString()! : "";
        if (!Names.IsEvent(name)) throw ApiFault.Field("name", "is no name of an event", $"Choose another: {Names.EventRule}.");
        var payload = Payload(body);
        // The client cannot say who it is.
        var actor = http.Request.Headers.ContainsKey(Caller.Header) ? Caller.ActorOf(http) : "metaflow";
        var response = await EventsApi.PublishAsync(http, actor, name, payload?.GetRawText() ?? "{}", KeyOf(body, payload), scheduler);
        return response.New ? TypedResults.Created($"/api/v1/events/{response.Event}", response) : TypedResults.Ok(response);
    }

    private static JsonElement? Payload(JsonElement body)
    {
        if (!body.TryGetProperty("payload", out var payload) || payload.ValueKind == JsonValueKind.Null) return null;
        if (payload.ValueKind != JsonValueKind.Object) throw ApiFault.Field("payload", "is no JSON object", "Give an object of names and values.");
        return Encoding.UTF8.GetByteCount(payload.GetRawText()) <= Limits.PayloadBytes ? payload
            : throw ApiFault.TooLarge("payload", $"is larger than {Limits.PayloadBytes} bytes", "Put large data into a file and pass its place.");
    }

    // The client repeats what it got no answer to, byte for byte. No two events of its own making are the same: each has an id and a time.
    private static string? KeyOf(JsonElement body, JsonElement? payload) =>
        payload is { } made && made.TryGetProperty("generated-by-metaflow", out var mark) && mark.ValueKind == JsonValueKind.True && made.TryGetProperty("id", out _)
            ? $"metaflow-{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(body.GetRawText())))}"
            : null;
}
