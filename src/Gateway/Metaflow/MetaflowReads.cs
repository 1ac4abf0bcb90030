using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>What Metaflow's clients read.</summary>
internal static class MetaflowReads
{
    /// <summary>Rows that are looked at together where a filter leaves some out.</summary>
    private const int Scan = 1000;

    private static readonly MetaflowPaging.Form _byFlow = new(null, "flow_id"), _byRun = new("run_number", null), _byTask = new("task_id", null), _byId = new("id", null), _byArtifact = new("task_id", "name");

    private static readonly Dictionary<string, MetaflowField<MetaflowRun>> _runFields = new()
    {
        ["flow_id"] = new(MetaflowFieldKind.Text, run => run.Flow),
        ["run_number"] = new(MetaflowFieldKind.Number, run => run.Number),
        ["run_id"] = new(MetaflowFieldKind.Text, run => run.Id),
        ["user_name"] = new(MetaflowFieldKind.Text, run => run.User),
        ["ts_epoch"] = new(MetaflowFieldKind.Number, run => run.CreatedMs),
        ["last_heartbeat_ts"] = new(MetaflowFieldKind.Number, run => run.HeartbeatS),
        ["tags"] = new(MetaflowFieldKind.Json, run => Json(run.Tags)),
        ["system_tags"] = new(MetaflowFieldKind.Json, run => Json(run.SystemTags)),
        ["user"] = new(MetaflowFieldKind.Text, MetaflowJson.Owner),
    };

    private static readonly Dictionary<string, MetaflowField<MetaflowTask>> _taskFields = new()
    {
        ["task_id"] = new(MetaflowFieldKind.Number, task => task.Number),
        ["task_name"] = new(MetaflowFieldKind.Text, task => task.Name),
        ["user_name"] = new(MetaflowFieldKind.Text, task => task.User),
        ["ts_epoch"] = new(MetaflowFieldKind.Number, task => task.CreatedMs),
        ["last_heartbeat_ts"] = new(MetaflowFieldKind.Number, task => task.HeartbeatS),
    };

    private static readonly Dictionary<string, IReadOnlyCollection<string>> _runWords = new() { ["status"] = MetaflowStatus.All }, _noWords = [];

    public static void Map(RouteGroupBuilder api)
    {
        api.MapGet("/flows", FlowsAsync).AsMetaflowRead();
        api.MapGet("/flows/{flow}", FlowAsync).AsMetaflowRead();
        api.MapGet("/flows/{flow}/runs", RunsAsync).AsMetaflowRead();
        var run = api.MapGroup("/flows/{flow}/runs/{run}");
        run.MapGet("", RunAsync).AsMetaflowRead();
        run.MapGet("/steps", StepsAsync).AsMetaflowRead();
        run.MapGet("/metadata", (HttpContext http, string flow, string run, IMetaflowStore store) => MetadataAsync(http, store, flow, run, null, null)).AsMetaflowRead();
        run.MapGet("/artifacts", (HttpContext http, string flow, string run, IMetaflowStore store) => ArtifactsAsync(http, store, flow, run, null, null, null)).AsMetaflowRead();
        var step = run.MapGroup("/steps/{step}");
        step.MapGet("", StepAsync).AsMetaflowRead();
        step.MapGet("/tasks", TasksAsync).AsMetaflowRead();
        step.MapGet("/filtered_tasks", FilteredTasksAsync).AsMetaflowRead();
        step.MapGet("/artifacts", (HttpContext http, string flow, string run, string step, IMetaflowStore store) => ArtifactsAsync(http, store, flow, run, step, null, null)).AsMetaflowRead();
        var task = step.MapGroup("/tasks/{task}");
        task.MapGet("", TaskAsync).AsMetaflowRead();
        task.MapGet("/metadata", (HttpContext http, string flow, string run, string step, string task, IMetaflowStore store) => MetadataAsync(http, store, flow, run, step, task)).AsMetaflowRead();
        task.MapGet("/artifacts", (HttpContext http, string flow, string run, string step, string task, IMetaflowStore store) => ArtifactsAsync(http, store, flow, run, step, task, null)).AsMetaflowRead();
        task.MapGet("/attempt/{attempt}/artifacts",
            (HttpContext http, string flow, string run, string step, string task, string attempt, IMetaflowStore store) => ArtifactsAsync(http, store, flow, run, step, task, Attempt(attempt))).AsMetaflowRead();
        task.MapGet("/artifacts/{name}", (HttpContext http, string flow, string run, string step, string task, string name, IMetaflowStore store) => ArtifactAsync(http, store, flow, run, step, task, name, null))
            .AsMetaflowRead();
        task.MapGet("/artifacts/{name}/attempt/{attempt}",
            (HttpContext http, string flow, string run, string step, string task, string name, string attempt, IMetaflowStore store) => ArtifactAsync(http, store, flow, run, step, task, name, Attempt(attempt))).AsMetaflowRead();
    }

