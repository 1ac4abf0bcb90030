namespace Fanfare.Gateway;

/// <summary>A schedule: what is due next, what it started last and for which intervals, and its backfills.</summary>
internal static class SchedulePage
{
    private const int Coming = 8, Runs = 15, Backfills = 5, Looked = 100;

    public static async Task<PageContent> BuildAsync(HttpContext http, string flow, string schedule, IReadModel reads, TimeProvider clock)
    {
        var row = await SchedulesApi.GetAsync(http, flow, schedule, reads);
        var (ns, now, tag) = (row.Namespace, clock.GetUtcNow(), $"schedule:{row.Schedule}");
        var runs = await reads.ListRunsAsync(new RunFilter(ns, row.Flow, Tag: tag), null, Runs, http.RequestAborted);
        var causes = await Task.WhenAll(runs.Items.Select(run => Origins.CauseAsync(reads, run, http.RequestAborted)));
        var backfills = (await reads.ListBackfillsAsync(ns, row.Flow, null, Looked, http.RequestAborted)).Items.Where(b => b.Schedule == row.Schedule).Take(Backfills).ToList();
        var (standing, spec) = (row.Standing!, row.Standing!.Spec);
        return new PageContent($"{row.Schedule} · {row.Flow}", Html.Of($"""
            <div class="head">
            <h1><a href="{Links.Listing("/schedules", ns, ("flow", row.Flow))}">{row.Flow}</a> {row.Schedule} {SchedulesPage.State(row)}</h1>
            <p class="actions">{(standing.Pause is null
                ? Show.Button("pause", Links.Schedule(ns, row.Flow, row.Schedule, "pause"), ask: "Why is it paused? Others are shown this; it may be left empty.")
                : Show.Button("resume", Links.Schedule(ns, row.Flow, row.Schedule, "resume")))}</p>
            </div>
            {Show.Pause(standing.Pause)}
            <dl class="facts">
            <div><dt>When</dt><dd>{Show.When(spec)}</dd></div>
            <div><dt>Next</dt><dd>{SchedulesPage.Next(row, now)}</dd></div>
            <div><dt>Running</dt><dd>{standing.ActiveCount} of {(spec.Overlap == OverlapPolicy.Allow ? "any number" : Show.Count(spec.Parallel))}</dd></div>
            <div><dt>Waiting</dt><dd>{standing.Waiting}{Html.If(standing.OldestWaiting is not null, $" <span class=\"dim\">since {Show.Time(standing.OldestWaiting)}</span>")}</dd></div>
            <div><dt>Runs begun</dt><dd>{Show.Count(standing.Begun)}</dd></div>
            <div><dt>Left out</dt><dd>{Show.Count(standing.Skipped)}</dd></div>
            <div><dt>Overlap</dt><dd>{GatewayJson.Word(spec.Overlap)}</dd></div>
            <div><dt>Missed</dt><dd>{GatewayJson.Word(spec.Missed)}{(spec.MissedWithin is { } within ? $" {Show.Exactly(within)}" : "")}</dd></div>
            {Html.If(spec.Jitter > TimeSpan.Zero, $"<div><dt>Jitter</dt><dd>{Show.Exactly(spec.Jitter)}</dd></div>")}
            {Html.If(spec.Start is not null, $"<div><dt>From</dt><dd>{Show.Time(spec.Start)}</dd></div>")}
            {Html.If(spec.End is not null, $"<div><dt>Until</dt><dd>{Show.Time(spec.End)}</dd></div>")}
            <div><dt>Deployment</dt><dd>v{standing.Deployment}</dd></div>
            </dl>
            <section><h2>Coming</h2>{ComingTable(row, now)}</section>
            <section><h2>Last runs</h2>{RunTable(runs, causes, now, Links.Runs(ns, row.Flow, tag))}</section>
            <section><h2>Backfills</h2>{(backfills.Count == 0
                ? Html.Of($"<p class=\"empty\">None. Make up for what was missed: <code>fanfare backfill start {row.Flow} {row.Schedule} --from TIME</code></p>")
                : Html.Of($"{BackfillsPage.Table(backfills)}<p class=\"more\"><a href=\"{Links.Listing("/backfills", ns, ("flow", row.Flow))}\">All backfills of {row.Flow} →</a></p>"))}</section>
            """));
    }

    private static Html By(RunRow run, RunCause? cause) => cause?.Backfill is { } backfill
        ? Html.Of($"<a href=\"{Links.BackfillPage(run.Namespace, backfill)}\">backfill {backfill}</a>")
        : Html.Of($"<span class=\"dim\">the schedule</span>");

    private static Html ComingTable(ScheduleRow row, DateTimeOffset now)
    {
        if (row.Standing!.Pause is not null) return Html.Of($"<p class=\"empty\">Nothing, while it is paused. Times that pass until it is resumed are left out.</p>");
        var times = row.Due is null ? [] : SchedulesApi.TimesOf(row, Coming).ToList();
        return times.Count == 0
            ? Html.Of($"<p class=\"empty\">Nothing is due any more.</p>")
            : Html.Of($"""
                <table>
                <thead><tr><th>Due</th><th></th><th class="grow">Interval</th></tr></thead>
                <tbody>{times.Select(time => Html.Of($"<tr><td>{Show.Time(time.Due)}</td><td class=\"dim\">{Show.Until(now, time.Due)}</td><td class=\"grow\">{Show.Interval(time.Interval)}</td></tr>"))}</tbody>
                </table>
                """);
    }

    private static Html RunTable(Page<RunRow> runs, RunCause?[] causes, DateTimeOffset now, string all) => runs.Items.Count == 0
        ? Html.Of($"<p class=\"empty\">None yet.</p>")
        : Html.Of($"""
            <table>
            <thead><tr><th>Run</th><th>Status</th><th>Interval</th><th>Started</th><th class="number">Took</th><th class="grow">By</th></tr></thead>
            <tbody>{runs.Items.Zip(causes, (run, cause) => Html.Of($"""
                <tr><td><a class="id" href="{Links.RunPage(run.Namespace, run.Run)}">{Show.Shorten(run.Run, 40)}</a></td><td>{Show.Status(run.Status)}</td><td>{(cause?.Interval is { } interval ? Show.Interval(interval) : Html.Empty)}</td><td>{Show.Time(run.CreatedAt)}</td><td class="number">{Show.Duration(run.CreatedAt, run.EndedAt ?? now)}</td><td class="grow">{By(run, cause)}</td></tr>

                """))}</tbody>
            </table>
            {Html.If(runs.Next is not null, $"<p class=\"more\"><a href=\"{all}\">All runs of it →</a></p>")}
            """);
}
