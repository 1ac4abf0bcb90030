using OpenTelemetry.Resources;

namespace Fanfare.Gateway;

/// <summary>What all that is sent says of the process that it is from.</summary>
internal static class TelemetryResource
{
    /// <summary>What the environment says wins (<c>OTEL_SERVICE_NAME</c>, <c>OTEL_RESOURCE_ATTRIBUTES</c>).</summary>
    public static ResourceBuilder Builder => ResourceBuilder.CreateEmpty().AddService("fanfare", serviceVersion: ServerApi.Version).AddTelemetrySdk().AddEnvironmentVariableDetector();
}