    private static Task FlowsAsync(HttpContext http, IMetaflowStore store) =>
        ListAsync(http, _byFlow, (after, limit) => store.ListFlowsAsync(after, limit, http.RequestAborted), flow => new MetaflowPlace(flow.CreatedMs, Name: flow.Flow), (json, flow) => json.Flow(flow));

    private static async Task FlowAsync(HttpContext http, string flow, IMetaflowStore store)
    {
        var found = await store.GetFlowAsync(flow, http.RequestAborted) ?? throw ApiFault.NotFound($"There is no flow {flow}.");
        await MetaflowJson.WriteAsync(http, json => json.Flow(found));
    }

    private static async Task RunAsync(HttpContext http, string flow, string run, IMetaflowStore store)
    {
        var found = await FindAsync(http, store, flow, run) ?? throw ApiFault.NotFound($"There is no run {flow}/{run}.");
        await MetaflowJson.WriteAsync(http, json => json.Run(found));
    }

    private static Task RunsAsync(HttpContext http, string flow, IMetaflowStore store, TimeProvider clock)
    {
        var now = clock.GetUtcNow();
        var filter = new MetaflowFilter<MetaflowRun>();
        var fields = new Dictionary<string, MetaflowField<MetaflowRun>>(_runFields) { ["status"] = new(MetaflowFieldKind.Text, run => MetaflowStatus.Of(run, now)) };
        filter.Read(http, fields, _runWords);
        foreach (var (key, values) in http.Request.Query)
            if (key is "_tags" || key.StartsWith("_tags:", StringComparison.Ordinal)) filter.Add(MetaflowTagFilter.Of(key, values.ToString()));
        // Looked up only where it is asked for.
        var withEnd = http.Request.Query.Keys.Any(key => key is "status" || key.StartsWith("status:", StringComparison.Ordinal));
        return FilteredAsync(
            http, _byRun, filter, (after, limit) => store.ListRunsAsync(flow, withEnd, after, limit, http.RequestAborted), run => new MetaflowPlace(run.CreatedMs, run.Number),
            (json, run) => json.Run(run, status: withEnd ? MetaflowStatus.Of(run, now) : null));
    }

    private static async Task StepsAsync(HttpContext http, string flow, string run, IMetaflowStore store)
    {
        var of = await FindAsync(http, store, flow, run);
        var steps = of is null ? [] : await store.ListStepsAsync(flow, of.Number, http.RequestAborted);
        await MetaflowJson.WriteAsync(http, json => json.List(steps, step => json.Step(of!, step)));
    }

    private static async Task StepAsync(HttpContext http, string flow, string run, string step, IMetaflowStore store)
    {
        var of = await FindAsync(http, store, flow, run);
        var found = of is null ? null : await store.GetStepAsync(flow, of.Number, step, http.RequestAborted);
        if (found is null) throw ApiFault.NotFound($"There is no step {flow}/{run}/{step}.");
        await MetaflowJson.WriteAsync(http, json => json.Step(of!, found));
    }

