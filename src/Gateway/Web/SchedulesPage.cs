namespace Fanfare.Gateway;

/// <summary>The schedules: when each is due, what came of it last, and who paused it.</summary>
internal static class SchedulesPage
{
    private const int Rows = 50;

    public static async Task<PageContent> BuildAsync(HttpContext http, IReadModel reads, TimeProvider clock)
    {
        var (ns, flow, cursor, now) = (Q.NamespaceOf(http), Q.SchedulesOf.Read(http), Q.Cursor.Read(http), clock.GetUtcNow());
        var page = await Listing.PageAsync(cursor, () => reads.ListSchedulesAsync(ns, flow, cursor, Rows, http.RequestAborted), row => row);
        return new PageContent("Schedules", Html.Of($"""
            <h1>Schedules{(flow is null ? "" : $" of {flow}")}</h1>
            {Html.If(flow is not null, $"<nav class=\"filters\"><a href=\"{Links.Listing("/schedules", ns)}\">every flow</a></nav>")}
            {(page.Items.Count == 0 ? Empty : Html.Of($"""
            <section><table>
            <thead><tr><th>Schedule</th><th>State</th><th>When</th><th>Next</th><th>Last run</th><th class="number">Running</th><th class="number">Waiting</th></tr></thead>
            <tbody>{page.Items.Select(row => Row(row, now))}</tbody>
            </table></section>
            """))}
            {Html.If(page.Next is not null, $"<p class=\"more\"><a href=\"{Links.Listing("/schedules", ns, ("flow", flow), ("cursor", page.Next))}\">More schedules →</a></p>")}
            """));
    }

    /// <summary>Active, paused, or at its end: nothing is due any more.</summary>
    public static Html State(ScheduleRow row) => row.Standing!.Pause is not null ? Show.State("paused", "paused") : row.Due is null ? Show.State("ended", "cancelled") : Show.State("active", "running");

    public static Html Next(ScheduleRow row, DateTimeOffset now) => row.Due is { } due
        ? Html.Of($"{Show.Time(due)} <span class=\"dim\">{Show.Until(now, due)}</span>")
        : Html.Of($"<span class=\"none\">–</span>");

    public static Html LastRun(ScheduleRow row) => row.Standing is { Last: { } last } standing
        ? Html.Of($"<a href=\"{Links.RunPage(row.Namespace, last)}\">{Show.Time(standing.LastInterval?.End)}</a>{Html.If(standing.LastEnd is not null && !standing.Active.Contains(last), $" {Show.Status(standing.LastEnd ?? default)}")}")
        : Html.Of($"<span class=\"none\">–</span>");

    private static Html Empty => Html.Of($"<p class=\"empty\">No schedules here. A flow has them under <code>schedules</code>, as in <code>schedules: {{nightly: {{cron: 0 2 * * *}}}}</code>; deploy it with <code>fanfare deploy flow.yaml</code></p>");

    private static Html Row(ScheduleRow row, DateTimeOffset now)
    {
        var standing = row.Standing!;
        return Html.Of($"""
            <tr><td><a href="{Links.SchedulePage(row.Namespace, row.Flow, row.Schedule)}">{row.Flow} {row.Schedule}</a></td><td>{State(row)}{Show.Pause(standing.Pause)}</td><td>{Show.When(standing.Spec)}</td><td>{Next(row, now)}</td><td>{LastRun(row)}</td><td class="number">{standing.ActiveCount}</td><td class="number">{standing.Waiting}</td></tr>

            """);
    }
}
