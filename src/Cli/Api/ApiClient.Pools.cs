namespace Fanfare.Cli.Api;

internal sealed partial class ApiClient
{
    public Task<ListResponse<PoolInfo>> ListPoolsAsync(int limit, string? cursor, CancellationToken cancellationToken) =>
        GetAsync<ListResponse<PoolInfo>>($"api/v1/pools?{Paging(limit, cursor)}", cancellationToken);

    public Task<PoolInfo> GetPoolAsync(string pool, CancellationToken cancellationToken) => GetAsync<PoolInfo>($"api/v1/pools/{Escape(pool)}", cancellationToken);

    /// <summary>The same again changes nothing, so it may be sent again.</summary>
    public Task<PoolChange> SetPoolAsync(string pool, SetPoolRequest request, CancellationToken cancellationToken) =>
        SendAsync<PoolChange>(() => new HttpRequestMessage(HttpMethod.Put, $"api/v1/pools/{Escape(pool)}") { Content = Body(request) }, repeatable: true, cancellationToken);

    /// <summary>Not repeated: it would be of one that somebody has set meanwhile.</summary>
    public Task<PoolChange> DeletePoolAsync(string pool, CancellationToken cancellationToken) =>
        SendAsync<PoolChange>(() => new HttpRequestMessage(HttpMethod.Delete, $"api/v1/pools/{Escape(pool)}"), repeatable: false, cancellationToken);
}
