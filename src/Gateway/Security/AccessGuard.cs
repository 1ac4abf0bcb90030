using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http.Extensions;

namespace Fanfare.Gateway;

/// <summary>Marks a route that needs no access token.</summary>
internal sealed class OpenToAll
{
    public static readonly OpenToAll Instance = new();
}

/// <summary>With an access token configured, lets in who shows it: as a bearer token, for Metaflow's clients under <c>/metaflow</c> as <c>x-api-key</c>, or, for browsers, as a cookie that a page
/// opened with <c>?token=</c> sets. The cookie holds a digest, not the token.</summary>
internal sealed class AccessGuard(RequestDelegate next, GatewayOptions options)
{
    public const string Cookie = "fanfare_access", Query = "token";

    private const string Bearer = "Bearer ";

    /// <summary>The header by which Metaflow's clients show METAFLOW_SERVICE_AUTH_KEY.</summary>
    private const string MetaflowKey = "x-api-key";

    private readonly byte[]? _token = options.AccessToken is { } token ? Digest(token) : null;

    private readonly string? _cookie = options.AccessToken is { } token ? Convert.ToHexStringLower(Digest("cookie:" + token)) : null;

    /// <summary>Whether the request proved itself by a header, which no foreign page can make a browser send.</summary>
    public static bool HasBearer(HttpContext http) => http.Items.ContainsKey(typeof(AccessGuard));

    public async Task InvokeAsync(HttpContext http)
    {
        if (_token is null || http.GetEndpoint()?.Metadata.GetMetadata<OpenToAll>() is not null)
        {
            await next(http);
            return;
        }
        var request = http.Request;
        if (request.Headers.Authorization.ToString() is { } header && header.StartsWith(Bearer, StringComparison.OrdinalIgnoreCase))
        {
            if (!Matches(header[Bearer.Length..].Trim())) throw Refused("The access token is not the server's.");
            http.Items[typeof(AccessGuard)] = true;
            await next(http);
        }
        else if (request.Path.StartsWithSegments(MetaflowApi.Root) && request.Headers[MetaflowKey] is [{ } key])
        {
            if (!Matches(key.Trim())) throw Refused("The key in x-api-key is not the server's access token.");
            http.Items[typeof(AccessGuard)] = true;
            await next(http);
        }
        else if (request.Cookies[Cookie] is { } cookie && CryptographicOperations.FixedTimeEquals(Digest(cookie), Digest(_cookie!)))
        {
            await next(http);
        }
        else if (HttpMethods.IsGet(request.Method) && !request.Path.StartsWithSegments("/api") && request.Query[Query] is [{ } given] && Matches(given))
        {
            http.Response.Cookies.Append(Cookie, _cookie!, new CookieOptions { HttpOnly = true, SameSite = SameSiteMode.Lax, Secure = request.IsHttps, Path = "/" });
            http.Response.Redirect(WithoutToken(request));
        }
        else
        {
            throw Refused("Send the header 'Authorization: Bearer TOKEN', or open the page with ?token=TOKEN once.");
        }
    }

    private bool Matches(string given) => CryptographicOperations.FixedTimeEquals(Digest(given), _token);

    private static byte[] Digest(string text) => SHA256.HashData(Encoding.UTF8.GetBytes(text));

    private static ApiFault Refused(string detail) => new(ErrorCodes.Unauthorized, detail);

    // A path that begins with two slashes would lead a browser to another host.
    private static string WithoutToken(HttpRequest request) =>
        "/" + request.Path.ToUriComponent().TrimStart('/') + new QueryBuilder(request.Query.Where(q => q.Key != Query)).ToQueryString();
}
