using System.Globalization;
using System.Text.Json.Nodes;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What a schedule's runs are given.</summary>
public static class ScheduleParameters
{
    /// <summary>The parameters of the run for an interval, as a JSON object without the flow's defaults.</summary>
    public static string Of(ScheduleSpec spec, DataInterval interval)
    {
        if (spec.IntervalStart is null && spec.IntervalEnd is null) return spec.Parameters;
        var parameters = JsonNode.Parse(spec.Parameters)!.AsObject();
        if (spec.IntervalStart is { } start) parameters[start] = Text(interval.Start);
        if (spec.IntervalEnd is { } end) parameters[end] = Text(interval.End);
        return parameters.ToJsonString();
    }

    /// <summary>A time as tasks are given it: <c>2026-11-27T02:00:00Z</c>.</summary>
    public static string Text(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
}
