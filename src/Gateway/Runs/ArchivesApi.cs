namespace Fanfare.Gateway;

/// <summary>Archives of runs that were removed.</summary>
internal static class ArchivesApi
{
    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGroup("/api/v1").WithTags("Runs").MapGet("/runs/{run}/archive", DownloadAsync).AsStream().WithQuery(Q.Namespace)
            .Produces<Stream>(contentType: "application/gzip")
            .WithName("downloadArchive").WithSummary("Download the archive of a run that was removed")
            .WithDescription("JSON Lines, compressed; the format is in docs/retention.md. As long as the run's tombstone lasts.");

    private static async Task DownloadAsync(HttpContext http, string run, IReadModel reads, IBlobStore blobs)
    {
        var ns = Q.NamespaceOf(http);
        var retired = RunIds.IsPossible(run) ? await reads.GetRetiredAsync(ns, run, http.RequestAborted) : null;
        if (retired?.Archive is not { } name)
        {
            var row = await reads.GetRunAsync(http, run);
            throw new ApiFault(ErrorCodes.Conflict, $"Run {row.Run} has not been archived; its history is at {Links.Run(row.Namespace, row.Run)}.");
        }
        var size = await blobs.GetSizeAsync(name, http.RequestAborted);
        await using var content = await blobs.OpenReadAsync(name, 0, http.RequestAborted)
            ?? throw ApiFault.NotFound($"The archive {name} is no longer in the blob store.");
        http.Response.ContentType = "application/gzip";
        http.Response.ContentLength = size;
        http.Response.Headers.ContentDisposition = $"attachment; filename=\"{run}.jsonl.gz\"";
        await content.CopyToAsync(http.Response.Body, http.RequestAborted);
    }
}
