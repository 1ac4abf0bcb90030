using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>Events: publishing them, and what came of them.</summary>
internal static class EventsApi
{
    /// <summary>Dead letters that one command settles, and how many at a time.</summary>
    private const int MostLetters = 1000, LettersAtOnce = 16;

    private static readonly (DeadLetterVerb Verb, string Summary)[] Verbs =
    [
        (DeadLetterVerb.Redrive, "Try again what could not start, by the triggers as they are now"),
        (DeadLetterVerb.Dismiss, "Dismiss what could not start"),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Events");
        api.MapPost("/events", PostAsync).AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(PublishRequest), required: true)
            .WithName("publishEvent").WithSummary("Publish an event: the flows whose triggers listen for it start")
            .WithDescription("The answer says what it came to at every trigger. With an idempotency key it is published once, however often it is sent.");
        api.MapGet("/events", ListAsync).AsRead().WithQuery(Q.Namespace, Q.EventName, Q.Limit, Q.Cursor)
            .WithName("listEvents").WithSummary("List events, newest first");
        api.MapGet("/events/{event}", ShowAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showEvent").WithSummary("Show an event, and what it came to at every trigger");
        api.MapGet("/dead-letters", ListDeadAsync).AsRead().WithQuery(Q.Namespace, Q.DeadLettersOf, Q.Trigger, Q.Limit, Q.Cursor)
            .WithName("listDeadLetters").WithSummary("List what should have started a run and could not, oldest first");
        foreach (var (verb, summary) in Verbs)
        {
            var word = GatewayJson.Word(verb);
            api.MapPost($"/dead-letters:{word}", (HttpContext http, IScheduler scheduler, IReadModel reads) => SettleAsync(http, verb, scheduler, reads))
                .AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(DeadLettersRequest))
                .WithName(word + "DeadLetters").WithSummary(summary);
        }
    }

    /// <summary>Publishes what was asked for, wherever that came from.</summary>
    public static async Task<PublishResponse> PublishAsync(HttpContext http, string actor, string name, string payload, string? key, IScheduler scheduler)
    {
        var clock = http.RequestServices.GetRequiredService<TimeProvider>();
        var published = await scheduler.PublishAsync(new PublishEvent(Q.NamespaceOf(http), actor, name, payload, key, RunIds.NewEvent(clock.GetUtcNow())), http.RequestAborted);
        return new PublishResponse(published.Event, name, published.New, [.. published.Outcomes.Select(View)]);
    }

    private static async Task<Results<Created<PublishResponse>, Ok<PublishResponse>>> PostAsync(HttpContext http, IScheduler scheduler)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync<PublishRequest>(http);
        if (!Names.IsEvent(request.Name)) throw ApiFault.Field("name", "is no name of an event", $"Choose another: {Names.EventRule}.");
        var key = IdempotencyKey.Of(http, request.IdempotencyKey);
        var response = await PublishAsync(http, actor, request.Name, Payload(request.Payload), key, scheduler);
        return response.New ? TypedResults.Created($"/api/v1/events/{response.Event}", response) : TypedResults.Ok(response);
    }

    private static string Payload(JsonElement? given)
    {
        if (given is not { } payload) return "{}";
        if (payload.ValueKind != JsonValueKind.Object) throw ApiFault.Field("payload", "is no JSON object", "Give an object of names and values.");
        Body.CheckText("payload", payload);
        var json = payload.GetRawText();
        return Encoding.UTF8.GetByteCount(json) <= Limits.PayloadBytes ? json : throw ApiFault.TooLarge("payload", $"is larger than {Limits.PayloadBytes} bytes", "Put large data into a file and pass its place.");
    }

    private static async Task<Ok<ListResponse<PublishedView>>> ListAsync(HttpContext http, IReadModel reads)
    {
        var cursor = Q.Cursor.Read(http);
        Task<Page<EventRow>> Query() => reads.ListEventsAsync(Q.NamespaceOf(http), Q.EventName.Read(http), cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, View));
    }

    private static async Task<Ok<PublishedView>> ShowAsync(HttpContext http, string @event, IReadModel reads) => TypedResults.Ok(View(await GetAsync(http, @event, reads)));

    public static async Task<EventRow> GetAsync(HttpContext http, string @event, IReadModel reads)
    {
        var ns = Q.NamespaceOf(http);
        var row = RunIds.IsPossible(@event) ? await reads.GetEventAsync(ns, @event, http.RequestAborted) : null;
        return row ?? throw ApiFault.NotFound($"There is no event '{Show.Shorten(@event, 80)}' in namespace {ns}.");
    }

    private static async Task<Ok<ListResponse<DeadLetterView>>> ListDeadAsync(HttpContext http, IReadModel reads)
    {
        var cursor = Q.Cursor.Read(http);
        var (flow, trigger) = (Q.DeadLettersOf.Read(http), Q.Trigger.Read(http));
        if (trigger is not null && flow is null) throw ApiFault.Field("trigger", "is of no flow", "Name its flow, too, with flow=.");
        Task<Page<DeadLetterRow>> Query() => reads.ListDeadLettersAsync(Q.NamespaceOf(http), flow, trigger, cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, row => new DeadLetterView(row.Event, row.Origin.Kind, row.Origin.Name, row.Flow, row.Trigger, row.At, row.Reason!)));
    }

    private static async Task<Ok<DeadLettersResponse>> SettleAsync(HttpContext http, DeadLetterVerb verb, IScheduler scheduler, IReadModel reads)
    {
        var (ns, actor) = (Q.NamespaceOf(http), Caller.ActorOf(http));
        var request = await Body.ReadJsonAsync(http, new DeadLettersRequest());
        if (request.Trigger is not null && request.Flow is null) throw ApiFault.Field("trigger", "is of no flow", "Name its flow, too.");
        var (letters, more) = await MeantAsync(ns, request, reads, http.RequestAborted);
        var (settled, failed) = (0, 0);
        await Parallel.ForEachAsync(
            letters.GroupBy(letter => letter.Event),
            new ParallelOptions { MaxDegreeOfParallelism = LettersAtOnce, CancellationToken = http.RequestAborted },
            async (ofEvent, cancel) =>
            {
                foreach (var letter in ofEvent)
                {
                    var outcomes = await scheduler.CommandDeadLettersAsync(new CommandDeadLetters(ns, actor, letter.Event, verb, letter.Flow, letter.Trigger), cancel);
                    Interlocked.Add(ref failed, outcomes.Count(outcome => outcome.Result == TriggerResult.Failed));
                    Interlocked.Add(ref settled, outcomes.Count(outcome => outcome.Result != TriggerResult.Failed));
                }
            });
        return TypedResults.Ok(new DeadLettersResponse(settled, failed, more));
    }

    private static async Task<(IReadOnlyList<DeadLetterRow> Letters, bool More)> MeantAsync(string ns, DeadLettersRequest request, IReadModel reads, CancellationToken cancellationToken)
    {
        if (request.Event is null)
        {
            var page = await reads.ListDeadLettersAsync(ns, request.Flow, request.Trigger, null, MostLetters, cancellationToken);
            return (page.Items, page.Next is not null);
        }
        var row = RunIds.IsPossible(request.Event) ? await reads.GetEventAsync(ns, request.Event, cancellationToken) : null;
        if (row is null) throw ApiFault.NotFound($"There is no event '{Show.Shorten(request.Event, 80)}' in namespace {ns}.");
        return ([.. row.Outcomes
            .Where(o => o.Result == TriggerResult.Failed && (request.Flow is null || o.Flow == request.Flow) && (request.Trigger is null || o.Trigger == request.Trigger))
            .Select(o => new DeadLetterRow(ns, row.Event, o.Flow, o.Trigger, row.Origin, row.At, o.Reason))], false);
    }

    private static PublishedView View(EventRow row) =>
        new(row.Event, row.Origin.Kind, row.Origin.Name, GatewayJson.Element(row.Payload), row.Key, row.Actor, row.At, [.. row.Outcomes.Select(View)]);

    private static OutcomeView View(TriggerOutcome outcome) => new(outcome.Flow, outcome.Trigger, outcome.Deployment, outcome.Result, outcome.Start?.Run, outcome.Reason);
}
