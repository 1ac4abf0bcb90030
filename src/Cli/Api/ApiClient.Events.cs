namespace Fanfare.Cli.Api;

// Events, triggers, notices, and what could not start.
internal sealed partial class ApiClient
{
    /// <summary>With a key it is published once, so it may be sent again.</summary>
    public Task<PublishResponse> PublishAsync(PublishRequest request, CancellationToken cancellationToken) =>
        PostAsync<PublishRequest, PublishResponse>("api/v1/events", request, repeatable: request.IdempotencyKey is not null, cancellationToken);

    /// <param name="name">Null for all.</param>
    public Task<ListResponse<PublishedView>> ListEventsAsync(string? name, int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<PublishedView>>($"api/v1/events?{Paging(limit, cursor)}{(name is null ? "" : $"&name={Escape(name)}")}", cancellationToken);

    public Task<PublishedView> GetEventAsync(string id, CancellationToken cancellationToken) => GetAsync<PublishedView>($"api/v1/events/{Escape(id)}", cancellationToken);

    /// <param name="flow">Null for all flows'.</param>
    public Task<ListResponse<TriggerView>> ListTriggersAsync(string? flow, int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<TriggerView>>($"api/v1/triggers?{Paging(limit, cursor)}{(flow is null ? "" : $"&flow={Escape(flow)}")}", cancellationToken);

    public Task<TriggerView> GetTriggerAsync(string flow, string trigger, CancellationToken cancellationToken) =>
        GetAsync<TriggerView>($"api/v1/flows/{Escape(flow)}/triggers/{Escape(trigger)}", cancellationToken);

    public Task<TriggerView> CommandTriggerAsync(string flow, string trigger, string verb, TriggerCommandRequest request, CancellationToken cancellationToken) =>
        PostAsync<TriggerCommandRequest, TriggerView>($"api/v1/flows/{Escape(flow)}/triggers/{Escape(trigger)}:{verb}", request, repeatable: true, cancellationToken);

    public Task<ListResponse<DeadLetterView>> ListDeadLettersAsync(string? flow, int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<DeadLetterView>>($"api/v1/dead-letters?{Paging(limit, cursor)}{(flow is null ? "" : $"&flow={Escape(flow)}")}", cancellationToken);

    /// <param name="flow">Null for all flows'.</param>
    public Task<ListResponse<NoticeView>> ListNoticesAsync(string? flow, bool isDead, int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<NoticeView>>($"api/v1/notices?{Paging(limit, cursor)}{(flow is null ? "" : $"&flow={Escape(flow)}")}{(isDead ? "&dead=true" : "")}", cancellationToken);

    public Task<NoticeView> GetNoticeAsync(string id, CancellationToken cancellationToken) => GetAsync<NoticeView>($"api/v1/notices/{Escape(id)}", cancellationToken);

    public Task<NoticesResponse> SettleNoticesAsync(string verb, NoticesRequest request, CancellationToken cancellationToken) =>
        PostAsync<NoticesRequest, NoticesResponse>($"api/v1/notices:{verb}", request, repeatable: true, cancellationToken);

    public Task<DeadLettersResponse> SettleDeadLettersAsync(string verb, DeadLettersRequest request, CancellationToken cancellationToken) =>
        PostAsync<DeadLettersRequest, DeadLettersResponse>($"api/v1/dead-letters:{verb}", request, repeatable: true, cancellationToken);
}
