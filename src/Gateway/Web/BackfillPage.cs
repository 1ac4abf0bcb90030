namespace Fanfare.Gateway;

/// <summary>A backfill: what it is to do, how far it is, and its runs.</summary>
internal static class BackfillPage
{
    private const int Runs = 50;

    public static async Task<PageContent> BuildAsync(HttpContext http, string backfill, IReadModel reads, TimeProvider clock)
    {
        var row = await BackfillsApi.GetAsync(http, backfill, reads);
        var (ns, now, tag) = (row.Namespace, clock.GetUtcNow(), $"backfill:{row.Backfill}");
        var cursor = Q.Cursor.Read(http);
        var runs = await Listing.PageAsync(cursor, () => reads.ListRunsAsync(new RunFilter(ns, row.Flow, Tag: tag), cursor, Runs, http.RequestAborted), run => run);
        var causes = await Task.WhenAll(runs.Items.Select(run => Origins.CauseAsync(reads, run, http.RequestAborted)));
        var (standing, plan) = (row.Standing, row.Standing.Plan);
        return new PageContent($"Backfill {row.Backfill}", Html.Of($"""
            <div class="head">
            <h1>Backfill of <a href="{Links.SchedulePage(ns, row.Flow, row.Schedule)}">{row.Flow} {row.Schedule}</a> <span class="id">{row.Backfill}</span> {Show.Status(standing.State)}</h1>
            {Actions(row)}
            </div>
            {Show.Pause(standing.Pause)}
            {Html.If(standing.Reason is not null, $"<div class=\"note\"><p>Cancelled: {standing.Reason}</p></div>")}
            {BackfillsPage.Bar(standing)}
            <dl class="facts">
            <div><dt>Of</dt><dd>{Show.Interval(new DataInterval(plan.From, plan.To))}</dd></div>
            <div><dt>Intervals</dt><dd>{Show.Count(plan.Total)}</dd></div>
            <div><dt>Taken up</dt><dd>{Show.Count(standing.Taken)}</dd></div>
            <div><dt>Had a run</dt><dd>{Show.Count(standing.Present)}</dd></div>
            <div><dt>Succeeded</dt><dd>{Show.Count(standing.Succeeded)}</dd></div>
            <div><dt>Failed</dt><dd class="{(standing.Failed > 0 ? "bad" : "")}">{Show.Count(standing.Failed)}</dd></div>
            <div><dt>Cancelled</dt><dd>{Show.Count(standing.Cancelled)}</dd></div>
            <div><dt>Running</dt><dd>{standing.ActiveCount} of {plan.Parallel}</dd></div>
            <div><dt>Order</dt><dd>{(plan.NewestFirst ? "newest first" : "oldest first")}</dd></div>
            <div><dt>Runs again</dt><dd>{GatewayJson.Word(plan.Rerun)}</dd></div>
            <div><dt>Priority</dt><dd>{plan.Priority}</dd></div>
            <div><dt>Started</dt><dd>{Show.Time(row.CreatedAt)} <span class="dim">by {row.Actor}</span></dd></div>
            <div><dt>Ended</dt><dd>{Show.Time(standing.EndedAt)}</dd></div>
            </dl>
            <section><h2>Runs</h2>{RunTable(row, runs, causes, now)}</section>
            """));
    }

    private static Html Actions(BackfillRow row)
    {
        Html Button(string verb, string? ask) => Show.Button(verb, Links.Backfill(row.Namespace, row.Backfill, verb), ask: ask);
        const string pauses = "Why is it paused? Others are shown this; it may be left empty.", cancels = "Cancel it for good? Runs of it that go on are left to their end. Why: others are shown this; it may be left empty.";
        return Html.Of($"""<p class="actions">{row.Standing.State switch
        {
            BackfillState.Running => Html.Join([Button("pause", pauses), Button("cancel", cancels)]),
            BackfillState.Paused => Html.Join([Button("resume", null), Button("cancel", cancels)]),
            _ => Html.Empty,
        }}</p>""");
    }

    private static Html RunTable(BackfillRow row, ListResponse<RunRow> runs, RunCause?[] causes, DateTimeOffset now) => runs.Items.Count == 0
        ? Html.Of($"<p class=\"empty\">It has started none. Intervals that had a run before get none from it, unless it runs them again.</p>")
        : Html.Of($"""
            <table>
            <thead><tr><th>Run</th><th>Status</th><th class="grow">Interval</th><th>Started</th><th class="number">Took</th></tr></thead>
            <tbody>{runs.Items.Zip(causes, (run, cause) => Html.Of($"""
                <tr><td><a class="id" href="{Links.RunPage(run.Namespace, run.Run)}">{Show.Shorten(run.Run, 40)}</a></td><td>{Show.Status(run.Status)}</td><td class="grow">{(cause?.Interval is { } interval ? Show.Interval(interval) : Html.Empty)}</td><td>{Show.Time(run.CreatedAt)}</td><td class="number">{Show.Duration(run.CreatedAt, run.EndedAt ?? now)}</td></tr>

                """))}</tbody>
            </table>
            {Html.If(runs.Next is not null, $"<p class=\"more\"><a href=\"{Links.Listing($"/backfills/{Uri.EscapeDataString(row.Backfill)}", row.Namespace, ("cursor", runs.Next))}\">Older runs →</a></p>")}
            """);
}
