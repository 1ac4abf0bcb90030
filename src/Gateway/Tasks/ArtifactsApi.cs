using Microsoft.AspNetCore.StaticFiles;

namespace Fanfare.Gateway;

/// <summary>Files that accepted attempts published.</summary>
internal static class ArtifactsApi
{
    private static readonly FileExtensionContentTypeProvider Types = new();

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Tasks");
        api.MapGet("/runs/{run}/tasks/{task}/artifacts/{**name}", DownloadAsync).AsStream().WithQuery(Q.Namespace)
            .Produces<Stream>(contentType: "application/octet-stream")
            .WithName("downloadArtifact").WithSummary("Download an artifact of a task's accepted attempt");
        api.MapGet("/leases/published", PublishedAsync).AsStream().WithQuery(Q.LeaseTask, Q.Split, Q.PublishedAttempt, Q.ArtifactName).WithTags("Workers")
            .Produces<Stream>(contentType: "application/octet-stream")
            .WithName("downloadPublished").WithSummary("Download an artifact, for a task that takes it as input");
    }

    private static async Task DownloadAsync(HttpContext http, string run, string task, string name, TaskLookup tasks, IBlobStore blobs)
    {
        var found = await tasks.FindAsync(http, run, task);
        var row = await tasks.RowAsync(found, http.RequestAborted);
        // Kestrel leaves an encoded slash as it is, since it would change how the path splits; here all is name.
        var path = name.Replace("%2F", "/", StringComparison.OrdinalIgnoreCase);
        if (row.Artifacts?.Any(a => a.Name == path) != true)
            throw ApiFault.NotFound(row.Artifacts is { Count: > 0 } all
                ? $"Task {found.Name} published no '{Show.Shorten(path, 80)}'. {Suggestion.For(path, [.. all.Take(20).Select(a => a.Name)])}"
                : $"Task {found.Name} has published no artifacts.");
        await SendAsync(http, blobs, BlobNames.Artifact(found.Ref, row.Attempt, path), path);
    }

    private static async Task PublishedAsync(HttpContext http, IReadModel reads, IBlobStore blobs)
    {
        var (task, attempt, name) = (LeaseQuery.Task(http), (int)Q.PublishedAttempt.Read(http)!.Value, LeaseQuery.ArtifactName(http));
        var attempts = await reads.ListAttemptsAsync(task.Namespace, task.Run, task.Step, task.Split, http.RequestAborted);
        if (!attempts.Any(a => a.Attempt == attempt && a.Status == AttemptStatus.Succeeded))
            throw ApiFault.NotFound($"Attempt {attempt} of this task was not accepted, so it published nothing.");
        await SendAsync(http, blobs, BlobNames.Artifact(task, attempt, name), name);
    }

    private static async Task SendAsync(HttpContext http, IBlobStore blobs, string blob, string name)
    {
        var size = await blobs.GetSizeAsync(blob, http.RequestAborted)
            ?? throw ApiFault.NotFound($"The bytes of '{Show.Shorten(name, 80)}' are no longer in the blob store.");
        await using var content = await blobs.OpenReadAsync(blob, 0, http.RequestAborted)
            ?? throw ApiFault.NotFound($"The bytes of '{Show.Shorten(name, 80)}' are no longer in the blob store.");
        var response = http.Response;
        response.ContentType = TypeOf(name);
        response.ContentLength = size;
        response.Headers.ContentSecurityPolicy = ResponseHeaders.UserContent;
        await content.CopyToAsync(response.Body, http.RequestAborted);
    }

    private static string TypeOf(string name)
    {
        if (!Types.TryGetContentType(name, out var type)) return "application/octet-stream";
        return type.StartsWith("text/", StringComparison.Ordinal) || type == "application/json" ? type + "; charset=utf-8" : type;
    }
}
