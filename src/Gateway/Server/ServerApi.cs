using System.Reflection;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>The server itself: version, health, workers, queues.</summary>
internal static class ServerApi
{
    public static readonly string Version = typeof(ServerApi).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion.Split('+')[0];

    public const string DrainPath = "/api/v1/server:drain";

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Server");
        api.MapGet("/version", ShowVersion).AsRead().WithQuery().WithName("showVersion").WithSummary("Show the server's version and data directory");
        api.MapGet("/workers", ListWorkersAsync).AsRead().WithQuery().WithName("listWorkers").WithSummary("List workers seen lately");
        api.MapGet("/queues", ListQueuesAsync).AsRead().WithQuery(Q.Namespace).WithName("listQueues").WithSummary("List queues and what waits in them");
        api.MapGet("/nodes", ListNodesAsync).AsRead().WithQuery().WithName("listNodes").WithSummary("List the servers that share the work, and what each has")
            .WithDescription("Empty where a server has its journal to itself, or leads alone. A server that does not answer has an empty version.");
        api.MapPost("/server:drain", DrainAsync).AsCommand().WithQuery(Q.Forward).WithName("drain").WithSummary("Have the other servers take over what this one does")
            .WithDescription("Where servers share the work, the one that is asked gives what it owns to the others, and owns nothing for five minutes. Where one leads, another does in its place: answered when the other one leads. The server that was drained stands by from then on, and for five minutes leads only where nobody else does. Refused where no other server waits to lead.");
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

    private static async Task<Ok<ListResponse<NodeInfo>>> ListNodesAsync(HttpContext http, CancellationToken cancellationToken) =>
        TypedResults.Ok(new ListResponse<NodeInfo>(http.RequestServices.GetService<ICluster>() is { } cluster ? await cluster.ListNodesAsync(cancellationToken) : [], null));

    /// <summary>Whether the request is for the server that it came to, whether that leads or not.</summary>
    public static bool IsToStay(HttpRequest request) => (request.Path == DrainPath && request.Query[Q.Forward.Name] is ["false" or "0"]) || request.Path == LogLevelsApi.ListPath || request.Path == LogLevelsApi.SetPath;

    private static async Task<Ok<DrainResponse>> DrainAsync(HttpContext http, CancellationToken cancellationToken)
    {
        Q.Forward.Read(http);
        if (http.RequestServices.GetService<ICluster>() is { } cluster) return TypedResults.Ok(new DrainResponse(true, await cluster.DrainAsync(cancellationToken), null));
        var leadership = http.RequestServices.GetService<ILeadership>()
            ?? throw new ApiFault(ErrorCodes.Conflict, "This server has its journal to itself, in its data directory: no other can lead. Stop it instead (SIGTERM); what is unfinished goes on at its next start.");
        var own = leadership.Own?.ToString().TrimEnd('/');
        if (!leadership.IsLeader) return TypedResults.Ok(new DrainResponse(false, own, leadership.Leader?.ToString().TrimEnd('/')));
        var successor = await leadership.HandOverAsync(cancellationToken);
        return TypedResults.Ok(new DrainResponse(true, own, successor.ToString().TrimEnd('/')));
    }

    private static ContentHttpResult Ready(IJournal journal, Drain drain)
    {
        if (drain.Token.IsCancellationRequested) throw new ApiFault(ErrorCodes.Busy, "The server is shutting down.");
        return journal.Health is { } trouble ? throw new ApiFault(ErrorCodes.Busy, trouble) : TypedResults.Text("ready\n");
    }
}
