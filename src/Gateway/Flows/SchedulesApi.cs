using Fanfare.Core;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>What starts by itself: listing schedules and what comes of them, pausing and resuming.</summary>
internal static class SchedulesApi
{
    private const int DefaultCount = 10;

    private static readonly (ScheduleVerb Verb, string Summary)[] Verbs =
    [
        (ScheduleVerb.Pause, "Pause a schedule: it starts no run until it is resumed, and what runs goes on"),
        (ScheduleVerb.Resume, "Resume a schedule; times that passed while it was paused are left out"),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Schedules");
        api.MapGet("/schedules", ListAsync).AsRead().WithQuery(Q.Namespace, Q.SchedulesOf, Q.Limit, Q.Cursor)
            .WithName("listSchedules").WithSummary("List schedules, by flow and name");
        api.MapGet("/schedules:upcoming", UpcomingAsync).AsRead().WithQuery(Q.Namespace, Q.SchedulesOf, Q.Schedule, Q.Count)
            .WithName("upcomingTimes").WithSummary("Show what is due next, of one schedule, of a flow's, or of all")
            .WithDescription("As far as no run before holds it up, and nothing is deployed meanwhile. Schedules that are paused are left out.");
        api.MapGet("/flows/{flow}/schedules/{schedule}", ShowAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showSchedule").WithSummary("Show a schedule");
        foreach (var (verb, summary) in Verbs)
        {
            var word = GatewayJson.Word(verb);
            api.MapPost($"/flows/{{flow}}/schedules/{{schedule}}:{word}", (HttpContext http, string flow, string schedule, IScheduler scheduler, IReadModel reads) => CommandAsync(http, flow, schedule, verb, scheduler, reads))
                .AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(ScheduleCommandRequest))
                .WithName(word + "Schedule").WithSummary(summary);
        }
        api.MapPost("/flows/{flow}/schedules/{schedule}", (string schedule) => UnknownVerb(schedule)).WithQuery(Q.Namespace).ExcludeFromDescription();
    }

    private static async Task<Ok<ListResponse<ScheduleView>>> ListAsync(HttpContext http, IReadModel reads)
    {
        var cursor = Q.Cursor.Read(http);
        Task<Page<ScheduleRow>> Query() => reads.ListSchedulesAsync(Q.NamespaceOf(http), Q.SchedulesOf.Read(http), cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, View));
    }

    private static async Task<Ok<ListResponse<ScheduleTime>>> UpcomingAsync(HttpContext http, IReadModel reads)
    {
        var (ns, flow, schedule) = (Q.NamespaceOf(http), Q.SchedulesOf.Read(http), Q.Schedule.Read(http));
        var count = (int)(Q.Count.Read(http) ?? DefaultCount);
        if (schedule is not null && flow is null) throw ApiFault.Field("schedule", "is of no flow", "Name its flow, too, with flow=.");
        IReadOnlyList<ScheduleRow> rows = flow is null ? await reads.ListDueSchedulesAsync(ns, count, http.RequestAborted)
            : schedule is null ? (await reads.ListSchedulesAsync(ns, flow, null, Limits.Schedules, http.RequestAborted)).Items
            : [await GetAsync(http, flow, schedule, reads)];
        // Of all schedules, the first times are among those of the ones that are due first.
        var times = rows.Where(row => row.Due is not null).SelectMany(row => TimesOf(row, count)).OrderBy(time => time.Due).ThenBy(time => time.Flow, StringComparer.Ordinal).ThenBy(time => time.Schedule, StringComparer.Ordinal);
        return TypedResults.Ok(new ListResponse<ScheduleTime>([.. times.Take(count)], null));
    }

    /// <summary>What is due next of a schedule that is not paused.</summary>
    public static IEnumerable<ScheduleTime> TimesOf(ScheduleRow row, int count)
    {
        var (stream, standing) = (StreamId.Schedule(row.Namespace, row.Flow, row.Schedule).ToString(), row.Standing!);
        var timetable = TimetableOf(row);
        var time = standing.Until;
        for (var i = 0; i < count && timetable.Next(time) is { } next; i++)
        {
            yield return new ScheduleTime(row.Flow, row.Schedule, next + timetable.JitterOf(stream, next), timetable.IntervalOf(next));
            time = next;
        }
    }

    private static async Task<Ok<ScheduleView>> ShowAsync(HttpContext http, string flow, string schedule, IReadModel reads) =>
        TypedResults.Ok(View(await GetAsync(http, flow, schedule, reads)));

    private static async Task<Ok<ScheduleView>> CommandAsync(HttpContext http, string flow, string schedule, ScheduleVerb verb, IScheduler scheduler, IReadModel reads)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync(http, new ScheduleCommandRequest());
        Body.CheckReason(request.Reason);
        if (request.Reason is not null && verb != ScheduleVerb.Pause) throw ApiFault.Field("reason", "applies to pause only", "Leave it out.");
        var row = await GetAsync(http, flow, schedule, reads);
        await scheduler.CommandScheduleAsync(new CommandSchedule(row.Namespace, actor, row.Flow, row.Schedule, verb, request.Reason), http.RequestAborted);
        return TypedResults.Ok(View(await GetAsync(http, flow, schedule, reads)));
    }

    public static async Task<ScheduleRow> GetAsync(HttpContext http, string flow, string schedule, IReadModel reads)
    {
        var ns = Q.NamespaceOf(http);
        var row = Names.IsValid(flow) && Names.IsValid(schedule) ? await reads.GetScheduleAsync(ns, flow, schedule, http.RequestAborted) : null;
        return row ?? throw ApiFault.NotFound($"Flow '{Show.Shorten(flow, 80)}' has no schedule '{Show.Shorten(schedule, 80)}' in namespace {ns}. A flow's latest deployment says which it has.");
    }

    public static Timetable TimetableOf(ScheduleRow row) =>
        Timetable.Compile(row.Standing!.Spec, out _) ?? throw new JournalFormatException($"Schedule {row.Schedule} of flow {row.Flow} cannot be understood.");

    private static Ok UnknownVerb(string schedule) => throw ApiFault.UnknownVerb("schedule", schedule, [.. Verbs.Select(v => GatewayJson.Word(v.Verb)), "backfill", "rerun"]);

    private static ScheduleView View(ScheduleRow row) => new(row.Flow, row.Schedule, row.Due, row.Standing!);
}
