using System.Globalization;
using System.Net;

namespace Fanfare.Worker.Spot;

/// <summary>EC2's instance metadata service, version 2: every question carries a token that the service gave out for a time. Not safe to call from two threads at a time.</summary>
/// <remarks>The service answers within milliseconds where there is one. Where there is none nothing may answer at all, so each try has a bound.</remarks>
internal sealed class MetadataService : IDisposable
{
    public const string TtlHeader = "X-aws-ec2-metadata-token-ttl-seconds", TokenHeader = "X-aws-ec2-metadata-token";

    public const string TokenPath = "/latest/api/token";

    // The longest that the service gives.
    private const int TtlSeconds = 21_600;

    private const int MostBytes = 64 * 1024;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(1);

    private readonly string _endpoint;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private Token? _token;

    public MetadataService(Uri endpoint, TimeProvider time)
    {
        _endpoint = endpoint.AbsoluteUri.TrimEnd('/');
        _time = time;
        // The address is the machine's own, whatever proxy the environment names; and it redirects nowhere.
        var handler = new SocketsHttpHandler { UseProxy = false, AllowAutoRedirect = false, UseCookies = false, ConnectTimeout = Patience, PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30) };
        _http = new HttpClient(handler) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = MostBytes };
    }

    /// <summary>What is at a path; null when there is nothing.</summary>
    /// <exception cref="MetadataException">The service does not answer, or not as it should.</exception>
    public async Task<string?> GetAsync(string path, CancellationToken cancellationToken)
    {
        for (var isAgain = false; ; isAgain = true)
        {
            var token = await TokenAsync(cancellationToken);
            using var request = new HttpRequestMessage(HttpMethod.Get, _endpoint + path);
            request.Headers.TryAddWithoutValidation(TokenHeader, token);
            var (status, body) = await SendAsync(request, cancellationToken);
            switch (status)
            {
                case HttpStatusCode.OK:
                    return body;
                case HttpStatusCode.NotFound:
                    return null;
                case HttpStatusCode.Unauthorized when !isAgain:
                    // The token is not known any more: a machine that was stopped and started again, or a clock that was set.
                    _token = null;
                    break;
                default:
                    throw new MetadataException($"it answered {path} with {(int)status}");
            }
        }
    }

    public void Dispose() => _http.Dispose();

    private async Task<string> TokenAsync(CancellationToken cancellationToken)
    {
        if (_token is { } fresh && _time.GetElapsedTime(fresh.Since) < fresh.Ttl * 0.9) return fresh.Value;
        try
        {
            return (_token = await AskForTokenAsync(cancellationToken)).Value;
        }
        catch (MetadataException) when (_token is { } old && _time.GetElapsedTime(old.Since) < old.Ttl)
        {
            // It lasts a while yet, and the next question tries again to have it renewed.
            return old.Value;
        }
    }

    private async Task<Token> AskForTokenAsync(CancellationToken cancellationToken)
    {
        var since = _time.GetTimestamp();
        using var request = new HttpRequestMessage(HttpMethod.Put, _endpoint + TokenPath);
        request.Headers.TryAddWithoutValidation(TtlHeader, TtlSeconds.ToString(CultureInfo.InvariantCulture));
        TimeSpan? ttl = null;
        var (status, body) = await SendAsync(request, cancellationToken, response =>
        {
            if (response.Headers.TryGetValues(TtlHeader, out var said) && int.TryParse(said.First(), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0)
                ttl = TimeSpan.FromSeconds(seconds);
        });
        if (status != HttpStatusCode.OK) throw new MetadataException($"it answered a request for a token with {(int)status}{(status == HttpStatusCode.Forbidden ? ", so it is turned off" : "")}");
        var value = body.Trim();
        if (value.Length == 0 || value.Any(c => char.IsControl(c) || !char.IsAscii(c))) throw new MetadataException("what it gave out as a token is none");
        return new Token(value, since, ttl ?? TimeSpan.FromSeconds(TtlSeconds));
    }

    private async Task<(HttpStatusCode Status, string Body)> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken, Action<HttpResponseMessage>? look = null)
    {
        using var limit = new CancellationTokenSource(Patience, _time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
        try
        {
            using var response = await _http.SendAsync(request, both.Token);
            look?.Invoke(response);
            return (response.StatusCode, response.StatusCode == HttpStatusCode.OK ? await response.Content.ReadAsStringAsync(both.Token) : "");
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            throw new MetadataException($"no answer within {Patience.TotalSeconds:0.#} s");
        }
        catch (Exception e) when (e is HttpRequestException or IOException)
        {
            throw new MetadataException(e.InnerException is { } inner ? inner.Message : e.Message);
        }
    }

    /// <param name="Since">Timestamp of the request, so that it certainly ends no later than reckoned from here.</param>
    private sealed record Token(string Value, long Since, TimeSpan Ttl);
}

/// <summary>The metadata service does not answer, or not as it should; says what was wrong.</summary>
internal sealed class MetadataException(string message) : Exception(message);
