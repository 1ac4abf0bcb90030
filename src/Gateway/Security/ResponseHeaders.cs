namespace Fanfare.Gateway;

/// <summary>Headers that every answer carries unless its route sets them itself.</summary>
internal sealed class ResponseHeaders(RequestDelegate next)
{
    /// <summary>The server's own pages: their script, style and event stream, and nothing else.</summary>
    public const string PageContent =
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

    /// <summary>What users' tasks wrote: shown in an origin of its own, so that its scripts cannot speak for the user.</summary>
    public const string UserContent = "sandbox allow-scripts allow-popups";

    public Task InvokeAsync(HttpContext http)
    {
        http.Response.OnStarting(() =>
        {
            var headers = http.Response.Headers;
            headers.XContentTypeOptions = "nosniff";
            headers["Referrer-Policy"] = "no-referrer";
            headers["Cross-Origin-Resource-Policy"] = "same-origin";
            // On refusals, too: clients read from it what they may ask for.
            if (http.Request.Path.StartsWithSegments(MetaflowApi.Root)) headers[MetaflowApi.VersionHeader] = MetaflowApi.Version;
            if (headers.ContentSecurityPolicy.Count == 0) headers.ContentSecurityPolicy = PageContent;
            if (headers.CacheControl.Count == 0) headers.CacheControl = "no-store";
            return Task.CompletedTask;
        });
        return next(http);
    }
}