    private static async Task TasksAsync(HttpContext http, string flow, string run, string step, IMetaflowStore store)
    {
        var filter = new MetaflowFilter<MetaflowTask>();
        filter.Read(http, _taskFields, _noWords);
        var of = await FindAsync(http, store, flow, run);
        await FilteredAsync(
            http, _byTask, filter, (after, limit) => In(of, number => store.ListTasksAsync(flow, number, step, after, limit, http.RequestAborted)), task => new MetaflowPlace(task.CreatedMs, task.Number),
            (json, task) => json.Task(of!, task));
    }

    private static async Task TaskAsync(HttpContext http, string flow, string run, string step, string task, IMetaflowStore store)
    {
        var of = await FindAsync(http, store, flow, run);
        var found = of is null ? null : await FindTaskAsync(http, store, of, step, task);
        if (found is null) throw ApiFault.NotFound($"There is no task {flow}/{run}/{step}/{task}.");
        await MetaflowJson.WriteAsync(http, json => json.Task(of!, found));
    }

    private static async Task FilteredTasksAsync(HttpContext http, string flow, string run, string step, IMetaflowStore store)
    {
        var (field, pattern) = (QueryText(http, "metadata_field_name"), QueryText(http, "pattern"));
        var of = await FindAsync(http, store, flow, run);
        var tasks = of is null ? [] : await store.FindTasksAsync(flow, of.Number, step, field, pattern, http.RequestAborted);
        await MetaflowJson.WriteAsync(http, json => json.List(tasks, task => json.Text(FormattableString.Invariant($"{flow}/{of!.Id ?? $"{of.Number}"}/{step}/{task.Name ?? $"{task.Number}"}"))));
    }

    private static async Task MetadataAsync(HttpContext http, IMetaflowStore store, string flow, string run, string? step, string? task)
    {
        var (of, scope) = await ScopeAsync(http, store, flow, run, step, task);
        await ListAsync(
            http, _byId, (after, limit) => In(scope, found => store.ListMetadataAsync(found, after, limit, http.RequestAborted)), datum => new MetaflowPlace(datum.CreatedMs, datum.Id), (json, datum) => json.Datum(of!, datum));
    }

    private static async Task ArtifactsAsync(HttpContext http, IMetaflowStore store, string flow, string run, string? step, string? task, int? attempt)
    {
        var (of, scope) = await ScopeAsync(http, store, flow, run, step, task);
        // One attempt's are never paged: so that service has it.
        if (attempt is null && MetaflowPaging.IsAsked(http))
            await MetaflowPaging.WriteAsync(
                http, _byArtifact, (after, limit) => In(scope, found => store.ListNewestArtifactsAsync(found, after, limit, http.RequestAborted)),
                artifact => new MetaflowPlace(artifact.CreatedMs, artifact.Task, artifact.Name), (json, artifact) => json.Artifact(of!, artifact));
        else
            await MetaflowJson.WriteAllAsync(
                http, (after, limit) => In(scope, found => store.ListArtifactsAsync(found, attempt, after, limit, http.RequestAborted)),
                artifact => new MetaflowPlace(artifact.Attempt, artifact.Task, artifact.Name, artifact.Step), (json, artifact) => json.Artifact(of!, artifact));
    }

    private static async Task ArtifactAsync(HttpContext http, IMetaflowStore store, string flow, string run, string step, string task, string name, int? attempt)
    {
        var (of, scope) = await ScopeAsync(http, store, flow, run, step, task);
        var found = scope is null ? null : await store.GetArtifactAsync(scope, name, attempt, http.RequestAborted);
        if (found is null) throw ApiFault.NotFound($"There is no artifact {name} of {flow}/{run}/{step}/{task}{(attempt is { } at ? $" in attempt {at}" : "")}.");
        await MetaflowJson.WriteAsync(http, json => json.Artifact(of!, found));
    }

