using Fanfare.Core;
using Microsoft.AspNetCore.Http.HttpResults;
using Derived = Fanfare.Core.RunIds;

namespace Fanfare.Gateway;

/// <summary>Backfills of schedules, and one interval run again.</summary>
internal static class BackfillsApi
{
    /// <summary>How far below the schedule's own priority its backfills are, when nobody says otherwise.</summary>
    private const int Below = 10;

    private const string Forms = "Write it as 2026-11-27T06:00:00Z or with another offset, or as 2026-11-27T06:00 or 2026-11-27 in the schedule's time zone.";

    private static readonly (BackfillVerb Verb, string Summary)[] Verbs =
    [
        (BackfillVerb.Pause, "Pause a backfill: nothing more of it begins until it is resumed, and what runs goes on"),
        (BackfillVerb.Resume, "Resume a backfill"),
        (BackfillVerb.Cancel, "Cancel a backfill for good: nothing more of it begins"),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Schedules");
        api.MapPost("/flows/{flow}/schedules/{schedule}:backfill", StartAsync).AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(BackfillRequest), required: true)
            .WithName("startBackfill").WithSummary("Make up for a range of a schedule's data intervals, or run them again")
            .WithDescription("An interval that has had no run gets the one that the schedule would have started, and that once, whoever starts it.");
        api.MapPost("/flows/{flow}/schedules/{schedule}:rerun", RerunAsync).AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(RerunRequest), required: true)
            .WithName("rerunInterval").WithSummary("Run one data interval of a schedule again").WithDescription("It is a backfill of that interval.");
        api.MapGet("/backfills", ListAsync).AsRead().WithQuery(Q.Namespace, Q.BackfillsOf, Q.Limit, Q.Cursor)
            .WithName("listBackfills").WithSummary("List backfills, newest first");
        api.MapGet("/backfills/{backfill}", ShowAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showBackfill").WithSummary("Show a backfill: how far it is, and what came of it");
        foreach (var (verb, summary) in Verbs)
        {
            var word = GatewayJson.Word(verb);
            api.MapPost($"/backfills/{{backfill}}:{word}", (HttpContext http, string backfill, IScheduler scheduler, IReadModel reads) => CommandAsync(http, backfill, verb, scheduler, reads))
                .AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(BackfillCommandRequest))
                .WithName(word + "Backfill").WithSummary(summary);
        }
        api.MapPost("/backfills/{backfill}", (string backfill) => UnknownVerb(backfill)).WithQuery(Q.Namespace).ExcludeFromDescription();
    }

    private static async Task<Results<Created<BackfillView>, Ok<BackfillView>>> StartAsync(HttpContext http, string flow, string schedule, IScheduler scheduler, IReadModel reads)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync<BackfillRequest>(http);
        var key = IdempotencyKey.Of(http, request.IdempotencyKey);
        var row = await SchedulesApi.GetAsync(http, flow, schedule, reads);
        var spec = row.Standing!.Spec;
        var now = Now(http);
        var from = Time("from", request.From, spec);
        var to = request.To is { } given ? Time("to", given, spec) : now;
        if (to > now) throw ApiFault.Field("to", "lies in the future", "Give a time that has been; what comes is the schedule's own.");
        if (from >= to) throw ApiFault.Field("from", "is not before 'to'", "Give an earlier time, or a later 'to'.");
        if (request.Parallel is < 1 or > Limits.BackfillParallel) throw ApiFault.Field("parallel", "is out of range", $"Give a number from 1 to {Limits.BackfillParallel}.");
        var priority = RunsApi.CheckPriority(request.Priority ?? Math.Max(-RunsApi.MaxPriority, spec.Priority - Below));
        return await BeginAsync(http, actor, new BackfillPlan(row.Flow, row.Schedule, from, to, request.NewestFirst, request.Parallel, priority, request.Rerun, 0), key, scheduler, reads);
    }

    private static async Task<Results<Created<BackfillView>, Ok<BackfillView>>> RerunAsync(HttpContext http, string flow, string schedule, IScheduler scheduler, IReadModel reads)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync<RerunRequest>(http);
        var key = IdempotencyKey.Of(http, request.IdempotencyKey);
        var row = await SchedulesApi.GetAsync(http, flow, schedule, reads);
        var spec = row.Standing!.Spec;
        var time = Time("time", request.Time, spec);
        if (time > Now(http)) throw ApiFault.Field("time", "lies in the future", "Give a time that has been; what comes is the schedule's own.");
        var timetable = SchedulesApi.TimetableOf(row);
        if (timetable.Previous(time.AddTicks(1)) != time || time < spec.Start)
        {
            var near = string.Join(" and ", new[] { timetable.Previous(time), timetable.Next(time) }.OfType<DateTimeOffset>().Where(each => !(each < spec.Start)).Select(ScheduleParameters.Text));
            throw ApiFault.Field("time", "is no time at which the schedule is due", near.Length == 0 ? "Look at its times with: fanfare schedule next" : $"Those nearest to it are {near}.");
        }
        var interval = timetable.IntervalOf(time);
        var priority = RunsApi.CheckPriority(request.Priority ?? spec.Priority);
        return await BeginAsync(http, actor, new BackfillPlan(row.Flow, row.Schedule, interval.Start, interval.End, NewestFirst: true, 1, priority, BackfillRerun.All, 0), key, scheduler, reads);
    }

    private static async Task<Results<Created<BackfillView>, Ok<BackfillView>>> BeginAsync(HttpContext http, string actor, BackfillPlan plan, string? key, IScheduler scheduler, IReadModel reads)
    {
        var ns = Q.NamespaceOf(http);
        var id = key is null ? RunIds.NewBackfill(Now(http)) : Derived.OfBackfillKey(ns, plan.Flow, plan.Schedule, key);
        if (key is not null && await reads.GetBackfillAsync(ns, id, http.RequestAborted) is { } there) return TypedResults.Ok(View(there));
        await scheduler.StartBackfillAsync(new StartBackfill(ns, actor, id, plan), http.RequestAborted);
        return TypedResults.Created($"/api/v1/backfills/{id}", View(await GetAsync(http, id, reads)));
    }

    private static async Task<Ok<ListResponse<BackfillView>>> ListAsync(HttpContext http, IReadModel reads)
    {
        var cursor = Q.Cursor.Read(http);
        Task<Page<BackfillRow>> Query() => reads.ListBackfillsAsync(Q.NamespaceOf(http), Q.BackfillsOf.Read(http), cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, View));
    }

    private static async Task<Ok<BackfillView>> ShowAsync(HttpContext http, string backfill, IReadModel reads) => TypedResults.Ok(View(await GetAsync(http, backfill, reads)));

    private static async Task<Ok<BackfillView>> CommandAsync(HttpContext http, string backfill, BackfillVerb verb, IScheduler scheduler, IReadModel reads)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync(http, new BackfillCommandRequest());
        Body.CheckReason(request.Reason);
        if (request.Reason is not null && verb == BackfillVerb.Resume) throw ApiFault.Field("reason", "applies to pause and cancel only", "Leave it out.");
        if (request.Runs && verb != BackfillVerb.Cancel) throw ApiFault.Field("runs", "applies to cancel only", "Leave it out.");
        var row = await GetAsync(http, backfill, reads);
        await scheduler.CommandBackfillAsync(new CommandBackfill(row.Namespace, actor, row.Backfill, verb, request.Reason, request.Runs), http.RequestAborted);
        return TypedResults.Ok(View(await GetAsync(http, backfill, reads)));
    }

    public static async Task<BackfillRow> GetAsync(HttpContext http, string backfill, IReadModel reads)
    {
        var ns = Q.NamespaceOf(http);
        var row = RunIds.IsPossible(backfill) ? await reads.GetBackfillAsync(ns, backfill, http.RequestAborted) : null;
        return row ?? throw ApiFault.NotFound($"There is no backfill '{Show.Shorten(backfill, 80)}' in namespace {ns}.");
    }

    private static DateTimeOffset Time(string field, string text, ScheduleSpec spec) => ScheduleTimes.Read(text, spec) ?? throw ApiFault.Field(field, "is no time", Forms);

    private static DateTimeOffset Now(HttpContext http) => http.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();

    private static Ok UnknownVerb(string backfill) => throw ApiFault.UnknownVerb("backfill", backfill, [.. Verbs.Select(v => GatewayJson.Word(v.Verb))]);

    private static BackfillView View(BackfillRow row) => new(row.Backfill, row.Flow, row.Schedule, row.Actor, row.CreatedAt, row.Standing);
}
