using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>Deploying, validating and listing flows.</summary>
internal static class FlowsApi
{
    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Flows");
        api.MapPost("/flows", DeployAsync).AsCommand().WithQuery(Q.Namespace, Q.Package)
            .WithMetadata(new RequestBody(typeof(DeployRequest), true, ["application/json", "application/yaml"]))
            .WithName("deployFlow").WithSummary("Deploy a flow")
            .WithDescription("Checks the spec and stores it as a new, numbered deployment; the same spec and package again give the deployment that is there. The body may also be the spec itself, as application/yaml.");
        api.MapPost("/flows:validate", ValidateAsync).AsCommand().WithQuery(Q.Namespace, Q.Package)
            .WithMetadata(new RequestBody(typeof(DeployRequest), true, ["application/json", "application/yaml"]))
            .WithName("validateFlow").WithSummary("Check a spec without deploying it").WithDescription("Answers 200 also when there are errors; all of them are listed.");
        api.MapGet("/flows", ListAsync).AsRead().WithQuery(Q.Namespace, Q.Limit, Q.Cursor)
            .WithName("listFlows").WithSummary("List flows, each with its latest deployment");
        api.MapGet("/flows/{flow}", ShowAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showFlow").WithSummary("Show a flow's latest deployment");
        api.MapDelete("/flows/{flow}", DeleteAsync).AsCommand().WithQuery(Q.Namespace, Q.LatestDeployment)
            .WithName("deleteFlow").WithSummary("Delete a flow, with all its deployments")
            .WithDescription("It is listed and started no more. Its runs go on to their end and stay readable, each with its deployment; what is deployed under its name later is numbered on. Repeating it is no error.");
        api.MapGet("/flows/{flow}/deployments", ListDeploymentsAsync).AsRead().WithQuery(Q.Namespace, Q.Limit, Q.Cursor)
            .WithName("listDeployments").WithSummary("List a flow's deployments, newest first");
        api.MapGet("/flows/{flow}/deployments/{version}", ShowDeploymentAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showDeployment").WithSummary("Show one deployment, with its source").WithDescription("Also one whose flow was deleted: it then has deleted_at.");
    }

    private static async Task<Results<Created<DeployResponse>, Ok<DeployResponse>>> DeployAsync(
        HttpContext http, IScheduler scheduler, ISpecReader specs, IBlobStore blobs)
    {
        var ns = Q.NamespaceOf(http);
        var actor = Caller.ActorOf(http);
        var request = await ReadAsync(http);
        if (request.Package is { } package)
        {
            if (!PackagesApi.IsDigest(package))
                throw ApiFault.Field("package", "is not a digest", "Give the package's SHA-256 as 64 lower-case hexadecimal digits.");
            if (await blobs.GetSizeAsync(BlobNames.Package(package), http.RequestAborted) is null)
                throw ApiFault.Field("package", "was not uploaded", $"Upload it first, with PUT /api/v1/packages/{package}.");
        }
        var reading = specs.Read(request.Source);
        if (reading.Spec is null || reading.Errors.Count > 0)
            throw ApiFault.OfSource(ErrorCodes.SpecInvalid, "spec", reading.Errors);
        var deployed = await scheduler.DeployAsync(new DeployFlow(ns, actor, reading.Spec, request.Source, request.Package), http.RequestAborted);
        var answer = new DeployResponse(deployed.Flow, deployed.Version, deployed.Digest, deployed.New);
        return deployed.New
            ? TypedResults.Created(Links.Deployment(ns, deployed.Flow, deployed.Version), answer)
            : TypedResults.Ok(answer);
    }

    private static async Task<Ok<ValidateResponse>> ValidateAsync(HttpContext http, ISpecReader specs)
    {
        var request = await ReadAsync(http);
        var reading = specs.Read(request.Source);
        return TypedResults.Ok(new ValidateResponse(reading.Spec is not null && reading.Errors.Count == 0, reading.Errors));
    }

    private static async Task<Ok<ListResponse<FlowView>>> ListAsync(HttpContext http, IReadModel reads)
    {
        var cursor = Q.Cursor.Read(http);
        Task<Page<DeploymentRow>> Query() => reads.ListFlowsAsync(Q.NamespaceOf(http), cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, row => View(row, withSource: false)));
    }

