using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>Requests of other systems, signed by them, of which each is an event.</summary>
internal static class WebhooksApi
{
    public static void Map(IEndpointRouteBuilder routes, GatewayOptions options)
    {
        var hooks = options.Webhooks.ToDictionary(hook => hook.Spec.Name);
        routes.MapPost("/hooks/{hook}", (HttpContext http, string hook, IScheduler scheduler, TimeProvider clock) => TakeAsync(http, hooks.GetValueOrDefault(hook) ?? throw Unknown(hook), scheduler, clock))
            .AsCommand().WithTags("Events").WithMetadata(OpenToAll.Instance)
            .WithName("takeWebhook").WithSummary("Take a signed request of another system as an event")
            .WithDescription("The signature takes the place of an access token. The body is a JSON object, and the event's payload. One that is sent again is known, and publishes nothing.");
    }

    private static async Task<Results<Created<WebhookResponse>, Ok<WebhookResponse>>> TakeAsync(HttpContext http, Webhook hook, IScheduler scheduler, TimeProvider clock)
    {
        var body = await Body.ReadBytesAsync(http, "$", Limits.PayloadBytes);
        var id = WebhookSignature.Check(hook, http.Request.Headers, body.Span, clock.GetUtcNow());
        var payload = Payload(http, body);
        var spec = hook.Spec;
        var published = await scheduler.PublishAsync(
            new PublishEvent(spec.Namespace, $"webhook:{spec.Name}", spec.Event, payload, $"webhook:{spec.Name}:{id}", RunIds.NewEvent(clock.GetUtcNow())), http.RequestAborted);
        // What it came to is nothing that the sender needs to know.
        var response = new WebhookResponse(published.Event, published.New);
        return published.New ? TypedResults.Created((string?)null, response) : TypedResults.Ok(response);
    }

    private static string Payload(HttpContext http, ReadOnlyMemory<byte> body)
    {
        if (!http.Request.HasJsonContentType()) throw new ApiFault(ErrorCodes.MediaType, $"The body is '{http.Request.ContentType ?? "without a content type"}'; have the sender send application/json.");
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw ApiFault.Field("$", "is no JSON object", "Have the sender send an object; it is the event's payload.");
            Body.CheckText("$", document.RootElement);
        }
        catch (JsonException error)
        {
            throw ApiFault.Field("$", $"is no JSON: {error.Message}", "Have the sender send a JSON object; it is the event's payload.");
        }
        return Encoding.UTF8.GetString(body.Span);
    }

    private static ApiFault Unknown(string hook) => ApiFault.NotFound($"The server takes no webhook '{Show.Shorten(hook, 80)}'. The file of --webhooks says which it does.");
}
