using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Fanfare.Contracts.Http;

namespace Fanfare.Cli.Api;

/// <summary>The HTTP API of a Fanfare server, typed. Of several servers that stand by for each other it asks one, and goes on to the next when that one does not answer, hangs, or
/// cannot serve now. It repeats what was under way only where that is safe.</summary>
internal sealed partial class ApiClient : IDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    // Longer than the server waits for a journal that cannot write before it answers 503.
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(100);

    private const int Attempts = 4;

    private readonly HttpClient _http;
    private readonly ServerAddress _address;
    private readonly ServerRing _servers;
    private readonly TimeProvider _clock;

    public ApiClient(ServerAddress address, TimeProvider clock)
    {
        (_address, _servers, _clock) = (address, new ServerRing(address.Urls), clock);
        _http = new HttpClient(new BrokenConnections(new SocketsHttpHandler
        {
            // Where there is another one to ask, an address that leads nowhere costs less.
            ConnectTimeout = _servers.Count > 1 ? ConnectTimeout / 2 : ConnectTimeout,
            // A server on this machine is not behind a proxy.
            UseProxy = !address.Url.IsLoopback,
        }))
        {
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("fanfare-cli", ProductVersion.Text));
        _http.DefaultRequestHeaders.TryAddWithoutValidation("X-Fanfare-Actor", address.Actor);
        if (address.Token is not null) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", address.Token);
    }

    /// <summary>The server that is asked now.</summary>
    public Uri BaseUrl => _servers.Current;

    public string Namespace => _address.Namespace;

    /// <summary>A path of the server as a whole URL.</summary>
    public string Link(string path) => new Uri(_servers.Current, path.TrimStart('/')).AbsoluteUri;

    public void Dispose() => _http.Dispose();

    private Task<T> GetAsync<T>(string path, CancellationToken cancellationToken) =>
        SendAsync<T>(() => new HttpRequestMessage(HttpMethod.Get, path), repeatable: true, cancellationToken);

    /// <param name="repeatable">Whether it does no harm when it takes effect twice.</param>
    private Task<TOut> PostAsync<TIn, TOut>(string path, TIn body, bool repeatable, CancellationToken cancellationToken) =>
        SendAsync<TOut>(() => new HttpRequestMessage(HttpMethod.Post, path) { Content = Body(body) }, repeatable, cancellationToken);

    private static ByteArrayContent Body<T>(T body)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, ApiJson.Type<T>()));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<T> SendAsync<T>(Func<HttpRequestMessage> request, bool repeatable, CancellationToken cancellationToken)
    {
        for (var lost = 1; ; lost++)
        {
            var (response, server) = await SendAsync(request, repeatable, AnswerTimeout, cancellationToken);
            using (response)
            {
                try
                {
                    var body = await GuardAsync(response.Content.ReadAsByteArrayAsync(cancellationToken), server, cancellationToken);
                    return JsonSerializer.Deserialize(body, ApiJson.Type<T>()) ?? throw Foreign(server);
                }
                catch (JsonException)
                {
                    throw Foreign(server);
                }
                catch (UnreachableException e) when (!e.Foreign && repeatable && lost < _servers.Count)
                {
                    _servers.Leave(server);
                }
            }
        }
    }

    /// <summary>Sends, and waits out a server that is busy for a moment. The answer is a success; with it, which server gave it.</summary>
    private async Task<(HttpResponseMessage Response, Uri Server)> SendAsync(Func<HttpRequestMessage> request, bool repeatable, TimeSpan timeout, CancellationToken cancellationToken)
    {
        var unreachable = 0;
        for (var attempt = 1; ;)
        {
            var server = _servers.Current;
            HttpResponseMessage response;
            try
            {
                using var message = request();
                response = await OpenAsync(message, server, timeout, cancellationToken);
            }
            catch (UnreachableException e) when (_servers.Count > 1)
            {
                _servers.Leave(server);
                if (!e.NothingSent && !repeatable) throw new UnreachableException($"{e.Message} It is not known whether the request took effect: look before you repeat it.", e);
                if (++unreachable < _servers.Count) continue;
                throw new UnreachableException($"None of the servers {_servers.Shown} answers. The last one: {e.Message}", e);
            }
            unreachable = 0;
            if (response.IsSuccessStatusCode) return (response, server);
            using (response)
            {
                var refusal = await RefusalAsync(response, server, cancellationToken);
                var wait = response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable ? response.Headers.RetryAfter?.Delta : null;
                if (attempt >= Attempts || wait is null || wait > TimeSpan.FromSeconds(10) || (!repeatable && !refusal.Problem.NothingDone)) throw refusal;
                _servers.Leave(server);
                await Task.Delay(wait.Value, _clock, cancellationToken);
                attempt++;
            }
        }
    }

    private async Task<HttpResponseMessage> OpenAsync(HttpRequestMessage message, Uri server, TimeSpan timeout, CancellationToken cancellationToken)
    {
        message.RequestUri = new Uri(server, InNamespace(message.RequestUri!.OriginalString));
        using var limit = new CancellationTokenSource(timeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await GuardAsync(_http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, either.Token), server, cancellationToken);
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            if (!limit.IsCancellationRequested) throw new UnreachableException($"No server answers at {ServerRing.Show(server)}: {Innermost(e)}", e) { NothingSent = true };
            throw new UnreachableException($"The server at {ServerRing.Show(server)} did not answer within {timeout.TotalSeconds:0} s.");
        }
        catch (UnreachableException)
        {
            // One that hangs would keep the request for ever.
            await either.CancelAsync();
            throw;
        }
    }

    private string InNamespace(string path) =>
        _address.Namespace == "default" ? path : $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}namespace={_address.Namespace}";

    private async Task<T> GuardAsync<T>(Task<T> call, Uri server, CancellationToken cancellationToken)
    {
        try
        {
            return await WatchAsync(call, server, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or IOException && !cancellationToken.IsCancellationRequested)
        {
            var nothingSent = e is HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError };
            throw new UnreachableException($"No server answers at {ServerRing.Show(server)}: {Innermost(e)}", e) { NothingSent = nothingSent };
        }
    }

    private async Task<ApiException> RefusalAsync(HttpResponseMessage response, Uri server, CancellationToken cancellationToken) =>
        new(Problem.Read((int)response.StatusCode, response.ReasonPhrase, await GuardAsync(response.Content.ReadAsStringAsync(cancellationToken), server, cancellationToken), Link));

    private static UnreachableException Foreign(Uri server) => new($"What answers at {ServerRing.Show(server)} is not a Fanfare server, or one of another release.") { Foreign = true };

    private static string Innermost(Exception e) => e.GetBaseException().Message.TrimEnd('.') + ".";

    private static string Escape(string text) => Uri.EscapeDataString(text);
}
