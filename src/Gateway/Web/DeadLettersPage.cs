using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>What should have started a run and could not, oldest first, with why.</summary>
internal static class DeadLettersPage
{
    private const int Rows = 50;

    public static string Path(string ns, string? flow, string? trigger, string? cursor = null) => Links.Listing("/dead-letters", ns, ("flow", flow), ("trigger", trigger), ("cursor", cursor));

    public static async Task<PageContent> BuildAsync(HttpContext http, IReadModel reads)
    {
        var (ns, flow, trigger, cursor) = (Q.NamespaceOf(http), Q.DeadLettersOf.Read(http), Q.Trigger.Read(http), Q.Cursor.Read(http));
        if (trigger is not null && flow is null) throw ApiFault.Field("trigger", "is of no flow", "Name its flow, too, with flow=.");
        var page = await Listing.PageAsync(cursor, () => reads.ListDeadLettersAsync(ns, flow, trigger, cursor, Rows, http.RequestAborted), row => row);
        return new PageContent("Dead letters", Html.Of($"""
            <div class="head">
            <h1>Dead letters{(flow is null ? "" : $" of {flow} {trigger}")}</h1>
            {Html.If(page.Items.Count > 0, $"<p class=\"actions\">{Buttons(ns, null, flow, trigger)}</p>")}
            </div>
            {Html.If(flow is not null, $"<nav class=\"filters\"><a href=\"{Path(ns, null, null)}\">every flow</a>{Html.If(trigger is not null, $"<a href=\"{Path(ns, flow, null)}\">every trigger of {flow}</a>")}</nav>")}
            {(page.Items.Count == 0
                ? Html.Of($"<p class=\"empty\">No dead letters here: whatever should have started a run did. An event that cannot, since its payload does not fit, say, waits here until it is redriven or dismissed.</p>")
                : Html.Of($"""
                <section><table>
                <thead><tr><th>Event</th><th>What</th><th>Trigger</th><th>Tried last</th><th class="grow">Why it could not</th><th></th></tr></thead>
                <tbody>{page.Items.Select(Row)}</tbody>
                </table></section>
                """))}
            {Html.If(page.Next is not null, $"<p class=\"more\"><a href=\"{Path(ns, flow, trigger, page.Next)}\">Newer dead letters →</a></p>")}
            """));
    }

    /// <summary>Redrive and dismiss, of all that there are where nothing is named.</summary>
    public static Html Buttons(string ns, string? id, string? flow, string? trigger)
    {
        var body = JsonSerializer.Serialize(new DeadLettersRequest(id, flow, trigger), ContractsJson.Default.DeadLettersRequest);
        var some = id is not null ? "" : " all";
        return Html.Join([
            Show.Button("redrive" + some, "/api/v1/dead-letters:redrive" + Links.Tenant(ns), id is null ? "Try all of these again, by the triggers as they are now? Of many, the oldest 1,000 are." : null, body: body),
            Show.Button("dismiss" + some, "/api/v1/dead-letters:dismiss" + Links.Tenant(ns), id is null ? "Dismiss all of these? Of many, the oldest 1,000 are." : "Dismiss it? It is not tried again.", body: body),
        ]);
    }

    private static Html Row(DeadLetterRow row) => Html.Of($"""
        <tr><td><a class="id" href="{Links.EventPage(row.Namespace, row.Event)}">{row.Event}</a></td><td>{EventsPage.What(row.Namespace, row.Origin)}</td><td><a href="{Path(row.Namespace, row.Flow, row.Trigger)}">{row.Flow} {row.Trigger}</a></td><td>{Show.Time(row.At)}</td><td class="grow">{Show.Shorten(row.Reason, 1000)}</td><td><p class="actions">{Buttons(row.Namespace, row.Event, row.Flow, row.Trigger)}</p></td></tr>

        """);
}
