namespace Fanfare.Gateway;

/// <summary>An event: what it says, and what it came to at each trigger that listened.</summary>
internal static class EventPage
{
    public static async Task<PageContent> BuildAsync(HttpContext http, string id, IReadModel reads)
    {
        var row = await EventsApi.GetAsync(http, id, reads);
        var ns = row.Namespace;
        return new PageContent($"{row.Origin.Name} · {row.Event}", Html.Of($"""
            <div class="head">
            <h1>{EventsPage.What(ns, row.Origin)} <span class="id">{row.Event}</span></h1>
            {Html.If(row.Outcomes.Any(o => o.Result == TriggerResult.Failed), $"<p class=\"actions\">{DeadLettersPage.Buttons(ns, row.Event, null, null)}</p>")}
            </div>
            <dl class="facts">
            <div><dt>Published</dt><dd>{Show.Time(row.At)}</dd></div>
            <div><dt>By</dt><dd>{EventsPage.By(row)}</dd></div>
            {Html.If(row.Key is not null, $"<div><dt>Idempotency key</dt><dd>{row.Key}</dd></div>")}
            </dl>
            <section><h2>Came to</h2>{Outcomes(row)}</section>
            <section><h2>Payload</h2><pre>{Show.Json(row.Payload, 50_000)}</pre></section>
            """));
    }

    private static Html Outcomes(EventRow row) => row.Outcomes.Count == 0
        ? Html.Of($"<p class=\"empty\">No trigger listened for it when it was published.</p>")
        : Html.Of($"""
            <table>
            <thead><tr><th>Trigger</th><th>Result</th><th>Run</th><th class="grow">Why</th></tr></thead>
            <tbody>{row.Outcomes.Select(o => Html.Of($"""
                <tr><td><a href="{TriggersPage.Path(row.Namespace, o.Flow)}">{o.Flow} {o.Trigger}</a> <span class="dim">v{o.Deployment}</span></td><td>{Show.Status(o.Result)}</td><td>{(o.Start is { } start ? Html.Of($"<a class=\"id\" href=\"{Links.RunPage(row.Namespace, start.Run)}\">{start.Run}</a>") : Html.Empty)}</td><td class="grow">{o.Reason}</td></tr>

                """))}</tbody>
            </table>
            """);
}
