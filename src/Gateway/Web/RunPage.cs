using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>A run: what it is, how far its steps are, which tasks failed, and its tasks page by page.</summary>
internal static class RunPage
{
    private const int Steps = 200, Failures = 20, Tasks = 50;

    public static async Task<PageContent> BuildAsync(HttpContext http, string run, IReadModel reads, Deployments deployments, TimeProvider clock)
    {
        var row = await reads.GetRunAsync(http, run);
        var here = $"/runs/{Uri.EscapeDataString(row.Run)}";
        var query = http.Request.QueryString.Value ?? "";
        var events = $"/api/v1{here}/events?after={await reads.GetPositionAsync(row.Namespace, row.Run, http.RequestAborted)}{Links.Tenant(row.Namespace, more: true)}";
        return new PageContent($"{row.Flow} · {row.Run}", await FragmentAsync(http, row, reads, deployments, clock),
            new LiveSource($"{here}/fragment{query}", row.Status.IsTerminal() ? null : events) is { Events: not null } live ? live : null);
    }

    public static async Task<Html> FragmentAsync(HttpContext http, RunRow run, IReadModel reads, Deployments deployments, TimeProvider clock)
    {
        var deployment = await deployments.OfAsync(run, http.RequestAborted);
        var steps = await reads.ListStepsAsync(run.Namespace, run.Run, null, Steps, http.RequestAborted);
        var failed = await reads.ListTasksAsync(run.Namespace, run.Run, new TaskFilter(Status: TaskStatus.Failed), null, Failures, http.RequestAborted);
        var filter = TasksApi.Filter(http, deployment);
        var cursor = Q.Cursor.Read(http);
        var tasks = await Listing.PageAsync(cursor, () => reads.ListTasksAsync(run.Namespace, run.Run, filter, cursor, Tasks, http.RequestAborted), row => row);
        var cause = await Origins.CauseAsync(reads, run, http.RequestAborted);
        var now = clock.GetUtcNow();
        return Html.Of($"""
            <div class="head">
            <h1><a href="{"/" + QueryString.Create("flow", run.Flow) + Links.Tenant(run.Namespace, more: true)}">{run.Flow}</a> <span class="id">{run.Run}</span> {Show.Status(run.Status)}</h1>
            {Actions(run)}
            </div>
            <dl class="facts">
            <div><dt>Started</dt><dd>{Show.Time(run.CreatedAt)}</dd></div>
            <div><dt>Ended</dt><dd>{Show.Time(run.EndedAt)}</dd></div>
            <div><dt>Took</dt><dd>{Show.Duration(run.CreatedAt, run.EndedAt ?? now)}</dd></div>
            <div><dt>Deployment</dt><dd>v{run.Deployment}</dd></div>
            <div><dt>By</dt><dd>{Origins.Of(run, cause)}</dd></div>
            {Origins.Interval(cause)}
            {Html.If(run.Generation > 0, $"<div><dt>Retried</dt><dd>{run.Generation} ×</dd></div>")}
            {Html.If(run.Priority != 0, $"<div><dt>Priority</dt><dd>{run.Priority}</dd></div>")}
            {Html.If(run.Tags.Count > 0, $"<div><dt>Tags</dt><dd>{run.Tags.Select(tag => Html.Of($"<span class=\"tag\">{tag}</span>"))}</dd></div>")}
            </dl>
            {Show.Error(run.Error)}
            {Parameters(run.Parameters)}
            <section><h2>Steps</h2>{StepTable(run, steps, now)}</section>
            {Html.If(failed.Items.Count > 0, $"<section><h2>Failed tasks{(failed.Next is null ? "" : $" (the first {Failures})")}</h2>{FailedTasks(run, failed.Items, deployment)}</section>")}
            <section><h2 id="tasks">Tasks{(filter.Step is { } step ? $" of {step}" : "")}{(filter.Status is { } status ? $", {GatewayJson.Word(status)}" : "")}</h2>{TaskTable(run, filter, tasks, deployment, now)}</section>
            """);
    }

    private static Html Actions(RunRow run)
    {
        string[] verbs = run.Status switch
        {
            RunStatus.Running => ["pause", "cancel"],
            RunStatus.Paused => ["resume", "cancel"],
            RunStatus.Failing or RunStatus.Finishing => ["cancel"],
            RunStatus.Failed or RunStatus.Cancelled => ["retry"],
            _ => [],
        };
        return Html.Of($"""<p class="actions">{verbs.Select(verb => Html.Of($"<button data-post=\"/api/v1/runs/{Uri.EscapeDataString(run.Run)}:{verb}{Links.Tenant(run.Namespace)}\" data-confirm=\"{(verb == "cancel" ? "Cancel this run?" : "")}\">{verb}</button>"))}</p>""");
    }

