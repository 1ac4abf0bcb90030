using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>What Metaflow's clients record.</summary>
internal static class MetaflowWrites
{
    // Twice encoded, as the client's heartbeats decode it.
    private const string Beaten = "\"{\\\"wait_time_in_seconds\\\": 10}\"";

    public static void Map(RouteGroupBuilder api)
    {
        api.MapPost("/flows/{flow}", AddFlowAsync).AsMetaflowWrite();
        var flow = api.MapGroup("/flows/{flow}");
        flow.MapPost("/run", AddRunAsync).AsMetaflowWrite();
        flow.MapPost("/runs/{run}/heartbeat", BeatRunAsync).AsMetaflowWrite();
        flow.MapPatch("/runs/{run}/tag/mutate", ChangeTagsAsync).AsMetaflowWrite();
        var step = flow.MapGroup("/runs/{run}/steps/{step}");
        step.MapPost("/step", AddStepAsync).AsMetaflowWrite();
        step.MapPost("/task", AddTaskAsync).AsMetaflowWrite();
        step.MapPost("/tasks/{task}/heartbeat", BeatTaskAsync).AsMetaflowWrite();
        step.MapPost("/tasks/{task}/metadata", AddMetadataAsync).AsMetaflowWrite();
        step.MapPost("/tasks/{task}/artifact", AddArtifactsAsync).AsMetaflowWrite();
    }

    private static async Task AddFlowAsync(HttpContext http, string flow, IMetaflowStore store)
    {
        var body = await MetaflowBody.ReadAsync(http, JsonValueKind.Object);
        var made = await store.AddAsync(new NewMetaflowFlow(MetaflowBody.Name("flow", flow), MetaflowBody.User(body), Tags(body), SystemTags(body)), http.RequestAborted);
        await MetaflowJson.WriteAsync(http, json => json.Flow(Made(made, $"The flow {flow}")));
    }

    private static async Task AddRunAsync(HttpContext http, string flow, IMetaflowStore store)
    {
        var body = await MetaflowBody.ReadAsync(http, JsonValueKind.Object);
        var run = new NewMetaflowRun(flow, MetaflowBody.ChosenId(body, "run_number"), MetaflowBody.User(body), Tags(body), SystemTags(body), MetaflowBody.SendsHeartbeats(body));
        var made = await store.AddAsync(run, http.RequestAborted);
        await MetaflowJson.WriteAsync(http, json => json.Run(Made(made, $"The run {flow}/{run.Id}", $"the flow {flow}"), isNew: true));
    }

    private static async Task AddStepAsync(HttpContext http, string flow, string run, string step, IMetaflowStore store)
    {
        var body = await MetaflowBody.ReadAsync(http, JsonValueKind.Object);
        var made = await store.AddAsync(new NewMetaflowStep(MetaflowRunKey.Of(flow, run), MetaflowBody.Name("step", step), MetaflowBody.User(body, ""), Tags(body), SystemTags(body)), http.RequestAborted);
        await MetaflowJson.WriteAsync(http, json => json.Step(made.Run!, Made(made, $"The step {flow}/{run}/{step}", $"the run {flow}/{run}")));
    }

    private static async Task AddTaskAsync(HttpContext http, string flow, string run, string step, IMetaflowStore store)
    {
        var body = await MetaflowBody.ReadAsync(http, JsonValueKind.Object);
        var task = new NewMetaflowTask(MetaflowRunKey.Of(flow, run), step, MetaflowBody.ChosenId(body, "task_id"), MetaflowBody.User(body), Tags(body), SystemTags(body), MetaflowBody.SendsHeartbeats(body));
        var made = await store.AddAsync(task, http.RequestAborted);
        await MetaflowJson.WriteAsync(http, json => json.Task(made.Run!, Made(made, $"The task {flow}/{run}/{step}/{task.Name}", $"the step {flow}/{run}/{step}")));
    }

