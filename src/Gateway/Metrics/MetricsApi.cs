using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.Net.Http.Headers;

namespace Fanfare.Gateway;

/// <summary>The server's metrics, for Prometheus. Each server tells of itself: one that stands by does not send on who asks.</summary>
internal static class MetricsApi
{
    public const string Path = "/metrics";

    private const string TextType = "text/plain", OpenMetricsType = "application/openmetrics-text";

    public static void Map(IEndpointRouteBuilder routes) =>
        routes.MapGet(Path, Show).WithQuery().WithTags("Server").Produces<string>(contentType: TextType, additionalContentTypes: OpenMetricsType).WithName("metrics")
            .WithSummary("Show the server's metrics, for Prometheus").WithDescription("In Prometheus' text format 0.0.4, or in OpenMetrics 1.0 for who accepts that and likes it better. A server that stands by tells of itself.");

    private static ContentHttpResult Show(HttpContext http, ServerTelemetry telemetry)
    {
        var format = FormatFor(http.Request.Headers.Accept);
        return TypedResults.Text(telemetry.Read(format), format == ExpositionFormat.OpenMetrics ? $"{OpenMetricsType}; version=1.0.0; charset=utf-8" : $"{TextType}; version=0.0.4; charset=utf-8");
    }

    /// <summary>What who accepts this is answered.</summary>
    internal static ExpositionFormat FormatFor(IList<string?> accept)
    {
        if (!MediaTypeHeaderValue.TryParseList(accept as IList<string> ?? [], out var types)) return ExpositionFormat.Text;
        return Liking(types, IsOpenMetrics) is > 0 and var liked && liked >= Liking(types, type => type.MediaType.Equals(TextType, StringComparison.OrdinalIgnoreCase))
            ? ExpositionFormat.OpenMetrics : ExpositionFormat.Text;
    }

    private static bool IsOpenMetrics(MediaTypeHeaderValue type) =>
        type.MediaType.Equals(OpenMetricsType, StringComparison.OrdinalIgnoreCase)
        && (type.Parameters.FirstOrDefault(parameter => parameter.Name.Equals("version", StringComparison.OrdinalIgnoreCase)) is not { } version || version.Value.Equals("1.0.0", StringComparison.Ordinal));

    private static double Liking(IEnumerable<MediaTypeHeaderValue> types, Func<MediaTypeHeaderValue, bool> isIt) => types.Where(isIt).Select(type => type.Quality ?? 1).DefaultIfEmpty(0).Max();
}
