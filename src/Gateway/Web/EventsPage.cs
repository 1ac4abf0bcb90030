using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Events, newest first, with what each came to at the triggers that listened.</summary>
internal static class EventsPage
{
    private const int Rows = 50, Outcomes = 5;

    /// <param name="name">Of the events; of ends of runs, the flow's.</param>
    public static string Path(string ns, string? name, string? cursor = null) => Links.Listing("/events", ns, ("name", name), ("cursor", cursor));

    public static async Task<PageContent> BuildAsync(HttpContext http, IReadModel reads)
    {
        var (ns, name, cursor) = (Q.NamespaceOf(http), Q.EventName.Read(http), Q.Cursor.Read(http));
        var page = await Listing.PageAsync(cursor, () => reads.ListEventsAsync(ns, name, cursor, Rows, http.RequestAborted), row => row);
        return new PageContent("Events", Html.Of($"""
            <h1>Events{(name is null ? "" : $" {name}")}</h1>
            {Html.If(name is not null, $"<nav class=\"filters\"><a href=\"{Path(ns, null)}\">every event</a></nav>")}
            {(page.Items.Count == 0
                ? Html.Of($"<p class=\"empty\">No events here. Publish one: <code>fanfare event publish NAME --payload JSON</code></p>")
                : Html.Of($"""
                <section><table>
                <thead><tr><th>Event</th><th>What</th><th>Published</th><th>By</th><th class="grow">Came to</th></tr></thead>
                <tbody>{page.Items.Select(Row)}</tbody>
                </table></section>
                """))}
            {Html.If(page.Next is not null, $"<p class=\"more\"><a href=\"{Path(ns, name, page.Next)}\">Older events →</a></p>")}
            """));
    }

    /// <summary>Its name, which leads to all like it.</summary>
    public static Html What(string ns, EventOrigin origin) => Html.Of($"{(origin.Kind == EventKind.RunEnd ? "end of a run of " : "")}<a href=\"{Path(ns, origin.Name)}\">{origin.Name}</a>");

    public static Html Outcome(string ns, TriggerOutcome outcome) => Html.Of(
        $"<a href=\"{TriggersPage.Path(ns, outcome.Flow)}\">{outcome.Flow} {outcome.Trigger}</a> {Show.Status(outcome.Result)}{Html.If(outcome.Start is not null, $" <a class=\"id\" href=\"{Links.RunPage(ns, outcome.Start?.Run ?? "")}\">{outcome.Start?.Run}</a>")}{Html.If(outcome.Reason is not null, $" <span class=\"dim\">{Show.Shorten(outcome.Reason, 300)}</span>")}");

    private static Html Row(EventRow row) => Html.Of($"""
        <tr><td><a class="id" href="{Links.EventPage(row.Namespace, row.Event)}">{row.Event}</a></td><td>{What(row.Namespace, row.Origin)}</td><td>{Show.Time(row.At)}</td><td>{By(row)}</td><td class="grow">{Came(row)}</td></tr>

        """);

    /// <summary>Who published it: of a run's end, that run.</summary>
    public static Html By(EventRow row) => row.Origin.Kind == EventKind.RunEnd && RunOf(row.Payload) is { } run
        ? Html.Of($"<a href=\"{Links.RunPage(row.Namespace, run)}\">run <span class=\"id\">{run}</span></a>")
        : Html.Of($"{Show.Shorten(row.Actor, 40)}");

    private static string? RunOf(string payload) =>
        GatewayJson.Element(payload) is { ValueKind: JsonValueKind.Object } said && said.TryGetProperty("run", out var run) && run.ValueKind == JsonValueKind.String ? run.GetString() : null;

    private static Html Came(EventRow row) => row.Outcomes.Count == 0
        ? Html.Of($"<span class=\"dim\">nobody listened</span>")
        : Html.Of($"<ul class=\"outcomes\">{row.Outcomes.Take(Outcomes).Select(outcome => Html.Of($"<li>{Outcome(row.Namespace, outcome)}</li>"))}{Html.If(row.Outcomes.Count > Outcomes, $"<li class=\"dim\">and {row.Outcomes.Count - Outcomes} more</li>")}</ul>");
}
