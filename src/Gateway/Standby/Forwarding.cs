using System.Net;
using System.Net.Sockets;
using Fanfare.Contracts.Http;
using Microsoft.AspNetCore.Http.Features;

namespace Fanfare.Gateway;

/// <summary>Sends what comes to a server that stands by on to the one that leads, whole: requests, uploads, parked polls and event streams. While nobody
/// leads it waits for somebody to, so that callers notice a delay and nothing else.</summary>
internal sealed class Forwarding : IDisposable
{
    /// <summary>Marks what was forwarded: two servers that take each other for the leader must not send a request to and fro.</summary>
    private const string Mark = "Fanfare-Forwarded";

    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    // Of one connection, not of the request.
    private static readonly HashSet<string> _hops = new(StringComparer.OrdinalIgnoreCase) { "Connection", "Keep-Alive", "Transfer-Encoding", "TE", "Trailer", "Upgrade", "Proxy-Connection", "Host" };

    private static readonly TimeSpan _farewell = TimeSpan.FromSeconds(2);

    private static readonly TimeSpan _lookEvery = TimeSpan.FromMilliseconds(100);

    private readonly RequestDelegate _next;
    private readonly ILeadership _leadership;
    private readonly HttpMessageInvoker _leader = new(new BrokenConnections(new SocketsHttpHandler
    {
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        UseProxy = false,
        ConnectTimeout = TimeSpan.FromSeconds(2),
    }));

    public Forwarding(RequestDelegate next, ILeadership leadership) => (_next, _leadership) = (next, leadership);

    public async Task InvokeAsync(HttpContext http)
    {
        // Whether this process is well, and what it counts, is its own matter.
        if (_leadership.IsLeader || http.Request.Path == "/healthz" || http.Request.Path == "/readyz" || http.Request.Path == MetricsApi.Path || ServerApi.IsToStay(http.Request))
        {
            await _next(http);
            return;
        }
        if (http.Request.Headers.ContainsKey(Mark)) throw new ApiFault(ErrorCodes.NoLeader, "Which server leads is being settled. Repeat the request in a moment.");
        // The leader has limits of its own, by endpoint.
        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } limit) limit.MaxRequestBodySize = null;
        var started = TimeProvider.System.GetTimestamp();
        while (true)
        {
            if (_leadership.Leader is { } leader && await TryAsync(http, leader)) return;
            var left = _patience - TimeProvider.System.GetElapsedTime(started);
            if (left <= TimeSpan.Zero) throw new ApiFault(ErrorCodes.NoLeader, "No server leads at the moment, or the one that does cannot be reached. Repeat the request in a moment.");
            await _leadership.SettledAsync(left, http.RequestAborted);
            if (!_leadership.IsLeader) continue;
            await _next(http);
            return;
        }
    }

    public void Dispose() => _leader.Dispose();

    /// <summary>False when the leader could not be reached, and nothing was sent.</summary>
    private async Task<bool> TryAsync(HttpContext http, Uri leader)
    {
        using var request = RequestTo(leader, http.Request);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        var exchange = ExchangeAsync(http, request, ending.Token);
        // A leader that hangs answers nothing, and closes nothing: once another leads, or this server itself, it is not waited for. But one that was told to hand over answers when it has.
        var patience = http.Request.Path == ServerApi.DrainPath ? _farewell : TimeSpan.Zero;
        long? succeeded = null;
        while (await Task.WhenAny(exchange, Task.Delay(_lookEvery, CancellationToken.None)) != exchange)
        {
            if (!_leadership.IsLeader && (_leadership.Leader is not { } now || now == leader)) continue;
            succeeded ??= TimeProvider.System.GetTimestamp();
            if (TimeProvider.System.GetElapsedTime(succeeded.Value) >= patience) await ending.CancelAsync();
        }
        return await exchange;
    }

    private async Task<bool> ExchangeAsync(HttpContext http, HttpRequestMessage request, CancellationToken ending)
    {
        HttpResponseMessage answer;
        try
        {
            answer = await _leader.SendAsync(request, ending);
        }
        catch (HttpRequestException error) when (error.HttpRequestError is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError || error.InnerException is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
        {
            await Task.Delay(TimeSpan.FromMilliseconds(50), http.RequestAborted);
            return false;
        }
        catch (OperationCanceledException) when (!http.RequestAborted.IsCancellationRequested && (HttpMethods.IsGet(http.Request.Method) || HttpMethods.IsHead(http.Request.Method)))
        {
            return false;
        }
        catch (Exception error) when (error is HttpRequestException || (error is OperationCanceledException && !http.RequestAborted.IsCancellationRequested))
        {
            throw new ApiFault(ErrorCodes.Busy, "The server that leads went away while it answered. Repeat the request in a moment.");
        }
        using (answer) await AnswerAsync(http, answer, ending);
        return true;
    }

    private static HttpRequestMessage RequestTo(Uri leader, HttpRequest from)
    {
        var request = new HttpRequestMessage(new HttpMethod(from.Method), new Uri(leader, from.Path.ToUriComponent() + from.QueryString.ToUriComponent()))
        {
            Version = HttpVersion.Version11,
        };
        if (from.ContentLength is > 0 || from.Headers.TransferEncoding.Count > 0) request.Content = new StreamContent(from.Body);
        foreach (var (name, values) in from.Headers)
        {
            if (_hops.Contains(name)) continue;
            if (!request.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)values!)) request.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string>)values!);
        }
        // A browser's origin is checked against the name by which it knows this server.
        request.Headers.Host = from.Host.Value;
        request.Headers.TryAddWithoutValidation(Mark, "1");
        return request;
    }

    private static async Task AnswerAsync(HttpContext http, HttpResponseMessage answer, CancellationToken ending)
    {
        http.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
            if (!_hops.Contains(name)) http.Response.Headers[name] = values.ToArray();
        if (HttpMethods.IsHead(http.Request.Method)) return;
        await using var body = await answer.Content.ReadAsStreamAsync(ending);
        var buffer = new byte[64 * 1024];
        try
        {
            // Flushed piece by piece: an event stream is to be seen as it comes.
            while (await body.ReadAsync(buffer, ending) is var read and > 0)
            {
                await http.Response.Body.WriteAsync(buffer.AsMemory(0, read), ending);
                await http.Response.Body.FlushAsync(ending);
            }
        }
        catch (Exception error) when (error is IOException or HttpRequestException || (error is OperationCanceledException && !http.RequestAborted.IsCancellationRequested))
        {
            // Half of an answer must not look like the whole.
            http.Abort();
        }
    }
}
