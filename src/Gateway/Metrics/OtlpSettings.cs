using System.Globalization;
using OpenTelemetry.Exporter;

namespace Fanfare.Gateway;

/// <summary>What is sent by OTLP.</summary>
internal enum OtlpSignal
{
    Metrics,
    Traces,
    Logs,
}

/// <summary>Whether something is sent on by OTLP, where to and how, as OpenTelemetry's environment variables say.</summary>
internal static class OtlpSettings
{
    /// <param name="variable">A variable's value; null or empty where it is not set.</param>
    public static bool IsWanted(OtlpSignal signal, Func<string, string?> variable)
    {
        if (string.Equals(variable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)) return false;
        if (variable($"OTEL_{Upper(signal)}_EXPORTER") is { Length: > 0 } exporters)
            return exporters.Split(',', StringSplitOptions.TrimEntries).Contains("otlp", StringComparer.OrdinalIgnoreCase);
        return !string.IsNullOrEmpty(variable("OTEL_EXPORTER_OTLP_ENDPOINT")) || Of(signal, "ENDPOINT", variable) is not null;
    }

    /// <summary>Sets what variables of the signal's own say. What those for all signals say, the exporter has read itself.</summary>
    public static void Configure(OtlpExporterOptions exporter, OtlpSignal signal, Func<string, string?> variable)
    {
        if (Of(signal, "PROTOCOL", variable) is { } protocol) exporter.Protocol = protocol == "grpc" ? OtlpExportProtocol.Grpc : OtlpExportProtocol.HttpProtobuf;
        // One of the signal's own is the whole address; the path is added only to the one for all.
        if (Uri.TryCreate(Of(signal, "ENDPOINT", variable), UriKind.Absolute, out var endpoint)) exporter.Endpoint = endpoint;
        if (Of(signal, "HEADERS", variable) is { } headers) exporter.Headers = headers;
        if (Number(Of(signal, "TIMEOUT", variable)) is { } milliseconds) exporter.TimeoutMilliseconds = milliseconds;
    }

    /// <summary>A whole number above zero; null for anything else.</summary>
    public static int? Number(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;

    private static string? Of(OtlpSignal signal, string what, Func<string, string?> variable) => variable($"OTEL_EXPORTER_OTLP_{Upper(signal)}_{what}") is { Length: > 0 } value ? value : null;

    private static string Upper(OtlpSignal signal) => signal.ToString().ToUpperInvariant();
}
