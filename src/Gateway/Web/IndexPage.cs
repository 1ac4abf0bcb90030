using System.Globalization;

namespace Fanfare.Gateway;

/// <summary>The first page: runs, flows, workers, queues.</summary>
internal static class IndexPage
{
    private const int Rows = 50;

    public static async Task<PageContent> BuildAsync(HttpContext http, IReadModel reads, IScheduler scheduler, TimeProvider clock)
    {
        var query = http.Request.QueryString.Value ?? "";
        return new PageContent("Runs", await FragmentAsync(http, reads, scheduler, clock), new LiveSource("/fragment" + query, null));
    }

    public static async Task<Html> FragmentAsync(HttpContext http, IReadModel reads, IScheduler scheduler, TimeProvider clock)
    {
        var filter = RunsApi.Filter(http);
        var cursor = Q.Cursor.Read(http);
        var runs = await Listing.PageAsync(cursor, () => reads.ListRunsAsync(filter, cursor, Rows, http.RequestAborted), row => row);
        var flows = await reads.ListFlowsAsync(filter.Namespace, null, 100, http.RequestAborted);
        var workers = await scheduler.ListWorkersAsync(http.RequestAborted);
        var queues = (await scheduler.ListQueuesAsync(http.RequestAborted)).Where(q => q.Namespace == filter.Namespace).ToList();
        var now = clock.GetUtcNow();
        return Html.Of($"""
            <div class="columns">
            <section class="wide">
            <h1>Runs{(filter.Flow is { } flow ? $" of {flow}" : "")}</h1>
            {Filters(filter)}
            {Runs(filter, runs, now)}
            </section>
            <aside>
            <section><h2>Flows</h2>{Flows(filter.Namespace, flows.Items)}</section>
            <section><h2>Workers</h2>{Workers(workers, now)}</section>
            <section><h2>Queues</h2>{Queues(queues)}</section>
            </aside>
            </div>
            """);
    }

    private static Html Filters(RunFilter filter)
    {
        var words = new[] { (Label: "all", Status: (RunStatus?)null, Active: (bool?)null), ("active", null, true), ("succeeded", RunStatus.Succeeded, null), ("failed", RunStatus.Failed, null), ("cancelled", RunStatus.Cancelled, null) };
        return Html.Of($"""
            <nav class="filters">{words.Select(w => Html.Of($"<a href=\"{Path(filter with { Status = w.Status, Active = w.Active })}\" class=\"{(filter.Status == w.Status && filter.Active == w.Active ? "on" : "")}\">{w.Label}</a>"))}{Html.If(filter.Flow is not null, $"<a href=\"{Path(filter with { Flow = null })}\">every flow</a>")}{Html.If(filter.Tag is not null, $"<a href=\"{Path(filter with { Tag = null })}\" class=\"on\">#{filter.Tag} ×</a>")}</nav>
            """);
    }

    private static Html Runs(RunFilter filter, ListResponse<RunRow> page, DateTimeOffset now)
    {
        if (page.Items.Count == 0)
            return Html.Of($"<p class=\"empty\">No runs here. Start one: <code>fanfare run flow.yaml</code></p>");
        return Html.Of($"""
            <table>
            <thead><tr><th>Run</th><th>Flow</th><th>Status</th><th>Started</th><th class="number">Took</th><th>By</th></tr></thead>
            <tbody>{page.Items.Select(run => Run(filter, run, now))}</tbody>
            </table>
            {Html.If(page.Next is not null, $"<p class=\"more\"><a href=\"{Path(filter, page.Next)}\">Older runs →</a></p>")}
            """);
    }

    private static Html Run(RunFilter filter, RunRow run, DateTimeOffset now) => Html.Of($"""
        <tr><td><a class="id" href="{Links.RunPage(run.Namespace, run.Run)}">{Show.Shorten(run.Run, 40)}</a> {run.Tags.Take(4).Select(tag => Html.Of($"<a class=\"tag\" href=\"{Path(filter with { Tag = tag })}\">{Show.Shorten(tag, 24)}</a>"))}</td>
        <td><a href="{Path(new RunFilter(run.Namespace, run.Flow))}">{run.Flow}</a> <span class="dim">v{run.Deployment}</span></td><td>{Show.Status(run.Status)}</td><td>{Show.Time(run.CreatedAt)}</td><td class="number">{Show.Duration(run.CreatedAt, run.EndedAt ?? now)}</td><td class="dim">{Show.Shorten(run.Actor, 24)}</td></tr>

        """);

    private static Html Flows(string ns, IReadOnlyList<DeploymentRow> flows) => flows.Count == 0
        ? Html.Of($"<p class=\"empty\">None deployed yet.</p>")
        : Html.Of($"<ul>{flows.Select(flow => Html.Of($"<li><a href=\"{Path(new RunFilter(ns, flow.Flow))}\">{flow.Flow}</a> <span class=\"dim\">v{flow.Version}</span></li>"))}</ul>");

    private static Html Workers(IReadOnlyList<WorkerInfo> workers, DateTimeOffset now) => workers.Count == 0
        ? Html.Of($"<p class=\"empty\">None seen lately. Start one: <code>fanfare worker</code></p>")
        : Html.Of($"""<ul>{workers.Take(100).Select(w => Html.Of($"<li>{w.Worker}<br><span class=\"dim\">{w.Leases} task{(w.Leases == 1 ? "" : "s")} · {Math.Round(w.Free.Cpu, 2)} of {Math.Round(w.Capacity.Cpu, 2)} cores free{(w.Capacity.Gpu > 0 ? string.Create(CultureInfo.InvariantCulture, $" · {w.Free.Gpu} of {w.Capacity.Gpu} GPUs") : "")} · seen {Show.Duration(w.LastSeen, now)} ago{(w.Draining is { } why ? $" · drains: {Show.Shorten(why, 200)}" : "")}</span></li>"))}</ul>""");

    private static Html Queues(List<QueueInfo> queues) => queues.Count == 0
        ? Html.Of($"<p class=\"empty\">Nothing waits.</p>")
        : Html.Of($"""<ul>{queues.Take(100).Select(q => Html.Of($"<li>{q.Queue}<br><span class=\"dim\">{Show.Count(q.RunningTasks)} running · {Show.Count(q.ReadyTasks)} ready · {Show.Count(q.OpenSteps)} open steps</span></li>"))}</ul>""");

    private static string Path(RunFilter filter, string? cursor = null)
    {
        var query = new List<KeyValuePair<string, string?>>();
        void Add(string name, string? value)
        {
            if (value is not null) query.Add(new(name, value));
        }
        Add("namespace", filter.Namespace == "default" ? null : filter.Namespace);
        Add("flow", filter.Flow);
        Add("status", filter.Status is { } status ? GatewayJson.Word(status) : null);
        Add("active", filter.Active is { } active ? (active ? "true" : "false") : null);
        Add("tag", filter.Tag);
        Add("cursor", cursor);
        return "/" + QueryString.Create(query);
    }
}
