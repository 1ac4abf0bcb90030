using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>Notices: who was told what, and what did not arrive.</summary>
internal static class NoticesApi
{
    /// <summary>Notices that one command deals with, and how many at a time.</summary>
    private const int MostNotices = 1000, NoticesAtOnce = 16;

    private static readonly (DeadLetterVerb Verb, string Summary)[] Verbs =
    [
        (DeadLetterVerb.Redrive, "Tell receivers once more that could not be told"),
        (DeadLetterVerb.Dismiss, "Dismiss that receivers could not be told"),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1").WithTags("Notices");
        api.MapGet("/notices", ListAsync).AsRead().WithQuery(Q.Namespace, Q.NoticesOf, Q.Dead, Q.Limit, Q.Cursor)
            .WithName("listNotices").WithSummary("List notices, newest first");
        api.MapGet("/notices/{notice}", ShowAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showNotice").WithSummary("Show a notice, and how it stands with each receiver");
        foreach (var (verb, summary) in Verbs)
        {
            var word = GatewayJson.Word(verb);
            api.MapPost($"/notices:{word}", (HttpContext http, IScheduler scheduler, IReadModel reads) => SettleAsync(http, verb, scheduler, reads))
                .AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(NoticesRequest))
                .WithName(word + "Notices").WithSummary(summary);
        }
    }

    private static async Task<Ok<ListResponse<NoticeView>>> ListAsync(HttpContext http, IReadModel reads)
    {
        var cursor = Q.Cursor.Read(http);
        Task<Page<NoticeRow>> Query() => reads.ListNoticesAsync(Q.NamespaceOf(http), Q.NoticesOf.Read(http), Q.Dead.Read(http) is true, cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, View));
    }

    private static async Task<Ok<NoticeView>> ShowAsync(HttpContext http, string notice, IReadModel reads) =>
        TypedResults.Ok(View(await GetAsync(Q.NamespaceOf(http), notice, reads, http.RequestAborted)));

    private static async Task<Ok<NoticesResponse>> SettleAsync(HttpContext http, DeadLetterVerb verb, IScheduler scheduler, IReadModel reads)
    {
        var (ns, actor) = (Q.NamespaceOf(http), Caller.ActorOf(http));
        var request = await Body.ReadJsonAsync(http, new NoticesRequest());
        var (notices, more) = await MeantAsync(ns, request, reads, http.RequestAborted);
        var settled = 0;
        await Parallel.ForEachAsync(notices, new ParallelOptions { MaxDegreeOfParallelism = NoticesAtOnce, CancellationToken = http.RequestAborted }, async (notice, cancel) =>
            Interlocked.Add(ref settled, (await scheduler.CommandNoticeAsync(new CommandNotice(ns, actor, notice.Notice, verb, request.Receiver), cancel)).Count));
        return TypedResults.Ok(new NoticesResponse(settled, more));
    }

    private static async Task<(IReadOnlyList<NoticeRow> Notices, bool More)> MeantAsync(string ns, NoticesRequest request, IReadModel reads, CancellationToken cancellationToken)
    {
        if (request.Notice is { } id)
        {
            var row = await GetAsync(ns, id, reads, cancellationToken);
            return (request.Flow is { } flow && flow != row.Flow ? [] : [row], false);
        }
        var page = await reads.ListNoticesAsync(ns, request.Flow, isDead: true, null, MostNotices, cancellationToken);
        return (page.Items, page.Next is not null);
    }

    private static async Task<NoticeRow> GetAsync(string ns, string notice, IReadModel reads, CancellationToken cancellationToken)
    {
        var row = RunIds.IsPossible(notice) ? await reads.GetNoticeAsync(ns, notice, cancellationToken) : null;
        return row ?? throw ApiFault.NotFound($"There is no notice '{Show.Shorten(notice, 80)}' in namespace {ns}.");
    }

    private static NoticeView View(NoticeRow row) => new(
        row.Notice, row.Flow, row.Standing.Content.Run, row.Standing.Content.Schedule, row.Standing.Content.Kind, row.At, GatewayJson.Element(row.Standing.Content.Payload), row.Standing.Deliveries);
}
