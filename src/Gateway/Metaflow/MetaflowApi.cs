using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>Marks a route that Metaflow's clients call: they repeat a request that was answered 503, and give up at any other refusal.</summary>
internal sealed class ForMetaflow
{
    public static readonly ForMetaflow Instance = new();
}

/// <summary>Metaflow's metadata service, as its clients know it. Paths, bodies and statuses are that service's own (its release 2.5.1); refusals are this gateway's, of which those clients read the status.</summary>
internal static class MetaflowApi
{
    public const string Root = "/metaflow", VersionHeader = "METADATA_SERVICE_VERSION";

    /// <summary>The release of that service whose routes are here. Clients choose by it what they ask for.</summary>
    public const string Version = "2.5.1";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup(Root).WithMetadata(ForMetaflow.Instance).ExcludeFromDescription();
        api.MapGet("/ping", () => TypedResults.Text("pong"));
        api.MapGet("/version", () => TypedResults.Text(Version));
        api.MapGet("/healthcheck", HealthAsync).AsMetaflowRead();
        MetaflowWrites.Map(api);
        MetaflowReads.Map(api);
        MetaflowEvents.Map(api);
    }

    // JSON within a JSON string, as clients of that service had to get used to.
    private static async Task<JsonHttpResult<string>> HealthAsync(IMetaflowStore store, CancellationToken cancellationToken)
    {
        await store.CheckAsync(cancellationToken);
        return TypedResults.Json("""{"status": "UP"}""");
    }
}
