using System.Reflection;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>The server itself: version, health, workers, queues.</summary>
internal static class ServerApi
{
    public static readonly string Version = typeof(ServerApi).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Server");
        api.MapGet("/version", ShowVersion).AsRead().WithQuery().WithName("showVersion").WithSummary("Show the server's version and data directory");
        api.MapGet("/workers", ListWorkersAsync).AsRead().WithQuery().WithName("listWorkers").WithSummary("List workers seen lately");
        api.MapGet("/queues", ListQueuesAsync).AsRead().WithQuery(Q.Namespace).WithName("listQueues").WithSummary("List queues and what waits in them");
        routes.MapGet("/healthz", () => TypedResults.Text("ok\n")).WithMetadata(OpenToAll.Instance).WithTags("Server")
            .WithName("healthz").WithSummary("Whether the process serves");
        routes.MapGet("/readyz", Ready).WithMetadata(OpenToAll.Instance).WithTags("Server")
            .Produces<string>(contentType: "text/plain").WithName("readyz").WithSummary("Whether commands go through; 503 with the reason when not");
    }

    private static Ok<VersionView> ShowVersion(IJournal journal, GatewayOptions options) =>
        TypedResults.Ok(new VersionView(Version, JournalFormat.Version, journal.Incarnation, Environment.ProcessId, options.DataDirectory));

    private static async Task<Ok<ListResponse<WorkerInfo>>> ListWorkersAsync(HttpContext http, IScheduler scheduler) =>
        TypedResults.Ok(new ListResponse<WorkerInfo>(await scheduler.ListWorkersAsync(http.RequestAborted), null));

    private static async Task<Ok<ListResponse<QueueInfo>>> ListQueuesAsync(HttpContext http, IScheduler scheduler)
    {
        var ns = Q.NamespaceOf(http);
        var queues = await scheduler.ListQueuesAsync(http.RequestAborted);
        return TypedResults.Ok(new ListResponse<QueueInfo>([.. queues.Where(q => q.Namespace == ns)], null));
    }

    private static ContentHttpResult Ready(IJournal journal, Drain drain)
    {
        if (drain.Token.IsCancellationRequested) throw new ApiFault(ErrorCodes.Busy, "The server is shutting down.");
        return journal.Health is { } trouble ? throw new ApiFault(ErrorCodes.Busy, trouble) : TypedResults.Text("ready\n");
    }
}
