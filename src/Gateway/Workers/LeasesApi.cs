using System.Buffers;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Fanfare.Gateway;

/// <summary>What a worker fetches and uploads for an attempt it holds.</summary>
internal static class LeasesApi
{
    /// <summary>Stored bytes of one attempt's log: two streams, and room for the JSON around the lines.</summary>
    internal const long MaxLogBytes = 4 * Limits.LogBytes;

    private const int LinesPerChunk = 256;

    public static void Map(IEndpointRouteBuilder routes, GatewayOptions options)
    {
        var api = routes.MapGroup("/api/v1/leases").WithTags("Workers");
        api.MapGet("/inputs", InputsAsync).AsStream().WithQuery(Q.LeaseTask, Q.Split, Q.Token)
            .Produces<LeaseInput>(contentType: "application/x-ndjson")
            .WithName("readInputs").WithSummary("Read the inputs of a leased attempt, as JSON Lines in split order");
        api.MapPut("/log", LogAsync).AsUpload().WithQuery(Q.LeaseTask, Q.Split, Q.Token, Q.Offset)
            .WithMetadata(new RequestBody(null, true, "application/x-ndjson"))
            .WithName("uploadLog").WithSummary("Upload a chunk of an attempt's log")
            .WithDescription("Answers the stored size afterwards, as a JSON number. The same chunk may come twice; an offset beyond the size writes nothing.");
        api.MapPut("/artifact", ArtifactAsync).AsUpload().WithQuery(Q.LeaseTask, Q.Split, Q.Token, Q.ArtifactName)
            .WithMetadata(new RequestSizeLimitAttribute(options.ArtifactBytes))
            .WithMetadata(new RequestBody(null, true, "application/octet-stream"))
            .WithName("uploadArtifact").WithSummary("Upload an artifact of an attempt; it is published when the attempt is accepted");
        api.MapPut("/items", ItemsAsync).AsUpload().WithQuery(Q.LeaseTask, Q.Split, Q.Token)
            .WithMetadata(new RequestSizeLimitAttribute(options.ArtifactBytes))
            .WithMetadata(new RequestBody(null, true, "application/x-ndjson"))
            .WithName("uploadItems").WithSummary("Upload the lines that a foreach goes over");
    }

    /// <summary>Where the lines of an attempt's foreach are.</summary>
    internal static FileItems ItemsOf(TaskRef task, int attempt) => new(BlobNames.Items(task, attempt), BlobNames.ItemsIndex(task, attempt), LinesPerChunk);

    private static async Task InputsAsync(HttpContext http, IScheduler scheduler)
    {
        var lease = LeaseQuery.Lease(http);
        await LeaseQuery.CheckAsync(scheduler, lease, http.RequestAborted);
        http.Response.ContentType = "application/x-ndjson";
        var writer = http.Response.BodyWriter;
        await foreach (var input in scheduler.ReadInputsAsync(lease, http.RequestAborted))
        {
            using (var json = new Utf8JsonWriter(writer))
                JsonSerializer.Serialize(json, input, ContractsJson.Default.LeaseInput);
            writer.Write("\n"u8);
            if (writer.UnflushedBytes >= 64 * 1024) await writer.FlushAsync(http.RequestAborted);
        }
        await writer.FlushAsync(http.RequestAborted);
    }

    private static async Task<Ok<long>> LogAsync(HttpContext http, IScheduler scheduler, IBlobStore blobs, Signals signals)
    {
        var lease = LeaseQuery.Lease(http);
        var offset = Q.Offset.Read(http)!.Value;
        var attempt = await LeaseQuery.CheckAsync(scheduler, lease, http.RequestAborted);
        var chunk = await Body.ReadBytesAsync(http, "body", Limits.RequestBytes);
        if (offset > MaxLogBytes - chunk.Length)
            throw ApiFault.TooLarge("offset", $"leads beyond {MaxLogBytes} bytes, the most that is kept of one attempt's log", "Stop uploading.");
        var blob = BlobNames.Log(lease.Task, attempt);
        var size = await blobs.WriteChunkAsync(blob, offset, chunk, http.RequestAborted);
        signals.Raise(Topic.Log(blob));
        return TypedResults.Ok(size);
    }

    private static async Task<NoContent> ArtifactAsync(HttpContext http, IScheduler scheduler, IBlobStore blobs)
    {
        var lease = LeaseQuery.Lease(http);
        var name = LeaseQuery.ArtifactName(http);
        var attempt = await LeaseQuery.CheckAsync(scheduler, lease, http.RequestAborted);
        try
        {
            await blobs.PutAsync(BlobNames.Artifact(lease.Task, attempt, name), http.Request.Body, http.RequestAborted);
        }
        catch (ArgumentException refused)
        {
            throw ApiFault.Field(Q.ArtifactName.Name, "cannot be stored: " + refused.Message, "Choose another name.");
        }
        return TypedResults.NoContent();
    }

    private static async Task<Ok<ItemsUploaded>> ItemsAsync(HttpContext http, IScheduler scheduler, IBlobStore blobs)
    {
        var lease = LeaseQuery.Lease(http);
        var attempt = await LeaseQuery.CheckAsync(scheduler, lease, http.RequestAborted);
        var names = ItemsOf(lease.Task, attempt);
        await using var lines = new ItemLines(http.Request.Body, LinesPerChunk);
        await blobs.PutAsync(names.Blob, lines, http.RequestAborted);
        await using var index = lines.OpenIndex();
        await blobs.PutAsync(names.Index, index, http.RequestAborted);
        return TypedResults.Ok(new ItemsUploaded(names, lines.Count));
    }
}
