using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Fanfare.Gateway;

/// <summary>Steps, tasks and attempts of a run, and commands on one task.</summary>
internal static class TasksApi
{
    private static readonly (TaskVerb Verb, string Summary)[] Verbs =
    [
        (TaskVerb.Kill, "End the running attempt of a task; it counts as the user's failure"),
        (TaskVerb.Retry, "Send a task back to the start, with fresh budgets"),
        (TaskVerb.Skip, "Declare a task done, with the output given"),
    ];

    public static void Map(IEndpointRouteBuilder routes)
    {
        var api = routes.MapGroup("/api/v1/runs/{run}").WithTags("Tasks");
        api.MapGet("/steps", ListStepsAsync).AsRead().WithQuery(Q.Namespace, Q.Limit, Q.Cursor)
            .WithName("listSteps").WithSummary("List the openings of a run's steps, with their counts");
        api.MapGet("/tasks", ListTasksAsync).AsRead().WithQuery(Q.Namespace, Q.Step, Q.Key, Q.TaskStatus, Q.Limit, Q.Cursor)
            .WithName("listTasks").WithSummary("List tasks that have started")
            .WithDescription("Outputs and artifacts are left out; ask for one task to see them. Tasks that only wait are counted by their step.");
        api.MapGet("/tasks/{task}", ShowAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("showTask").WithSummary("Show a task, with output and artifacts").WithDescription("attempt is -1 for a task that never started.");
        api.MapGet("/tasks/{task}/attempts", ListAttemptsAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("listAttempts").WithSummary("List a task's attempts");
        api.MapGet("/tasks/{task}/explain", ExplainAsync).AsRead().WithQuery(Q.Namespace)
            .WithName("explainTask").WithSummary("Why is it not running?");
        foreach (var (verb, summary) in Verbs)
        {
            var word = GatewayJson.Word(verb);
            api.MapPost($"/tasks/{{task}}:{word}", (HttpContext http, string run, string task, IScheduler scheduler, TaskLookup tasks) =>
                    CommandAsync(http, run, task, verb, scheduler, tasks))
                .AsCommand().WithQuery(Q.Namespace).WithJsonBody(typeof(TaskCommandRequest))
                .WithName(word + "Task").WithSummary(summary);
        }
        api.MapPost("/tasks/{task}", (string task) => UnknownVerb(task)).WithQuery(Q.Namespace).ExcludeFromDescription();
    }

    private static async Task<Ok<ListResponse<StepView>>> ListStepsAsync(HttpContext http, string run, IReadModel reads)
    {
        var row = await reads.GetRunAsync(http, run);
        var cursor = Q.Cursor.Read(http);
        Task<Page<StepRow>> Query() => reads.ListStepsAsync(row.Namespace, row.Run, cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, View));
    }

    private static async Task<Ok<ListResponse<TaskView>>> ListTasksAsync(HttpContext http, string run, IReadModel reads, Deployments deployments)
    {
        var row = await reads.GetRunAsync(http, run);
        var deployment = await deployments.OfAsync(row, http.RequestAborted);
        var cursor = Q.Cursor.Read(http);
        Task<Page<TaskRow>> Query() => reads.ListTasksAsync(row.Namespace, row.Run, Filter(http, deployment), cursor, Q.LimitOf(http), http.RequestAborted);
        return TypedResults.Ok(await Listing.PageAsync(cursor, Query, task => View(task, deployment, whole: false)));
    }

    internal static TaskFilter Filter(HttpContext http, Deployment deployment)
    {
        var step = Q.Step.Read(http);
        if (step is not null && !deployment.Steps.ContainsKey(step))
            throw ApiFault.Field(Q.Step.Name, $"'{step}' is not a step of this run's flow", Suggestion.For(step, [.. deployment.Steps.Keys]));
        StepKey? key = Q.Key.Read(http) is { } text ? TaskNames.ReadKey(text, deployment) : null;
        return new TaskFilter(step, key, Q.TaskStatus.Read(http));
    }

    private static async Task<Ok<TaskView>> ShowAsync(HttpContext http, string run, string task, TaskLookup tasks)
    {
        var found = await tasks.FindAsync(http, run, task);
        return TypedResults.Ok(View(await tasks.RowAsync(found, http.RequestAborted), found.Deployment, whole: true));
    }

    private static async Task<Ok<ListResponse<AttemptView>>> ListAttemptsAsync(HttpContext http, string run, string task, TaskLookup tasks, IReadModel reads)
    {
        var found = await tasks.FindAsync(http, run, task);
        await tasks.RowAsync(found, http.RequestAborted);
        var attempts = await reads.ListAttemptsAsync(found.Ref.Namespace, found.Ref.Run, found.Ref.Step, found.Ref.Split, http.RequestAborted);
        return TypedResults.Ok(new ListResponse<AttemptView>(
            [.. attempts.Select(a => new AttemptView(a.Attempt, a.Status, a.Worker, a.LeasedAt, a.StartedAt, a.EndedAt, a.Error))], null));
    }

    private static async Task<Ok<Explanation>> ExplainAsync(HttpContext http, string run, string task, TaskLookup tasks, IScheduler scheduler)
    {
        var found = await tasks.FindAsync(http, run, task);
        return TypedResults.Ok(await scheduler.ExplainAsync(found.Ref, http.RequestAborted));
    }

    private static async Task<NoContent> CommandAsync(HttpContext http, string run, string task, TaskVerb verb, IScheduler scheduler, TaskLookup tasks)
    {
        var actor = Caller.ActorOf(http);
        var request = await Body.ReadJsonAsync(http, new TaskCommandRequest());
        var found = await tasks.FindAsync(http, run, task);
        await scheduler.CommandTaskAsync(new CommandTask(actor, found.Ref, verb, Output(request, verb)), http.RequestAborted);
        return TypedResults.NoContent();
    }

    private static string? Output(TaskCommandRequest request, TaskVerb verb)
    {
        if (request.Output is not { } output) return null;
        if (verb != TaskVerb.Skip) throw ApiFault.Field("output", "applies to skip only", "Leave it out.");
        if (output.ValueKind != JsonValueKind.Object) throw ApiFault.Field("output", "is not an object", "Give the task's outputs as a JSON object.");
        Body.CheckText("output", output);
        var json = output.GetRawText();
        return System.Text.Encoding.UTF8.GetByteCount(json) <= Limits.OutputBytes
            ? json
            : throw ApiFault.TooLarge("output", $"is larger than {Limits.OutputBytes} bytes", "Give less.");
    }

    private static NoContent UnknownVerb(string task) => throw ApiFault.UnknownVerb("task", task, [.. Verbs.Select(v => GatewayJson.Word(v.Verb))]);

    internal static StepView View(StepRow row) => new(
        row.Key.ToString(), row.Key.Step, row.Status, row.Total, Waiting(row), row.Running, row.Backoff, row.Succeeded, row.Failed, row.Cancelled,
        row.OpenedAt, row.EndedAt);

    internal static int Waiting(StepRow row) =>
        Math.Max(0, row.Total - row.Running - row.Succeeded - row.Failed - row.Cancelled - row.Backoff);

    internal static TaskView View(TaskRow row, Deployment deployment, bool whole) => new(
        TaskNames.Write(row, deployment), row.Key.Step, TaskNames.Splits(row.Key, row.Split, deployment), row.Status, row.Attempt, row.Worker,
        row.LeasedAt, row.StartedAt, row.EndedAt, row.Error,
        whole && row.Output is { } output ? GatewayJson.Element(output) : null, whole ? row.Artifacts : null);
}
