using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>What starts flows by events and by ends of runs: listing triggers, pausing and resuming.</summary>
internal static class TriggersApi
{
    private static readonly (ScheduleVerb Verb, string Summary)[] Verbs =
    [
        (ScheduleVerb.Pause, "Pause a trigger: nothing starts by it until it is resumed"),
        (ScheduleVerb.Resume, "Resume a trigger; events that came while it was paused are left out"),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Events");
        api.MapGet("/triggers", ListAsync).AsRead().WithQuery(Q.Namespace, Q.TriggersOf, Q.Limit, Q.Cursor)
            .WithName("listTriggers").WithSummary("List triggers, by flow and name");
        api.MapGet("/flows/{flow}/triggers/{trigger}", ShowAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showTrigger").WithSummary("Show a trigger, and what one that needs several events has so far");
        foreach (var (verb, summary) in Verbs)
        {
            var word = GatewayJson.Word(verb);
            api.MapPost($"/flows/{{flow}}/triggers/{{trigger}}:{word}", (HttpContext http, string flow, string trigger, IScheduler scheduler, IReadModel reads) => CommandAsync(http, flow, trigger, verb, scheduler, reads))
                .AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(TriggerCommandRequest))
                .WithName(word + "Trigger").WithSummary(summary);
        }
        api.MapPost("/flows/{flow}/triggers/{trigger}", (string trigger) => UnknownVerb(trigger)).WithQuery(Q.Namespace).ExcludeFromDescription();
    }

    private static async Task<Ok<ListResponse<TriggerView>>> ListAsync(HttpContext http, IReadModel reads)
    {
        var cursor = Q.Cursor.Read(http);
        Task<Page<TriggerRow>> Query() => reads.ListTriggersAsync(Q.NamespaceOf(http), Q.TriggersOf.Read(http), cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, View));
    }

    private static async Task<Ok<TriggerView>> ShowAsync(HttpContext http, string flow, string trigger, IReadModel reads, IScheduler scheduler)
    {
        var row = await GetAsync(http, flow, trigger, reads);
        if (!row.Standing!.Spec.All) return TypedResults.Ok(View(row));
        var held = await scheduler.ReadHeldAsync(row.Namespace, new TriggerName(flow, trigger), row.Standing.Spec, http.RequestAborted);
        return TypedResults.Ok(View(row) with { Held = [.. held.Select(had => new HeldView(had.Source, had.Id, had.PublishedAt, GatewayJson.Element(had.Parameters)))] });
    }

    private static async Task<Ok<TriggerView>> CommandAsync(HttpContext http, string flow, string trigger, ScheduleVerb verb, IScheduler scheduler, IReadModel reads)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync(http, new TriggerCommandRequest());
        Body.CheckReason(request.Reason);
        if (request.Reason is not null && verb != ScheduleVerb.Pause) throw ApiFault.Field("reason", "applies to pause only", "Leave it out.");
        var row = await GetAsync(http, flow, trigger, reads);
        await scheduler.CommandTriggerAsync(new CommandTrigger(row.Namespace, actor, row.Flow, row.Trigger, verb, request.Reason), http.RequestAborted);
        return TypedResults.Ok(View(await GetAsync(http, flow, trigger, reads)));
    }

    private static async Task<TriggerRow> GetAsync(HttpContext http, string flow, string trigger, IReadModel reads)
    {
        var ns = Q.NamespaceOf(http);
        var row = Names.IsValid(flow) && Names.IsValid(trigger) ? await reads.GetTriggerAsync(ns, flow, trigger, http.RequestAborted) : null;
        return row ?? throw ApiFault.NotFound($"Flow '{Show.Shorten(flow, 80)}' has no trigger '{Show.Shorten(trigger, 80)}' in namespace {ns}. A flow's latest deployment says which it has.");
    }

    private static Ok UnknownVerb(string trigger) => throw ApiFault.UnknownVerb("trigger", trigger, [.. Verbs.Select(v => GatewayJson.Word(v.Verb))]);

    private static TriggerView View(TriggerRow row) => new(row.Flow, row.Trigger, row.Standing!);
}
