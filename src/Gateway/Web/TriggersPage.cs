namespace Fanfare.Gateway;

/// <summary>The triggers: what each listens to, and who paused it; of one flow also what those that need several events have so far.</summary>
internal static class TriggersPage
{
    private const int Rows = 50;

    public static string Path(string ns, string? flow, string? cursor = null) => Links.Listing("/triggers", ns, ("flow", flow), ("cursor", cursor));

    public static async Task<PageContent> BuildAsync(HttpContext http, IReadModel reads, IScheduler scheduler)
    {
        var (ns, flow, cursor) = (Q.NamespaceOf(http), Q.TriggersOf.Read(http), Q.Cursor.Read(http));
        var page = await Listing.PageAsync(cursor, () => reads.ListTriggersAsync(ns, flow, cursor, Rows, http.RequestAborted), row => row);
        // Each has to be asked for it, maybe on another server: those of one flow are few.
        var held = flow is null ? [] : (await Task.WhenAll(page.Items.Where(row => row.Standing!.Spec.All).Select(async row =>
            (row.Trigger, Had: await scheduler.ReadHeldAsync(ns, new TriggerName(row.Flow, row.Trigger), row.Standing!.Spec, http.RequestAborted))))).ToDictionary(of => of.Trigger, of => of.Had);
        return new PageContent("Triggers", Html.Of($"""
            <h1>Triggers{(flow is null ? "" : $" of {flow}")}</h1>
            {Html.If(flow is not null, $"<nav class=\"filters\"><a href=\"{Path(ns, null)}\">every flow</a></nav>")}
            {(page.Items.Count == 0 ? Empty : Html.Of($"""
            <section><table>
            <thead><tr><th>Trigger</th><th>State</th><th class="grow">Listens to</th><th></th><th></th></tr></thead>
            <tbody>{page.Items.Select(row => Row(row, held.GetValueOrDefault(row.Trigger)))}</tbody>
            </table></section>
            """))}
            {Html.If(page.Next is not null, $"<p class=\"more\"><a href=\"{Path(ns, flow, page.Next)}\">More triggers →</a></p>")}
            """));
    }

    private static Html Empty => Html.Of($"<p class=\"empty\">No triggers here. A flow has them under <code>triggers</code>, as in <code>triggers: {{loaded: {{event: orders.loaded}}}}</code>; deploy it with <code>fanfare deploy flow.yaml</code></p>");

    private static Html Row(TriggerRow row, IReadOnlyList<HadEvent>? held)
    {
        var (ns, standing) = (row.Namespace, row.Standing!);
        return Html.Of($"""
            <tr><td><a href="{Path(ns, row.Flow)}">{row.Flow}</a> {row.Trigger} <span class="dim">v{standing.Deployment}</span></td><td>{(standing.Pause is null ? Show.State("active", "running") : Show.State("paused", "paused"))}{Show.Pause(standing.Pause)}</td><td class="grow">{Listens(ns, standing.Spec, held)}</td><td><a href="{Links.Runs(ns, row.Flow, $"trigger:{row.Trigger}")}">runs</a> · <a href="{DeadLettersPage.Path(ns, row.Flow, row.Trigger)}">dead letters</a></td><td>{(standing.Pause is null
                ? Show.Button("pause", Links.Trigger(ns, row.Flow, row.Trigger, "pause"), ask: "Why is it paused? Others are shown this; it may be left empty.")
                : Show.Button("resume", Links.Trigger(ns, row.Flow, row.Trigger, "resume")))}</td></tr>

            """);
    }

    private static Html Listens(string ns, TriggerSpec spec, IReadOnlyList<HadEvent>? held) => Html.Of($"""
        {Html.If(spec.All, $"<span class=\"dim\">all within {Show.Exactly(spec.Within)}</span>")}<ul class="outcomes">{spec.Sources.Select((source, place) => Html.Of($"<li>{Source(ns, source)}{(held is null ? Html.Empty : Held(ns, held.FirstOrDefault(had => had.Source == place)))}</li>"))}</ul>
        """);

    private static Html Held(string ns, HadEvent? had) => had is null
        ? Html.Of($" {Show.State("has not come", "waiting")}")
        : Html.Of($" {Show.State("has come", "running")} <a class=\"id\" href=\"{Links.EventPage(ns, had.Id)}\">{had.Id}</a> {Show.Time(had.PublishedAt)}");

    private static Html Source(string ns, TriggerSource source)
    {
        var conditions = string.Join(", ", source.Where.Select(Words));
        var what = source.Flow is { } flow
            ? Html.Of($"<a href=\"{EventsPage.Path(ns, flow)}\">{flow}</a>, a run that {(source.Ends.Count == 0 ? "succeeded" : string.Join(" or ", source.Ends.Select(GatewayJson.Word)))}")
            : Html.Of($"<a href=\"{EventsPage.Path(ns, source.Event)}\">{source.Event}</a>");
        return Html.Of($"{what}{Html.If(conditions.Length > 0, $" <span class=\"dim\">where {Show.Shorten(conditions, 300)}</span>")}");
    }

    private static string Words(PayloadCondition condition) => condition.Test switch
    {
        PayloadTest.Exists => condition.Value == "true" ? $"{condition.Path} is there" : $"{condition.Path} is not there",
        PayloadTest.Equal => $"{condition.Path} = {condition.Value}",
        PayloadTest.NotEqual => $"{condition.Path} ≠ {condition.Value}",
        PayloadTest.Less => $"{condition.Path} < {condition.Value}",
        PayloadTest.LessOrEqual => $"{condition.Path} ≤ {condition.Value}",
        PayloadTest.Greater => $"{condition.Path} > {condition.Value}",
        PayloadTest.GreaterOrEqual => $"{condition.Path} ≥ {condition.Value}",
        PayloadTest.In => $"{condition.Path} in {condition.Value}",
        PayloadTest.NotIn => $"{condition.Path} not in {condition.Value}",
        PayloadTest.Prefix => $"{condition.Path} begins with {condition.Value}",
        PayloadTest.Suffix => $"{condition.Path} ends with {condition.Value}",
        _ => throw new InvalidOperationException($"There are no words for {condition.Test}."),
    };
}