    private static async Task<Ok<FlowView>> ShowAsync(HttpContext http, string flow, IReadModel reads) =>
        TypedResults.Ok(View(await GetAsync(http, flow, null, reads), withSource: true));

    private static async Task<Ok<DeleteFlowResponse>> DeleteAsync(HttpContext http, string flow, IScheduler scheduler)
    {
        var ns = Q.NamespaceOf(http);
        if (!Names.IsValid(flow)) throw NoFlow(flow, ns);
        var deletion = await scheduler.DeleteFlowAsync(new DeleteFlow(ns, Caller.ActorOf(http), flow, (int?)Q.LatestDeployment.Read(http)), http.RequestAborted);
        return TypedResults.Ok(new DeleteFlowResponse(deletion.Flow, deletion.Deployment, deletion.New));
    }

    private static async Task<Ok<ListResponse<FlowView>>> ListDeploymentsAsync(HttpContext http, string flow, IReadModel reads)
    {
        await GetAsync(http, flow, null, reads);
        var cursor = Q.Cursor.Read(http);
        Task<Page<DeploymentRow>> Query() => reads.ListDeploymentsAsync(Q.NamespaceOf(http), flow, cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, row => View(row, withSource: false)));
    }

    private static async Task<Ok<FlowView>> ShowDeploymentAsync(HttpContext http, string flow, string version, IReadModel reads)
    {
        var number = int.TryParse(version, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var n) && n > 0
            ? n
            : throw ApiFault.Field("version", $"'{Show.Shorten(version, 80)}' is not a version", "Give the number of a deployment, from 1.");
        return TypedResults.Ok(View(await GetAsync(http, flow, number, reads), withSource: true));
    }

    private static async Task<DeploymentRow> GetAsync(HttpContext http, string flow, int? version, IReadModel reads)
    {
        var ns = Q.NamespaceOf(http);
        var row = Names.IsValid(flow) ? await reads.GetDeploymentAsync(ns, flow, version, http.RequestAborted) : null;
        return row ?? throw (version is null ? NoFlow(flow, ns) : ApiFault.NotFound($"Flow '{Show.Shorten(flow, 80)}' has no deployment {version} in namespace {ns}."));
    }

    private static ApiFault NoFlow(string flow, string ns) => ApiFault.NotFound($"There is no flow '{Show.Shorten(flow, 80)}' in namespace {ns}.");

    private static async Task<DeployRequest> ReadAsync(HttpContext http)
    {
        var package = Q.Package.Read(http);
        DeployRequest request;
        if (Body.IsYaml(http))
        {
            request = new DeployRequest(await Body.ReadTextAsync(http, "source", Limits.SpecBytes), package);
        }
        else
        {
            request = await Body.ReadJsonAsync<DeployRequest>(http);
            if (package is not null) request = request with { Package = package };
        }
        if (System.Text.Encoding.UTF8.GetByteCount(request.Source) > Limits.SpecBytes)
            throw ApiFault.TooLarge("source", $"is larger than {Limits.SpecBytes} bytes", "Split the flow, or move data out of the spec into files.");
        return request;
    }

    internal static FlowView View(DeploymentRow row, bool withSource)
    {
        var spec = Deployments.ReadSpec(row);
        return new FlowView(row.Flow, row.Version, row.Digest, spec.Description, row.Package, row.CreatedAt, row.Actor,
            spec.Parameters, [.. spec.Steps.Select(s => s.Name)], withSource ? row.Source : null, row.DeletedAt);
    }
}