    private static async Task AddMetadataAsync(HttpContext http, string flow, string run, string step, string task, IMetaflowStore store)
    {
        var items = MetaflowBody.Metadata(await MetaflowBody.ReadAsync(http, JsonValueKind.Array));
        await WriteCountAsync(http, "metadata_created", await store.AddAsync(new NewMetaflowMetadata(Key(flow, run, step, task), items), http.RequestAborted), $"{flow}/{run}/{step}/{task}");
    }

    private static async Task AddArtifactsAsync(HttpContext http, string flow, string run, string step, string task, IMetaflowStore store)
    {
        var items = MetaflowBody.Artifacts(await MetaflowBody.ReadAsync(http, JsonValueKind.Array));
        await WriteCountAsync(http, "artifacts_created", await store.AddAsync(new NewMetaflowArtifacts(Key(flow, run, step, task), items), http.RequestAborted), $"{flow}/{run}/{step}/{task}");
    }

    private static async Task BeatRunAsync(HttpContext http, string flow, string run, IMetaflowStore store) =>
        await BeatAsync(http, store, new MetaflowHeartbeat(MetaflowRunKey.Of(flow, run), null), $"run {flow}/{run}");

    private static async Task BeatTaskAsync(HttpContext http, string flow, string run, string step, string task, IMetaflowStore store) =>
        await BeatAsync(http, store, new MetaflowHeartbeat(MetaflowRunKey.Of(flow, run), Key(flow, run, step, task)), $"task {flow}/{run}/{step}/{task}");

    private static async Task BeatAsync(HttpContext http, IMetaflowStore store, MetaflowHeartbeat heartbeat, string what)
    {
        var beaten = await store.BeatAsync(heartbeat, http.RequestAborted);
        if (beaten.Outcome == MetaflowOutcome.Missing) throw ApiFault.NotFound($"There is no {what}.");
        await MetaflowJson.WriteAsync(http, json => json.Raw(Beaten));
    }

    private static async Task ChangeTagsAsync(HttpContext http, string flow, string run, IMetaflowStore store)
    {
        var body = await MetaflowBody.ReadAsync(http, JsonValueKind.Object);
        var change = new MetaflowTagChange(MetaflowRunKey.Of(flow, run), MetaflowBody.TagList(body, "tags_to_add"), MetaflowBody.TagList(body, "tags_to_remove"));
        var changed = await store.ChangeTagsAsync(change, http.RequestAborted);
        if (changed.Outcome == MetaflowOutcome.Missing) throw ApiFault.NotFound($"There is no run {flow}/{run}.");
        if (changed.Outcome == MetaflowOutcome.Forbidden)
            throw new ApiFault(ErrorCodes.Invalid with { Status = StatusCodes.Status422UnprocessableEntity }, $"System tags cannot be removed: {string.Join(", ", changed.Value!)}.");
        await MetaflowJson.WriteAsync(http, json => json.TagsOf(changed.Value!));
    }

    private static async Task WriteCountAsync(HttpContext http, string field, MetaflowAnswer<int> added, string task)
    {
        // 400, where 404 were to be expected: so that service has it.
        if (added.Outcome == MetaflowOutcome.Missing) throw new ApiFault(ErrorCodes.Invalid, $"There is no task {task}: register its run and the task first.");
        await MetaflowJson.WriteAsync(http, json => json.Count(field, added.Value));
    }

    private static T Made<T>(MetaflowAnswer<T> answer, string what, string parent = "")
        where T : class => answer.Outcome switch
        {
            MetaflowOutcome.Done => answer.Value!,
            MetaflowOutcome.Exists => throw new ApiFault(ErrorCodes.Conflict, $"{what} is there already."),
            _ => throw ApiFault.NotFound($"There is no such thing as {parent}."),
        };

    private static MetaflowTaskKey Key(string flow, string run, string step, string task) => MetaflowTaskKey.Of(MetaflowRunKey.Of(flow, run), step, task);

    private static string Tags(JsonElement body) => MetaflowBody.Tags(body, "tags");

    private static string SystemTags(JsonElement body) => MetaflowBody.Tags(body, "system_tags");
}
