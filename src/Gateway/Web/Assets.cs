using System.Reflection;

namespace Fanfare.Gateway;

/// <summary>Files embedded in the assembly.</summary>
internal static class Assets
{
    private static readonly Assembly Here = typeof(Assets).Assembly;

    public static byte[]? Read(string name)
    {
        using var stream = Here.GetManifestResourceStream(name);
        if (stream is null) return null;
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    public static void Map(IEndpointRouteBuilder routes)
    {
        Map(routes, "fanfare.css", "text/css; charset=utf-8");
        Map(routes, "live.js", "text/javascript; charset=utf-8");
        Map(routes, "icon.svg", "image/svg+xml");
    }

    private static void Map(IEndpointRouteBuilder routes, string name, string type)
    {
        var bytes = Read("assets/" + name) ?? throw new InvalidOperationException($"Asset {name} is not embedded.");
        routes.MapGet("/assets/" + name, (HttpContext http) =>
        {
            http.Response.Headers.CacheControl = "no-cache";
            return TypedResults.Bytes(bytes, type);
        }).WithMetadata(OpenToAll.Instance).ExcludeFromDescription();
    }
}
