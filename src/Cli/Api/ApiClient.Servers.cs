namespace Fanfare.Cli.Api;

internal sealed partial class ApiClient
{
    /// <summary>After so long without a word a server is asked whether it lives; where there is another one to go to.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan ProofOfLife = TimeSpan.FromSeconds(1.5);

    /// <summary>Has another server lead. Answered when it does.</summary>
    /// <param name="forward">Whichever leads; else the server that is asked, if it does.</param>
    public Task<DrainResponse> DrainAsync(bool forward, CancellationToken cancellationToken) =>
        // A second drain of whichever leads would move the lead back.
        SendAsync<DrainResponse>(() => new HttpRequestMessage(HttpMethod.Post, forward ? "api/v1/server:drain" : "api/v1/server:drain?forward=false"), repeatable: !forward, cancellationToken);

    public Task<ListResponse<NodeInfo>> ListNodesAsync(CancellationToken cancellationToken) =>
        GetAsync<ListResponse<NodeInfo>>("api/v1/nodes", cancellationToken);

    public Task<ListResponse<LogLevelView>> ListLogLevelsAsync(CancellationToken cancellationToken) =>
        GetAsync<ListResponse<LogLevelView>>("api/v1/server/log-levels", cancellationToken);

    /// <summary>Changes what the server logs that answers.</summary>
    public Task<ListResponse<LogLevelView>> SetLogLevelAsync(LogLevelRequest request, CancellationToken cancellationToken) =>
        PostAsync<LogLevelRequest, ListResponse<LogLevelView>>("api/v1/server:log-level", request, repeatable: true, cancellationToken);

    // A server that hangs keeps its connections, and says nothing on them. Neither does one that takes long; but that one answers when it is asked for its health.
    private async Task<T> WatchAsync<T>(Task<T> call, Uri server, CancellationToken cancellationToken)
    {
        if (_servers.Count == 1) return await call;
        while (true)
        {
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            if (await Task.WhenAny(call, Task.Delay(LongestSilence, _clock, silence.Token)) == call || cancellationToken.IsCancellationRequested)
            {
                await silence.CancelAsync();
                return await call;
            }
            if (await LivesAsync(server, cancellationToken) || call.IsCompleted) continue;
            throw new UnreachableException($"The server at {ServerRing.Show(server)} hangs: it says nothing, not even whether it is healthy.");
        }
    }

    private async Task<bool> LivesAsync(Uri server, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(ProofOfLife, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var answer = await _http.GetAsync(new Uri(server, "healthz"), either.Token);
            return true;
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return false;
        }
    }
}
