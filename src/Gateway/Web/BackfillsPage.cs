namespace Fanfare.Gateway;

/// <summary>Backfills, newest first, with how far each is.</summary>
internal static class BackfillsPage
{
    private const int Rows = 50;

    public static async Task<PageContent> BuildAsync(HttpContext http, IReadModel reads)
    {
        var (ns, flow, cursor) = (Q.NamespaceOf(http), Q.BackfillsOf.Read(http), Q.Cursor.Read(http));
        var page = await Listing.PageAsync(cursor, () => reads.ListBackfillsAsync(ns, flow, cursor, Rows, http.RequestAborted), row => row);
        return new PageContent("Backfills", Html.Of($"""
            <h1>Backfills{(flow is null ? "" : $" of {flow}")}</h1>
            {Html.If(flow is not null, $"<nav class=\"filters\"><a href=\"{Links.Listing("/backfills", ns)}\">every flow</a></nav>")}
            {(page.Items.Count == 0
                ? Html.Of($"<p class=\"empty\">No backfills here. Make up for a schedule's past: <code>fanfare backfill start FLOW SCHEDULE --from TIME</code></p>")
                : Html.Of($"<section>{Table(page.Items)}</section>"))}
            {Html.If(page.Next is not null, $"<p class=\"more\"><a href=\"{Links.Listing("/backfills", ns, ("flow", flow), ("cursor", page.Next))}\">Older backfills →</a></p>")}
            """));
    }

    public static Html Table(IReadOnlyList<BackfillRow> rows) => Html.Of($"""
        <table>
        <thead><tr><th>Backfill</th><th>Schedule</th><th>State</th><th class="grow"></th><th class="number">Done</th><th class="number">Failed</th><th class="number">Total</th><th>Of</th><th>Started</th></tr></thead>
        <tbody>{rows.Select(Row)}</tbody>
        </table>
        """);

    public static Html Bar(BackfillStanding standing) => ProgressBar.Of(
        standing.Plan.Total, $"{Done(standing)} of {standing.Plan.Total} done, {standing.Failed} failed, {standing.ActiveCount} running",
        ("succeeded", standing.Succeeded), ("present", standing.Present), ("failed", standing.Failed), ("cancelled", standing.Cancelled), ("running", standing.ActiveCount));

    /// <summary>Intervals that need nothing more: they have a run that ended well, or had one before.</summary>
    public static int Done(BackfillStanding standing) => standing.Succeeded + standing.Present;

    private static Html Row(BackfillRow row)
    {
        var (standing, plan) = (row.Standing, row.Standing.Plan);
        return Html.Of($"""
            <tr><td><a class="id" href="{Links.BackfillPage(row.Namespace, row.Backfill)}">{row.Backfill}</a></td><td><a href="{Links.SchedulePage(row.Namespace, row.Flow, row.Schedule)}">{row.Flow} {row.Schedule}</a></td><td>{Show.Status(standing.State)}</td><td class="grow">{Bar(standing)}</td><td class="number">{Show.Count(Done(standing))}</td><td class="number{(standing.Failed > 0 ? " bad" : "")}">{Show.Count(standing.Failed)}</td><td class="number">{Show.Count(plan.Total)}</td><td>{Show.Interval(new DataInterval(plan.From, plan.To))}</td><td>{Show.Time(row.CreatedAt)}</td></tr>

            """);
    }
}
