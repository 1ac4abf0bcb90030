using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace Fanfare.Cli.Api;

/// <summary>The HTTP API of a Fanfare server, typed.</summary>
internal sealed partial class ApiClient : IDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);

    // Longer than the server waits for a journal that cannot write before it answers 503.
    private static readonly TimeSpan AnswerTimeout = TimeSpan.FromSeconds(100);

    private readonly HttpClient _http;
    private readonly ServerAddress _server;
    private readonly TimeProvider _clock;

    public ApiClient(ServerAddress server, TimeProvider clock)
    {
        _server = server;
        _clock = clock;
        _http = new HttpClient(new SocketsHttpHandler
        {
            ConnectTimeout = ConnectTimeout,
            // A server on this machine is not behind a proxy.
            UseProxy = !server.Url.IsLoopback,
        })
        {
            BaseAddress = new Uri(server.Url.ToString().TrimEnd('/') + "/"),
            Timeout = Timeout.InfiniteTimeSpan,
        };
        _http.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("fanfare-cli", ProductVersion.Text));
        _http.DefaultRequestHeaders.TryAddWithoutValidation("X-Fanfare-Actor", server.Actor);
        if (server.Token is not null) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", server.Token);
    }

    public Uri BaseUrl => _server.Url;

    public string Namespace => _server.Namespace;

    private string Shown => _server.Url.ToString().TrimEnd('/');

    /// <summary>A path of the server as a whole URL.</summary>
    public string Link(string path) => new Uri(_http.BaseAddress!, path.TrimStart('/')).AbsoluteUri;

    public void Dispose() => _http.Dispose();

    private Task<T> GetAsync<T>(string path, CancellationToken cancellationToken) =>
        SendAsync<T>(() => new HttpRequestMessage(HttpMethod.Get, path), cancellationToken);

    private Task<TOut> PostAsync<TIn, TOut>(string path, TIn body, CancellationToken cancellationToken) =>
        SendAsync<TOut>(() => new HttpRequestMessage(HttpMethod.Post, path) { Content = Body(body) }, cancellationToken);

    private static ByteArrayContent Body<T>(T body)
    {
        var content = new ByteArrayContent(JsonSerializer.SerializeToUtf8Bytes(body, ApiJson.Type<T>()));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        return content;
    }

    private async Task<T> SendAsync<T>(Func<HttpRequestMessage> request, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(request, AnswerTimeout, cancellationToken);
        var body = await GuardAsync(response.Content.ReadAsByteArrayAsync(cancellationToken), cancellationToken);
        try
        {
            return JsonSerializer.Deserialize(body, ApiJson.Type<T>()) ?? throw Foreign();
        }
        catch (JsonException)
        {
            throw Foreign();
        }
    }

    /// <summary>Sends, and waits out a server that is busy for a moment. The answer is a success.</summary>
    private async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            using var message = request();
            var response = await OpenAsync(message, timeout, cancellationToken);
            if (response.IsSuccessStatusCode) return response;
            using (response)
            {
                var wait = attempt < 4 && response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.ServiceUnavailable
                    ? response.Headers.RetryAfter?.Delta
                    : null;
                if (attempt >= 4 || wait is null || wait > TimeSpan.FromSeconds(10)) throw await RefusalAsync(response, cancellationToken);
                await Task.Delay(wait.Value, _clock, cancellationToken);
            }
        }
    }

    private async Task<HttpResponseMessage> OpenAsync(HttpRequestMessage message, TimeSpan timeout, CancellationToken cancellationToken)
    {
        message.RequestUri = InNamespace(message.RequestUri!.OriginalString);
        using var limit = new CancellationTokenSource(timeout, _clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            return await GuardAsync(_http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, either.Token), cancellationToken);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new UnreachableException($"The server at {Shown} did not answer within {timeout.TotalSeconds:0} s.");
        }
    }

    private Uri InNamespace(string path) => new(
        _server.Namespace == "default" ? path : $"{path}{(path.Contains('?', StringComparison.Ordinal) ? '&' : '?')}namespace={_server.Namespace}",
        UriKind.Relative);

    private async Task<T> GuardAsync<T>(Task<T> call, CancellationToken cancellationToken)
    {
        try
        {
            return await call;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or SocketException && !cancellationToken.IsCancellationRequested)
        {
            throw new UnreachableException($"No server answers at {Shown}: {Innermost(e)}", e);
        }
    }

    private async Task<ApiException> RefusalAsync(HttpResponseMessage response, CancellationToken cancellationToken) =>
        new(Problem.Read((int)response.StatusCode, response.ReasonPhrase, await response.Content.ReadAsStringAsync(cancellationToken), Link));

    private UnreachableException Foreign() => new($"What answers at {Shown} is not a Fanfare server, or one of another release.") { Foreign = true };

    private static string Innermost(Exception e) => e.GetBaseException().Message.TrimEnd('.') + ".";

    private static string Escape(string text) => Uri.EscapeDataString(text);
}