    private static Html Parameters(string json)
    {
        var element = GatewayJson.Element(json);
        if (element.ValueKind != JsonValueKind.Object || !element.EnumerateObject().Any()) return Html.Empty;
        var text = JsonSerializer.Serialize(element, Show.Indented);
        return Html.Of($"<details{(text.Length < 400 ? Html.Of($" open") : Html.Empty)}><summary>Parameters</summary><pre>{Show.Shorten(text, 20_000)}</pre></details>");
    }

    private static Html StepTable(RunRow run, Page<StepRow> steps, DateTimeOffset now) => steps.Items.Count == 0
        ? Html.Of($"<p class=\"empty\">No step has opened yet.</p>")
        : Html.Of($"""
            <table class="steps">
            <thead><tr><th>Step</th><th>Status</th><th class="grow"></th><th class="number">Done</th><th class="number">Running</th><th class="number">Failed</th><th class="number">Total</th><th class="number">Took</th></tr></thead>
            <tbody>{steps.Items.Select(step => Html.Of($"""
                <tr><td><a href="{TasksOf(run, step.Key.ToString())}">{step.Key.ToString()}</a></td><td>{Show.Status(step.Status)}</td><td class="grow">{StepBar.Of(step)}</td><td class="number">{Show.Count(step.Succeeded)}</td><td class="number">{Show.Count(step.Running)}</td><td class="number{(step.Failed > 0 ? " bad" : "")}">{Show.Count(step.Failed)}</td><td class="number">{Show.Count(step.Total)}</td><td class="number">{Show.Duration(step.OpenedAt, step.EndedAt ?? now)}</td></tr>

                """))}</tbody>
            </table>
            {Html.If(steps.Next is not null, $"<p class=\"more\">Only the first {Steps} openings are shown; the API lists all.</p>")}
            """);

    private static Html FailedTasks(RunRow run, IReadOnlyList<TaskRow> failed, Deployment deployment) => Html.Of($"""
        <ul class="failures">{failed.Select(task => Html.Of($"<li>{TaskLink(run, task, deployment)} <span class=\"dim\">attempt {task.Attempt}{(task.Worker is null ? "" : " on " + task.Worker)}</span>{Show.Error(task.Error)}</li>"))}</ul>
        """);

    private static Html TaskTable(RunRow run, TaskFilter filter, ListResponse<TaskRow> tasks, Deployment deployment, DateTimeOffset now)
    {
        var statuses = new TaskStatus?[] { null, TaskStatus.Running, TaskStatus.Failed, TaskStatus.Backoff, TaskStatus.Succeeded, TaskStatus.Caught, TaskStatus.Cancelled };
        return Html.Of($"""
            <nav class="filters">{statuses.Select(s => Html.Of($"<a href=\"{Path(run, filter with { Status = s })}\" class=\"{(filter.Status == s ? "on" : "")}\">{(s is { } word ? GatewayJson.Word(word) : "all")}</a>"))}{Html.If(filter.Step is not null || filter.Key is not null, $"<a href=\"{Path(run, filter with { Step = null, Key = null })}\">every step</a>")}</nav>
            {(tasks.Items.Count == 0 ? Html.Of($"<p class=\"empty\">No such task has started.</p>") : Html.Of($"""
            <table>
            <thead><tr><th>Task</th><th>Status</th><th class="number">Attempt</th><th>Worker</th><th>Started</th><th class="number">Took</th></tr></thead>
            <tbody>{tasks.Items.Select(task => Html.Of($"""
                <tr><td>{TaskLink(run, task, deployment)}</td><td>{Show.Status(task.Status)}</td><td class="number">{task.Attempt}</td><td class="dim">{task.Worker}</td><td>{Show.Time(task.StartedAt)}</td><td class="number">{Show.Duration(task.StartedAt, task.EndedAt ?? (task.Status == TaskStatus.Running ? now : null))}</td></tr>

                """))}</tbody>
            </table>
            """))}
            {Html.If(tasks.Next is not null, $"<p class=\"more\"><a href=\"{Path(run, filter, tasks.Next)}\">More tasks →</a></p>")}
            """);
    }

    private static Html TaskLink(RunRow run, TaskRow task, Deployment deployment)
    {
        var name = TaskNames.Write(task, deployment);
        return Html.Of($"<a class=\"id\" href=\"{Links.TaskPage(run.Namespace, run.Run, name)}\">{name}</a>");
    }

    private static string TasksOf(RunRow run, string key) => Path(run, new TaskFilter(), null, key);

    private static string Path(RunRow run, TaskFilter filter, string? cursor = null, string? key = null)
    {
        var query = new List<KeyValuePair<string, string?>>();
        void Add(string name, string? value)
        {
            if (value is not null) query.Add(new(name, value));
        }
        Add("namespace", run.Namespace == "default" ? null : run.Namespace);
        Add("step", filter.Step);
        Add("key", key ?? filter.Key?.ToString());
        Add("status", filter.Status is { } status ? GatewayJson.Word(status) : null);
        Add("cursor", cursor);
        return $"/runs/{Uri.EscapeDataString(run.Run)}{QueryString.Create(query)}#tasks";
    }
}
