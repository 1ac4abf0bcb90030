using System.Reflection;
using System.Text.Json.Serialization;

namespace Fanfare.Gateway;

/// <summary>A page's title and content.</summary>
/// <param name="Live">Set when the content refreshes itself: where the fragment comes from, and the events that say when.</param>
internal sealed record PageContent(string Title, Html Content, LiveSource? Live = null);

/// <param name="Fragment">Path of the fresh content.</param>
/// <param name="Events">Path of an event stream that says when; null to refresh every few seconds.</param>
internal sealed record LiveSource(string Fragment, string? Events);

/// <summary>The frame around every page.</summary>
internal static class Layout
{
    private static readonly (string Path, string Name)[] Sections =
        [("/", "Runs"), ("/schedules", "Schedules"), ("/backfills", "Backfills"), ("/triggers", "Triggers"), ("/events", "Events"), ("/dead-letters", "Dead letters")];

    /// <summary>Names of all events; a browser listens to each by its name.</summary>
    private static readonly string EventTypes = string.Join(' ',
        typeof(Event).GetCustomAttributes<JsonDerivedTypeAttribute>().Select(a => (string)a.TypeDiscriminator!));

    public static async Task WriteAsync(HttpContext http, PageContent page, int status = StatusCodes.Status200OK)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = "text/html; charset=utf-8";
        await http.Response.WriteAsync(Render(page, http.Request).Text, http.RequestAborted);
    }

    public static async Task WriteFragmentAsync(HttpContext http, Html fragment)
    {
        http.Response.ContentType = "text/html; charset=utf-8";
        await http.Response.WriteAsync(fragment.Text, http.RequestAborted);
    }

    private static Html Render(PageContent page, HttpRequest request) => Html.Of($"""
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <title>{page.Title} · Fanfare</title>
        <link rel="icon" href="/assets/icon.svg">
        <link rel="stylesheet" href="/assets/fanfare.css">
        <script src="/assets/live.js" defer></script>
        </head>
        <body>
        <header class="top"><a class="brand" href="/"><img src="/assets/icon.svg" alt="" width="20" height="20">Fanfare</a>{Navigation(request)}<span class="live" id="live" hidden></span></header>
        <main id="content"{Attributes(page.Live)}>
        {page.Content}
        </main>
        <footer>Fanfare {ServerApi.Version} · <a href="/openapi/v1.json">API</a></footer>
        </body>
        </html>
        """);

    // Of an error page, too, whose namespace may be what is wrong.
    private static Html Navigation(HttpRequest request)
    {
        var ns = request.Query["namespace"] is [{ } given] && Names.IsValid(given) ? given : "default";
        var here = request.Path.StartsWithSegments("/runs", StringComparison.Ordinal) || request.Path == "/" ? "/" : Sections.FirstOrDefault(s => s.Path != "/" && request.Path.StartsWithSegments(s.Path, StringComparison.Ordinal)).Path;
        return Html.Of($"<nav>{Sections.Select(s => Html.Of($"<a href=\"{Links.Listing(s.Path, ns)}\"{Html.If(s.Path == here, $" class=\"on\" aria-current=\"page\"")}>{s.Name}</a>"))}</nav>");
    }

    private static Html Attributes(LiveSource? live) => live is null
        ? Html.Empty
        : Html.Of($" data-fragment=\"{live.Fragment}\" data-events=\"{live.Events}\" data-types=\"{EventTypes}\"");
}
