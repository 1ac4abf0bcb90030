using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>Starting, listing, showing and commanding runs.</summary>
internal static class RunsApi
{
    public const int MaxPriority = 100;

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Runs");
        api.MapPost("/flows/{flow}/runs", StartAsync).AsCommand().WithQuery(Q.Namespace)
            .WithJsonBody(typeof(StartRunRequest))
            .WithName("startRun").WithSummary("Start a run")
            .WithDescription("The header Idempotency-Key (or the field) makes a repeat answer 200 with the run that the key started first.");
        api.MapGet("/runs", ListAsync).AsRead()
            .WithQuery(Q.Namespace, Q.Flow, Q.RunStatus, Q.Tag, Q.After, Q.Before, Q.Active, Q.Deployment, Q.Limit, Q.Cursor)
            .WithName("listRuns").WithSummary("List runs, newest first");
        api.MapGet("/runs/{run}", ShowAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showRun").WithSummary("Show a run");
        foreach (var (verb, summary) in Verbs)
        {
            var word = GatewayJson.Word(verb);
            api.MapPost($"/runs/{{run}}:{word}", (HttpContext http, string run, IScheduler scheduler, IReadModel reads) => CommandAsync(http, run, verb, scheduler, reads))
                .AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(RunCommandRequest))
                .WithName(word + "Run").WithSummary(summary);
        }
        api.MapPost("/runs/{run}", (string run) => UnknownVerb(run)).WithQuery(Q.Namespace).ExcludeFromDescription();
    }

    private static readonly (RunVerb Verb, string Summary)[] Verbs =
    [
        (RunVerb.Cancel, "Cancel a run: nothing more starts, and what runs is ended"),
        (RunVerb.Pause, "Pause a run: nothing more starts, what runs goes on"),
        (RunVerb.Resume, "Resume a paused run"),
        (RunVerb.Retry, "Reopen a run that failed or was cancelled, from its failed tasks, or with from_step from that step"),
    ];

    private static async Task<Results<Created<StartRunResponse>, Ok<StartRunResponse>>> StartAsync(
        HttpContext http, string flow, IScheduler scheduler, TimeProvider clock)
    {
        var ns = Q.NamespaceOf(http);
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync(http, new StartRunRequest());
        if (!Names.IsValid(flow)) throw ApiFault.NotFound($"There is no flow of that name in namespace {ns}: {Names.Rule}.");
        var command = new StartRun(ns, actor, flow, Deployment(request), Parameters(request), Tags(request), CheckPriority(request.Priority),
            IdempotencyKey.Of(http, request.IdempotencyKey), RunIds.New(clock.GetUtcNow()));
        var asked = clock.GetUtcNow();
        var started = await scheduler.StartRunAsync(command, http.RequestAborted);
        http.RequestServices.GetService<TraceExport>()?.Started(http, ns, started.Run, flow, asked, clock.GetUtcNow());
        var answer = new StartRunResponse(started.Run, flow, started.Deployment, started.New, Links.RunPage(ns, started.Run));
        return started.New ? TypedResults.Created(Links.Run(ns, started.Run), answer) : TypedResults.Ok(answer);
    }

    private static async Task<Ok<ListResponse<RunView>>> ListAsync(HttpContext http, IReadModel reads)
    {
        var cursor = Q.Cursor.Read(http);
        Task<Page<RunRow>> Query() => reads.ListRunsAsync(Filter(http), cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, View));
    }

    internal static RunFilter Filter(HttpContext http) => new(
        Q.NamespaceOf(http), Q.Flow.Read(http), Q.RunStatus.Read(http), Q.Tag.Read(http),
        Q.After.Read(http), Q.Before.Read(http), Q.Active.Read(http), (int?)Q.Deployment.Read(http));

    private static async Task<Ok<RunView>> ShowAsync(HttpContext http, string run, IReadModel reads) =>
        TypedResults.Ok(View(await reads.GetRunAsync(http, run)));

    private static async Task<Ok<RunCommandResponse>> CommandAsync(HttpContext http, string run, RunVerb verb, IScheduler scheduler, IReadModel reads)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync(http, new RunCommandRequest());
        Body.CheckReason(request.Reason);
        if (request.FromStep is { } step)
        {
            if (verb != RunVerb.Retry) throw ApiFault.Field("from_step", "applies to retry only", "Leave it out.");
            if (!Names.IsValid(step)) throw ApiFault.Field("from_step", "is not the name of a step", $"Name a step of the flow; {Names.Rule}.");
        }
        var row = await reads.GetRunAsync(http, run);
        var status = await scheduler.CommandRunAsync(new CommandRun(row.Namespace, actor, row.Run, verb, request.Reason, request.FromStep), http.RequestAborted);
        return TypedResults.Ok(new RunCommandResponse(row.Run, status));
    }

    private static Ok UnknownVerb(string run) => throw ApiFault.UnknownVerb("run", run, [.. Verbs.Select(v => GatewayJson.Word(v.Verb))]);

    internal static RunView View(RunRow row) => new(
        row.Run, row.Flow, row.Deployment, row.Status, GatewayJson.Element(row.Parameters), row.Tags, row.Priority, row.IdempotencyKey,
        row.Actor, row.Generation, row.CreatedAt, row.EndedAt, row.Error, Links.RunPage(row.Namespace, row.Run));

    private static int? Deployment(StartRunRequest request) => request.Deployment is <= 0
        ? throw ApiFault.Field("deployment", "is not a version", "Give the number of a deployment, from 1, or leave it out for the latest.")
        : request.Deployment;

    private static string Parameters(StartRunRequest request)
    {
        if (request.Parameters is null) return "{}";
        foreach (var (name, value) in request.Parameters)
        {
            if (!Names.IsValid(name))
                throw new ApiFault(ErrorCodes.ParametersInvalid, "A parameter's name is not valid.",
                    new FieldError($"parameters.{(name.Length > 80 ? name[..80] : name)}", "is not a name", $"Use the names that the flow declares; {Names.Rule}."));
            Body.CheckText($"parameters.{name}", value);
        }
        var json = JsonSerializer.SerializeToUtf8Bytes(request.Parameters, GatewayJson.Strict.GetTypeInfo(typeof(IReadOnlyDictionary<string, JsonElement>)));
        return json.Length <= Limits.ParameterBytes
            ? System.Text.Encoding.UTF8.GetString(json)
            : throw ApiFault.TooLarge("parameters", $"are larger than {Limits.ParameterBytes} bytes", "Put large data into a file and pass its place.");
    }

    private static IReadOnlyList<string> Tags(StartRunRequest request)
    {
        var tags = request.Tags ?? [];
        if (tags.Count > Limits.Tags) throw ApiFault.TooLarge("tags", $"are more than {Limits.Tags}", "Give fewer.");
        for (var i = 0; i < tags.Count; i++)
            if (!Printable.IsValid(tags[i], Limits.TagChars))
                throw ApiFault.Field($"tags[{i}]", "is not a tag", $"Give 1 to {Limits.TagChars} printable characters.");
        return tags;
    }

    /// <exception cref="ApiFault">It is none.</exception>
    public static int CheckPriority(int priority) => priority is >= -MaxPriority and <= MaxPriority
        ? priority
        : throw ApiFault.Field("priority", "is out of range", $"Give a number from -{MaxPriority} to {MaxPriority}.");
}
