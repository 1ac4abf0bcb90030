namespace Fanfare.Gateway;

/// <summary>Whether metrics are sent on by OTLP, as OpenTelemetry's environment variables say. Where to, how and how often, the exporter reads from them itself.</summary>
internal static class OtlpSettings
{
    /// <param name="variable">A variable's value; null or empty where it is not set.</param>
    public static bool IsWanted(Func<string, string?> variable)
    {
        if (string.Equals(variable("OTEL_SDK_DISABLED"), "true", StringComparison.OrdinalIgnoreCase)) return false;
        if (variable("OTEL_METRICS_EXPORTER") is { Length: > 0 } exporters)
            return exporters.Split(',', StringSplitOptions.TrimEntries).Contains("otlp", StringComparer.OrdinalIgnoreCase);
        return !string.IsNullOrEmpty(variable("OTEL_EXPORTER_OTLP_ENDPOINT")) || !string.IsNullOrEmpty(variable("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT"));
    }
}
