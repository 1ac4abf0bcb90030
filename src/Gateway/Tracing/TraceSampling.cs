using System.Diagnostics;
using System.Globalization;
using Fanfare.Contracts;
using OpenTelemetry.Trace;

namespace Fanfare.Gateway;

/// <summary>Which runs' traces are kept, as <c>OTEL_TRACES_SAMPLER</c> and <c>OTEL_TRACES_SAMPLER_ARG</c> say. A run's trace has no parent, so the samplers that ask for one decide as those that they fall back to.</summary>
internal sealed class TraceSampling
{
    private readonly Sampler _sampler;

    /// <param name="variable">A variable's value; null or empty where it is not set.</param>
    /// <param name="log">Is told what cannot be used, and what holds in its place.</param>
    public TraceSampling(Func<string, string?> variable, Action<string> log)
    {
        var name = variable("OTEL_TRACES_SAMPLER") is { Length: > 0 } given ? given : "parentbased_always_on";
        _sampler = name.Replace("parentbased_", "", StringComparison.Ordinal) switch
        {
            "always_on" => new AlwaysOnSampler(),
            "always_off" => new AlwaysOffSampler(),
            "traceidratio" => new TraceIdRatioBasedSampler(Ratio(variable("OTEL_TRACES_SAMPLER_ARG"), log)),
            _ => Unknown(name, log),
        };
    }

    public bool IsSampled(string traceId) =>
        _sampler.ShouldSample(new SamplingParameters(default, ActivityTraceId.CreateFromString(traceId), "run", ActivityKind.Internal)).Decision == SamplingDecision.RecordAndSample;

    private static AlwaysOnSampler Unknown(string name, Action<string> log)
    {
        log($"OTEL_TRACES_SAMPLER: '{name}' is not known, and all traces are kept. Give always_on, always_off or traceidratio, each also with parentbased_ before it.");
        return new AlwaysOnSampler();
    }

    private static double Ratio(string? text, Action<string> log)
    {
        if (string.IsNullOrEmpty(text)) return 1;
        if (double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var ratio) && ratio is >= 0 and <= 1) return ratio;
        log($"OTEL_TRACES_SAMPLER_ARG: '{text}' is no share of traces, and all are kept. Give a number from 0 to 1, such as 0.1.");
        return 1;
    }
}
