using System.Net;

namespace Fanfare.Cli.Api;

internal sealed partial class ApiClient
{
    /// <summary>Also the probe for whether the address is a Fanfare server at all.</summary>
    public async Task<VersionView> GetVersionAsync(CancellationToken cancellationToken)
    {
        VersionView version;
        try
        {
            version = await GetAsync<VersionView>("api/v1/version", cancellationToken);
        }
        catch (ApiException e) when (e.Problem.Status is 404 or 405 or 501)
        {
            throw Foreign(BaseUrl);
        }
        return string.IsNullOrEmpty(version.Version) || string.IsNullOrEmpty(version.Incarnation) ? throw Foreign(BaseUrl) : version;
    }

    public Task<DeployResponse> DeployAsync(DeployRequest request, CancellationToken cancellationToken) =>
        PostAsync<DeployRequest, DeployResponse>("api/v1/flows", request, repeatable: true, cancellationToken);

    public Task<FlowView> GetFlowAsync(string flow, CancellationToken cancellationToken) =>
        GetAsync<FlowView>($"api/v1/flows/{Escape(flow)}", cancellationToken);

    /// <param name="deployment">Only if this is the latest. Null for whichever is: then it is not repeated, for it would be of one that somebody has deployed meanwhile.</param>
    public Task<DeleteFlowResponse> DeleteFlowAsync(string flow, int? deployment, CancellationToken cancellationToken) =>
        SendAsync<DeleteFlowResponse>(() => new HttpRequestMessage(HttpMethod.Delete, $"api/v1/flows/{Escape(flow)}{(deployment is null ? "" : $"?deployment={deployment}")}"), repeatable: deployment is not null, cancellationToken);

    public Task<ListResponse<FlowView>> ListFlowsAsync(int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<FlowView>>($"api/v1/flows?{Paging(limit, cursor)}", cancellationToken);

    public Task<ListResponse<FlowView>> ListDeploymentsAsync(string flow, int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<FlowView>>($"api/v1/flows/{Escape(flow)}/deployments?{Paging(limit, cursor)}", cancellationToken);

    /// <param name="flow">Null for all flows'.</param>
    public Task<ListResponse<ScheduleView>> ListSchedulesAsync(string? flow, int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<ScheduleView>>($"api/v1/schedules?{Paging(limit, cursor)}{(flow is null ? "" : $"&flow={Escape(flow)}")}", cancellationToken);

    public Task<ScheduleView> GetScheduleAsync(string flow, string schedule, CancellationToken cancellationToken) =>
        GetAsync<ScheduleView>($"api/v1/flows/{Escape(flow)}/schedules/{Escape(schedule)}", cancellationToken);

    public Task<ScheduleView> CommandScheduleAsync(string flow, string schedule, string verb, ScheduleCommandRequest request, CancellationToken cancellationToken) =>
        PostAsync<ScheduleCommandRequest, ScheduleView>($"api/v1/flows/{Escape(flow)}/schedules/{Escape(schedule)}:{verb}", request, repeatable: true, cancellationToken);

    public Task<ListResponse<ScheduleTime>> GetUpcomingAsync(string? flow, string? schedule, int count, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<ScheduleTime>>($"api/v1/schedules:upcoming?count={count}{(flow is null ? "" : $"&flow={Escape(flow)}")}{(schedule is null ? "" : $"&schedule={Escape(schedule)}")}", cancellationToken);

    /// <summary>With a key it is started once, so it may be sent again.</summary>
    public Task<BackfillView> StartBackfillAsync(string flow, string schedule, BackfillRequest request, CancellationToken cancellationToken) =>
        PostAsync<BackfillRequest, BackfillView>($"api/v1/flows/{Escape(flow)}/schedules/{Escape(schedule)}:backfill", request, repeatable: request.IdempotencyKey is not null, cancellationToken);

    /// <summary>As a backfill.</summary>
    public Task<BackfillView> RerunAsync(string flow, string schedule, RerunRequest request, CancellationToken cancellationToken) =>
        PostAsync<RerunRequest, BackfillView>($"api/v1/flows/{Escape(flow)}/schedules/{Escape(schedule)}:rerun", request, repeatable: request.IdempotencyKey is not null, cancellationToken);

    /// <param name="flow">Null for all flows'.</param>
    public Task<ListResponse<BackfillView>> ListBackfillsAsync(string? flow, int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<BackfillView>>($"api/v1/backfills?{Paging(limit, cursor)}{(flow is null ? "" : $"&flow={Escape(flow)}")}", cancellationToken);

    public Task<BackfillView> GetBackfillAsync(string id, CancellationToken cancellationToken) => GetAsync<BackfillView>($"api/v1/backfills/{Escape(id)}", cancellationToken);

    public Task<BackfillView> CommandBackfillAsync(string id, string verb, BackfillCommandRequest request, CancellationToken cancellationToken) =>
        PostAsync<BackfillCommandRequest, BackfillView>($"api/v1/backfills/{Escape(id)}:{verb}", request, repeatable: true, cancellationToken);

    public async Task<bool> HasPackageAsync(string digest, CancellationToken cancellationToken)
    {
        try
        {
            // Only the headers are read.
            var (response, _) = await SendAsync(() => new HttpRequestMessage(HttpMethod.Get, $"api/v1/packages/{digest}"), repeatable: true, AnswerTimeout, cancellationToken);
            response.Dispose();
            return true;
        }
        catch (ApiException e) when (e.Problem.Status == (int)HttpStatusCode.NotFound)
        {
            return false;
        }
    }

    public async Task PutPackageAsync(string digest, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var (response, _) = await SendAsync(
            () => new HttpRequestMessage(HttpMethod.Put, $"api/v1/packages/{digest}")
            {
                Content = new ReadOnlyMemoryContent(content) { Headers = { ContentType = new("application/gzip") } },
            },
            repeatable: true, TimeSpan.FromMinutes(10), cancellationToken);
        response.Dispose();
    }

    public Task<ListResponse<WorkerInfo>> ListWorkersAsync(CancellationToken cancellationToken) =>
        GetAsync<ListResponse<WorkerInfo>>("api/v1/workers", cancellationToken);

    public Task<ListResponse<QueueInfo>> ListQueuesAsync(CancellationToken cancellationToken) =>
        GetAsync<ListResponse<QueueInfo>>("api/v1/queues", cancellationToken);

    private static string Paging(int limit, string? cursor) => cursor is null ? $"limit={limit}" : $"limit={limit}&cursor={Escape(cursor)}";
}