    private static Task<MetaflowRun?> FindAsync(HttpContext http, IMetaflowStore store, string flow, string run) => store.GetRunAsync(MetaflowRunKey.Of(flow, run), http.RequestAborted);

    private static Task<MetaflowTask?> FindTaskAsync(HttpContext http, IMetaflowStore store, MetaflowRun of, string step, string task) =>
        store.GetTaskAsync(MetaflowTaskKey.Of(new MetaflowRunKey(of.Flow, of.Number, null), step, task), http.RequestAborted);

    /// <summary>The run that is asked of, and which part of it; no part where there is no such run or task, whose listings are empty.</summary>
    private static async Task<(MetaflowRun? Of, MetaflowScope? Scope)> ScopeAsync(HttpContext http, IMetaflowStore store, string flow, string run, string? step, string? task)
    {
        if (await FindAsync(http, store, flow, run) is not { } of) return (null, null);
        if (task is null) return (of, new MetaflowScope(flow, of.Number, step));
        return await FindTaskAsync(http, store, of, step!, task) is { } found ? (of, new MetaflowScope(flow, of.Number, step, found.Number)) : (of, null);
    }

    private static Task<IReadOnlyList<T>> In<T>(MetaflowScope? scope, Func<MetaflowScope, Task<IReadOnlyList<T>>> list) => scope is null ? Task.FromResult<IReadOnlyList<T>>([]) : list(scope);

    private static Task<IReadOnlyList<T>> In<T>(MetaflowRun? run, Func<long, Task<IReadOnlyList<T>>> list) => run is null ? Task.FromResult<IReadOnlyList<T>>([]) : list(run.Number);

    private static Task ListAsync<T>(HttpContext http, MetaflowPaging.Form form, Func<MetaflowPlace?, int, Task<IReadOnlyList<T>>> page, Func<T, MetaflowPlace> place, Action<MetaflowJson, T> write) =>
        MetaflowPaging.IsAsked(http) ? MetaflowPaging.WriteAsync(http, form, page, place, write) : MetaflowJson.WriteAllAsync(http, page, place, write);

    // What is filtered is always paged.
    private static Task FilteredAsync<T>(
        HttpContext http, MetaflowPaging.Form form, MetaflowFilter<T> filter, Func<MetaflowPlace?, int, Task<IReadOnlyList<T>>> page, Func<T, MetaflowPlace> place, Action<MetaflowJson, T> write) =>
        filter.IsEmpty ? ListAsync(http, form, page, place, write) : MetaflowPaging.WriteAsync(http, form, (after, limit) => FindAsync(filter, page, place, after, limit), place, write);

    private static async Task<IReadOnlyList<T>> FindAsync<T>(MetaflowFilter<T> filter, Func<MetaflowPlace?, int, Task<IReadOnlyList<T>>> page, Func<T, MetaflowPlace> place, MetaflowPlace? after, int limit)
    {
        var found = new List<T>();
        while (true)
        {
            var rows = await page(after, Scan);
            found.AddRange(rows.Where(filter.Holds).Take(limit - found.Count));
            if (found.Count == limit || rows.Count < Scan) return found;
            after = place(rows[^1]);
        }
    }

    private static int Attempt(string text) => MetaflowIds.Number(text) is { } number and >= 0 and <= short.MaxValue ? (int)number
        : throw ApiFault.Field("attempt", "is not the number of an attempt", "Give a whole number from 0.");

    private static string? QueryText(HttpContext http, string name)
    {
        var text = http.Request.Query[name].ToString();
        if (text.Contains('\0', StringComparison.Ordinal)) throw ApiFault.Field(name, "holds the character NUL", "Leave it out.");
        return text.Length == 0 ? null : text;
    }

    private static JsonElement Json(string tags)
    {
        using var document = JsonDocument.Parse(tags);
        return document.RootElement.Clone();
    }
}
