using System.Text;

namespace Fanfare.Cli.Api;

/// <summary>What a listing of runs is narrowed by; null for no bound.</summary>
internal sealed record RunQuery
{
    public string? Flow { get; init; }

    public RunStatus? Status { get; init; }

    public string? Tag { get; init; }

    public bool? Active { get; init; }

    public int? Deployment { get; init; }

    public int Limit { get; init; } = 50;

    public string? Cursor { get; init; }
}

internal sealed partial class ApiClient
{
    // The largest page that the server gives.
    private const int PageSize = 1000;

    /// <param name="request">With an idempotency key, so that it can be repeated.</param>
    public Task<StartRunResponse> StartRunAsync(string flow, StartRunRequest request, CancellationToken cancellationToken) =>
        PostAsync<StartRunRequest, StartRunResponse>($"api/v1/flows/{Escape(flow)}/runs", request, repeatable: request.IdempotencyKey is not null, cancellationToken);

    public Task<ListResponse<RunView>> ListRunsAsync(RunQuery query, CancellationToken cancellationToken)
    {
        var path = new StringBuilder("api/v1/runs?").Append(Paging(query.Limit, query.Cursor));
        if (query.Flow is not null) path.Append("&flow=").Append(Escape(query.Flow));
        if (query.Status is not null) path.Append("&status=").Append(Output.Words.Of(query.Status.Value));
        if (query.Tag is not null) path.Append("&tag=").Append(Escape(query.Tag));
        if (query.Active is not null) path.Append("&active=").Append(query.Active.Value ? "true" : "false");
        if (query.Deployment is not null) path.Append("&deployment=").Append(query.Deployment.Value);
        return GetAsync<ListResponse<RunView>>(path.ToString(), cancellationToken);
    }

    public Task<RunView> GetRunAsync(string run, CancellationToken cancellationToken) => GetAsync<RunView>(RunPath(run), cancellationToken);

    /// <param name="verb"><c>cancel</c>, <c>pause</c>, <c>resume</c> or <c>retry</c>.</param>
    public Task<RunCommandResponse> CommandRunAsync(string run, string verb, RunCommandRequest request, CancellationToken cancellationToken) =>
        // A second retry would retry what the first one ran.
        PostAsync<RunCommandRequest, RunCommandResponse>($"{RunPath(run)}:{verb}", request, repeatable: verb != "retry", cancellationToken);

    /// <summary>All openings of the run's steps, in order of opening.</summary>
    public async Task<IReadOnlyList<StepView>> ListStepsAsync(string run, CancellationToken cancellationToken)
    {
        var steps = new List<StepView>();
        string? cursor = null;
        do
        {
            var page = await GetAsync<ListResponse<StepView>>($"{RunPath(run)}/steps?{Paging(PageSize, cursor)}", cancellationToken);
            steps.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null);
        return steps;
    }

    public Task<ListResponse<TaskView>> ListTasksAsync(
        string run, string? step, TaskStatus? status, int limit, string? cursor, CancellationToken cancellationToken)
    {
        var path = new StringBuilder(RunPath(run)).Append("/tasks?").Append(Paging(limit, cursor));
        if (step is not null) path.Append("&step=").Append(Escape(step));
        if (status is not null) path.Append("&status=").Append(Output.Words.Of(status.Value));
        return GetAsync<ListResponse<TaskView>>(path.ToString(), cancellationToken);
    }

    public Task<TaskView> GetTaskAsync(string run, string task, CancellationToken cancellationToken) =>
        GetAsync<TaskView>(TaskPath(run, task), cancellationToken);

    public Task<ListResponse<AttemptView>> ListAttemptsAsync(string run, string task, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<AttemptView>>($"{TaskPath(run, task)}/attempts", cancellationToken);

    public Task<Explanation> ExplainAsync(string run, string task, CancellationToken cancellationToken) =>
        GetAsync<Explanation>($"{TaskPath(run, task)}/explain", cancellationToken);

    /// <param name="verb"><c>kill</c>, <c>retry</c> or <c>skip</c>.</param>
    public async Task CommandTaskAsync(string run, string task, string verb, TaskCommandRequest request, CancellationToken cancellationToken)
    {
        // A second kill or retry could meet the next attempt.
        var (response, _) = await SendAsync(
            () => new HttpRequestMessage(HttpMethod.Post, $"{TaskPath(run, task)}:{verb}") { Content = Body(request) }, repeatable: verb == "skip", AnswerTimeout, cancellationToken);
        response.Dispose();
    }

    /// <summary>Where a published artifact is to be had.</summary>
    public string ArtifactLink(string run, string task, string name) =>
        Link($"{TaskPath(run, task)}/artifacts/{string.Join('/', name.Split('/').Select(Escape))}");

    private static string RunPath(string run) => $"api/v1/runs/{Escape(run)}";

    private static string TaskPath(string run, string task) => $"{RunPath(run)}/tasks/{Escape(task)}";
}
