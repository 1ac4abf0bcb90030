using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>A task: where it is and why, its attempts, outputs, artifacts and log.</summary>
internal static class TaskPage
{
    private const int LogTail = 1000;

    public static async Task<PageContent> BuildAsync(
        HttpContext http, string run, string task, TaskLookup tasks, IReadModel reads, IScheduler scheduler, TimeProvider clock)
    {
        var found = await tasks.FindAsync(http, run, task);
        var row = await tasks.RowAsync(found, http.RequestAborted);
        var (ns, _, key, split) = found.Ref;
        var attempts = await reads.ListAttemptsAsync(ns, found.Ref.Run, key, split, http.RequestAborted);
        var explanation = IsOver(row.Status) ? null : await scheduler.ExplainAsync(found.Ref, http.RequestAborted);
        var now = clock.GetUtcNow();
        return new PageContent($"{found.Name} · {found.Run.Flow}", Html.Of($"""
            <div class="head">
            <h1><a href="{Links.RunPage(ns, found.Ref.Run)}">{found.Run.Flow} {Show.Shorten(found.Ref.Run, 40)}</a> <span class="id">{found.Name}</span> {Show.Status(row.Status)}</h1>
            {Actions(found, row)}
            </div>
            <dl class="facts">
            <div><dt>Leased</dt><dd>{Show.Time(row.LeasedAt)}</dd></div>
            <div><dt>Started</dt><dd>{Show.Time(row.StartedAt)}</dd></div>
            <div><dt>Ended</dt><dd>{Show.Time(row.EndedAt)}</dd></div>
            <div><dt>Took</dt><dd>{Show.Duration(row.StartedAt, row.EndedAt ?? (row.Status == TaskStatus.Running ? now : null))}</dd></div>
            <div><dt>Worker</dt><dd>{row.Worker ?? "–"}</dd></div>
            </dl>
            {Explain(explanation)}
            {Show.Error(row.Error)}
            {Output(row.Output)}
            {Artifacts(found, row)}
            {Html.If(attempts.Count > 0, $"<section><h2>Attempts</h2>{Attempts(found, attempts, now)}</section>")}
            {Log(http, found, row, attempts)}
            """));
    }

    private static bool IsOver(TaskStatus status) => status is TaskStatus.Succeeded or TaskStatus.Caught or TaskStatus.Skipped;

    private static Html Actions(FoundTask found, TaskRow row)
    {
        string[] verbs = row.Status switch
        {
            TaskStatus.Running => ["kill"],
            TaskStatus.Failed or TaskStatus.Cancelled or TaskStatus.Backoff => ["retry", "skip"],
            _ => [],
        };
        return Html.Of($"""<p class="actions">{verbs.Select(verb => Html.Of($"<button data-post=\"{Links.Task(found.Ref.Namespace, found.Ref.Run, found.Name, ":" + verb)}\" data-confirm=\"{verb} {found.Name}?\">{verb}</button>"))}</p>""");
    }

    private static Html Explain(Explanation? explanation) => explanation is null
        ? Html.Empty
        : Html.Of($"<div class=\"note\"><p>{explanation.Reason}{(explanation.ExpectedAt is { } at ? Html.Of($" It starts about {Show.Time(at)}, as things are.") : Html.Empty)}</p>{Html.If(explanation.Details.Count > 0, $"<ul>{explanation.Details.Select(d => Html.Of($"<li>{d}</li>"))}</ul>")}</div>");

    private static Html Output(string? output) => output is null
        ? Html.Empty
        : Html.Of($"<section><h2>Output</h2><pre>{Show.Shorten(JsonSerializer.Serialize(GatewayJson.Element(output), Show.Indented), 50_000)}</pre></section>");

    private static Html Artifacts(FoundTask found, TaskRow row) => row.Artifacts is not { Count: > 0 } artifacts
        ? Html.Empty
        : Html.Of($"<section><h2>Artifacts</h2><ul>{artifacts.Take(500).Select(a => Html.Of($"<li><a href=\"{Links.Artifact(found.Ref.Namespace, found.Ref.Run, found.Name, a.Name)}\">{a.Name}</a> <span class=\"dim\">{Show.Bytes(a.Bytes)}</span></li>"))}</ul></section>");

    private static Html Attempts(FoundTask found, IReadOnlyList<AttemptRow> attempts, DateTimeOffset now) => Html.Of($"""
        <table>
        <thead><tr><th class="number">Attempt</th><th>Status</th><th>Worker</th><th>Started</th><th class="number">Took</th><th class="grow">Error</th></tr></thead>
        <tbody>{attempts.Reverse().Take(100).Select(a => Html.Of($"""
            <tr><td class="number"><a href="{Links.TaskPage(found.Ref.Namespace, found.Ref.Run, found.Name)}{(found.Ref.Namespace == "default" ? "?" : "&")}attempt={a.Attempt}">{a.Attempt}</a></td><td>{Show.Status(a.Status)}</td><td class="dim">{a.Worker}</td><td>{Show.Time(a.StartedAt ?? a.LeasedAt)}</td><td class="number">{Show.Duration(a.StartedAt, a.EndedAt ?? (a.Status == AttemptStatus.Running ? now : null))}</td><td class="grow">{Show.Shorten(a.Error?.Message, 200)}</td></tr>

            """))}</tbody>
        </table>
        """);

    private static Html Log(HttpContext http, FoundTask found, TaskRow row, IReadOnlyList<AttemptRow> attempts)
    {
        if (attempts.Count == 0) return Html.Empty;
        var attempt = (int?)Q.Attempt.Read(http) ?? row.Attempt;
        var whole = Links.Task(found.Ref.Namespace, found.Ref.Run, found.Name, $"/logs?attempt={attempt}");
        return Html.Of($"""
            <section><h2>Log of attempt {attempt} <a class="dim" href="{whole}">whole</a></h2><pre class="log" id="log" data-log="{whole}&amp;tail={LogTail}&amp;follow=true"{Html.If(attempts.Any(a => a.Attempt == attempt && a.Status == AttemptStatus.Running), $" data-running")}></pre></section>
            """);
    }
}
