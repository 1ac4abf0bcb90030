using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Contracts.Http;

namespace Fanfare.Worker.Gateways;

/// <summary>The lease that a request stood under is not this worker's any more.</summary>
internal sealed class LeaseVoidException(string message) : Exception(message);

/// <summary>The gateway answered that the request itself is wrong; sending it again would not help.</summary>
internal sealed class TransferRefusedException(HttpStatusCode status, string message) : Exception(message)
{
    public HttpStatusCode Status { get; } = status;
}

/// <summary>Speaks the worker protocol with whichever gateway answers.</summary>
internal sealed class GatewayClient : IDisposable
{
    private static readonly TimeSpan LongestRetryAfter = TimeSpan.FromSeconds(30);

    /// <summary>A gateway that has a poll waiting sends a sign of life every second; one that is silent for so long hangs.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(2.5);

    /// <summary>How often a worker that is not at its own server looks whether that is ready, give or take a half.</summary>
    private static readonly TimeSpan HomeEvery = TimeSpan.FromSeconds(10);

    private static readonly JsonWriterOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpClient _http;
    private readonly TimeProvider _time;

    public GatewayClient(ServerList servers, string? token, TimeProvider time)
    {
        Servers = servers;
        _time = time;
        // A redirect would carry the token to wherever it points; a proxy stands between no worker and its gateway.
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ConnectTimeout = TimeSpan.FromSeconds(2),
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(60),
            MaxConnectionsPerServer = 64,
        };
        _http = new HttpClient(new BrokenConnections(handler)) { Timeout = Timeout.InfiniteTimeSpan };
        if (token is not null) _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
    }

    public ServerList Servers { get; }

    /// <summary>One poll at one gateway. Null when it failed; the server list then knows.</summary>
    public async Task<PollResponse?> PollAsync(Server server, PollRequest request, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var message = new HttpRequestMessage(HttpMethod.Post, new Uri(server.Address, WorkerRoutes.Poll(request.Worker)))
            {
                Content = Body(request),
            };
            using var silence = new Silence(LongestSilence, _time, both.Token);
            using var response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, silence.Token);
            // A server of a release that does not know the reason refuses what it does not know.
            if (response.StatusCode == HttpStatusCode.BadRequest && request.Draining is not null) return await PollAsync(server, request with { Draining = null }, timeout, cancellationToken);
            if (!response.IsSuccessStatusCode)
            {
                // Of a server that is not ready now. Others may be anybody's, where the server was: a proxy, or another program.
                if (response.StatusCode is HttpStatusCode.TooManyRequests or HttpStatusCode.InternalServerError or HttpStatusCode.ServiceUnavailable) Servers.Heard();
                var detail = await DetailAsync(response, both.Token);
                Servers.Failed(server, $"it answered a poll with {(int)response.StatusCode}: {detail}", RetryAfter(response) ?? Patience(response.StatusCode));
                return null;
            }
            await using var body = await response.Content.ReadAsStreamAsync(silence.Token);
            var answer = await JsonSerializer.DeserializeAsync(silence.Watch(body), AnswersJson.PollResponse, silence.Token)
                ?? throw new JsonException("The answer to a poll was null.");
            Servers.Answered(server);
            return answer;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw;
        }
        catch (OperationCanceledException)
        {
            var waited = limit.IsCancellationRequested ? $"no answer to a poll within {timeout.TotalSeconds:0.#} s." : $"not a sign of life within {LongestSilence.TotalSeconds:0.#} s.";
            Servers.Failed(server, waited, TimeSpan.Zero);
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or IOException or JsonException)
        {
            Servers.Failed(server, Words(e), null);
            return null;
        }
    }

    /// <summary>Goes back to the worker's own server whenever that is ready again, until it is told to end.</summary>
    public async Task KeepHomeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            // Not all at the same time.
            await Task.Delay(HomeEvery * (0.5 + Random.Shared.NextDouble()), _time, cancellationToken);
            if (Servers.Home is { } home && await IsReadyAsync(home, cancellationToken)) Servers.Return();
        }
    }

    private async Task<bool> IsReadyAsync(Server server, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(LongestSilence, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var response = await _http.GetAsync(new Uri(server.Address, "readyz"), both.Token);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            return false;
        }
    }

    /// <summary>Sends until a gateway takes it. The caller disposes the answer, which is a success.</summary>
    /// <param name="make">Makes the request anew for each try; its address is relative.</param>
    /// <param name="patience">How long one try may take until the answer's headers.</param>
    /// <param name="cancellationToken">Ends the tries.</param>
    /// <exception cref="LeaseVoidException">409 or 410.</exception>
    /// <exception cref="TransferRefusedException">Another answer that repeating would not change.</exception>
    public async Task<HttpResponseMessage> SendAsync(Func<HttpRequestMessage> make, TimeSpan patience, CancellationToken cancellationToken)
    {
        for (var failures = 1; ; failures++)
        {
            var server = await Servers.NextAsync(cancellationToken);
            using var limit = new CancellationTokenSource(patience, _time);
            using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            HttpResponseMessage? response = null;
            try
            {
                using var message = make();
                message.RequestUri = new Uri(server.Address, message.RequestUri!.OriginalString);
                response = await _http.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, both.Token);
                if (response.IsSuccessStatusCode)
                {
                    var success = response;
                    response = null;
                    return success;
                }
                var detail = await DetailAsync(response, both.Token);
                switch (response.StatusCode)
                {
                    case HttpStatusCode.Conflict or HttpStatusCode.Gone:
                        throw new LeaseVoidException(detail);
                    case HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout:
                        Servers.Failed(server, $"it answered {(int)response.StatusCode}: {detail}", RetryAfter(response));
                        break;
                    case HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or >= HttpStatusCode.InternalServerError:
                        await Task.Delay(RetryAfter(response) ?? Backoff.Delay(failures, Random.Shared.NextDouble()), _time, cancellationToken);
                        break;
                    default:
                        throw new TransferRefusedException(response.StatusCode, $"The gateway answered {(int)response.StatusCode}: {detail}");
                }
            }
            catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
            {
                throw;
            }
            catch (OperationCanceledException)
            {
                Servers.Failed(server, $"no answer within {patience.TotalSeconds:0.#} s.", null);
            }
            catch (HttpRequestException e)
            {
                // What breaks while a file is read for sending is the file's error, not the gateway's.
                if (e.InnerException is FileNotFoundException or UnauthorizedAccessException) throw;
                Servers.Failed(server, Words(e), null);
            }
            finally
            {
                response?.Dispose();
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private static ByteArrayContent Body(PollRequest request)
    {
        var buffer = new ArrayBufferWriter<byte>(4096);
        using (var writer = new Utf8JsonWriter(buffer, Relaxed)) JsonSerializer.Serialize(writer, request, ContractsJson.Default.PollRequest);
        var content = new ByteArrayContent(buffer.WrittenSpan.ToArray());
        content.Headers.ContentType = Json;
        return content;
    }

    private TimeSpan? RetryAfter(HttpResponseMessage response)
    {
        var asked = response.Headers.RetryAfter is not { } after ? null : after.Delta ?? after.Date - _time.GetUtcNow();
        return asked is { } delay ? TimeSpan.FromTicks(Math.Clamp(delay.Ticks, 0, LongestRetryAfter.Ticks)) : null;
    }

    // A wrong token or address does not mend itself within a moment.
    private static TimeSpan? Patience(HttpStatusCode status) => (int)status is >= 300 and < 500 and not 429 ? Backoff.Longest : null;

    private static async Task<string> DetailAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var buffer = new byte[4096];
        var length = 0;
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            for (int read; length < buffer.Length && (read = await body.ReadAsync(buffer.AsMemory(length), cancellationToken)) > 0;) length += read;
            using var problem = JsonDocument.Parse(buffer.AsMemory(0, length));
            if (problem.RootElement.ValueKind == JsonValueKind.Object)
                foreach (var member in (string[])["detail", "title"])
                    if (problem.RootElement.TryGetProperty(member, out var text) && text.ValueKind == JsonValueKind.String) return text.GetString()!;
        }
        catch (Exception e) when (e is JsonException or IOException or HttpRequestException)
        {
            // No problem document, or one that was cut off; the status says what there is to say.
        }
        return response.ReasonPhrase ?? "no reason given";
    }

    private static string Words(Exception e) => e.InnerException is { } inner && e is HttpRequestException ? $"{e.Message} {inner.Message}" : e.Message;
}
