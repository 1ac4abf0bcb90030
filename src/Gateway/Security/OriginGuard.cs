using System.Net;

namespace Fanfare.Gateway;

/// <summary>Keeps foreign web pages in the user's browser from reaching the server: by a host name that was made to point here
/// (DNS rebinding), or by posting across origins.</summary>
internal sealed class OriginGuard(RequestDelegate next, GatewayOptions options)
{
    public Task InvokeAsync(HttpContext http)
    {
        var request = http.Request;
        if (options.AccessToken is null && !IsLoopback(request.Host.Host))
            throw new ApiFault(ErrorCodes.ForeignOrigin, $"The server answers to localhost and loopback addresses only, not to host '{request.Host.Host}'. "
                + "To serve other names, start it with an access token.");
        if (ChangesState(request.Method) && !AccessGuard.HasBearer(http) && IsForeign(request))
            throw new ApiFault(ErrorCodes.ForeignOrigin, "Requests that change something are taken from the server's own pages and from programs, not from other web pages.");
        return next(http);
    }

    /// <summary>Whether a host of a URL, or an address to listen on, is this machine only.</summary>
    public static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address));

    private static bool ChangesState(string method) =>
        !HttpMethods.IsGet(method) && !HttpMethods.IsHead(method) && !HttpMethods.IsOptions(method);

    private static bool IsForeign(HttpRequest request)
    {
        if (request.Headers["Sec-Fetch-Site"].ToString() is "cross-site" or "same-site") return true;
        var origin = request.Headers.Origin.ToString();
        return origin.Length > 0 && !origin.Equals($"{request.Scheme}://{request.Host}", StringComparison.OrdinalIgnoreCase);
    }
}
