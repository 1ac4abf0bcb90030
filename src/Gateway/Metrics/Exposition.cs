using System.Globalization;
using System.Text;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Fanfare.Gateway;

/// <summary>A format in which Prometheus reads metrics.</summary>
internal enum ExpositionFormat
{
    /// <summary>Prometheus' text format 0.0.4.</summary>
    Text,

    /// <summary>OpenMetrics 1.0.</summary>
    OpenMetrics,
}

/// <summary>Writes what was collected as Prometheus reads it, by OpenTelemetry's rules for that. Series carry no labels of their scope: no two instruments here differ by that alone.</summary>
internal sealed class Exposition
{
    private readonly StringBuilder _text = new(64 * 1024);
    private readonly ExpositionFormat _format;

    private Exposition(ExpositionFormat format) => _format = format;

    private bool IsOpenMetrics => _format == ExpositionFormat.OpenMetrics;

    public static string Write(in Batch<Metric> batch, Resource resource, ExpositionFormat format)
    {
        var page = new Exposition(format);
        page.WriteTarget(resource);
        foreach (var family in FamiliesOf(batch)) page.WriteFamily(family);
        if (page.IsOpenMetrics) page._text.Append("# EOF\n");
        return page._text.ToString();
    }

    // A family stands in one piece. Where an instrument was made anew, with the node that has it, both are collected once more: the newer one is what counts.
    private static List<Family> FamiliesOf(in Batch<Metric> batch)
    {
        List<Family> families = [];
        Dictionary<string, Family> byName = new(StringComparer.Ordinal);
        foreach (var metric in batch)
        {
            if (KindOf(metric.MetricType) is not { } kind) continue;
            var name = PrometheusName.Of(metric.Name, metric.Unit, kind == "counter", kind == "gauge");
            if (!byName.TryGetValue(name.Family, out var family)) families.Add(byName[name.Family] = family = new Family(name, kind, metric.Description));
            // Two that would have the same name and are of different kinds cannot both be told.
            if (family.Kind == kind) family.Metrics.Insert(0, metric);
        }
        return families;
    }

    private static string? KindOf(MetricType type) => type switch
    {
        MetricType.LongSum or MetricType.DoubleSum => "counter",
        MetricType.LongSumNonMonotonic or MetricType.DoubleSumNonMonotonic or MetricType.LongGauge or MetricType.DoubleGauge => "gauge",
        MetricType.Histogram => "histogram",
        _ => null,
    };

    private void WriteTarget(Resource resource)
    {
        const string help = "What the server says of itself.";
        if (IsOpenMetrics) _text.Append("# TYPE target info\n# HELP target ").Append(help).Append('\n');
        else _text.Append("# HELP target_info ").Append(help).Append("\n# TYPE target_info gauge\n");
        WriteSample("target_info", LabelsOf(resource.Attributes.Select(attribute => new KeyValuePair<string, object?>(attribute.Key, attribute.Value))), "1");
    }

    private void WriteFamily(Family family)
    {
        var (name, samples) = (family.Name.Family, family.Kind == "counter" ? family.Name.Family + "_total" : family.Name.Family);
        if (IsOpenMetrics)
        {
            _text.Append("# TYPE ").Append(name).Append(' ').Append(family.Kind).Append('\n');
            if (family.Name.Unit.Length > 0) _text.Append("# UNIT ").Append(name).Append(' ').Append(family.Name.Unit).Append('\n');
            _text.Append("# HELP ").Append(name).Append(' ').Append(Escaped(family.Help, quotes: true)).Append('\n');
        }
        else
        {
            _text.Append("# HELP ").Append(samples).Append(' ').Append(Escaped(family.Help, quotes: false)).Append('\n');
            _text.Append("# TYPE ").Append(samples).Append(' ').Append(family.Kind).Append('\n');
        }
        HashSet<string>? written = family.Metrics.Count > 1 ? [] : null;
        foreach (var metric in family.Metrics)
        {
            foreach (ref readonly var point in metric.GetMetricPoints())
            {
                var labels = LabelsOf(TagsOf(point));
                if (written?.Add(labels) is false) continue;
                if (metric.MetricType == MetricType.Histogram) WriteHistogram(samples, labels, point);
                else WriteSample(samples, labels, ValueOf(metric.MetricType, point));
            }
        }
    }

    private void WriteHistogram(string name, string labels, in MetricPoint point)
    {
        var sum = 0L;
        foreach (var bucket in point.GetHistogramBuckets())
        {
            sum += bucket.BucketCount;
            var bound = double.IsPositiveInfinity(bucket.ExplicitBound) ? "+Inf" : BoundOf(bucket.ExplicitBound);
            WriteSample($"{name}_bucket", labels.Length == 0 ? $"le=\"{bound}\"" : $"{labels},le=\"{bound}\"", sum.ToString(CultureInfo.InvariantCulture));
        }
        WriteSample($"{name}_sum", labels, TextOf(point.GetHistogramSum()));
        // Not the point's own count, which would be another if something came between.
        WriteSample($"{name}_count", labels, sum.ToString(CultureInfo.InvariantCulture));
    }

    private void WriteSample(string name, string labels, string value)
    {
        _text.Append(name);
        if (labels.Length > 0) _text.Append('{').Append(labels).Append('}');
        _text.Append(' ').Append(value).Append('\n');
    }

    private static List<KeyValuePair<string, object?>> TagsOf(in MetricPoint point)
    {
        List<KeyValuePair<string, object?>> tags = [];
        foreach (var tag in point.Tags) tags.Add(tag);
        return tags;
    }

    // In an order of its own, so that a series is always written alike. Attributes that become the same label share it.
    private static string LabelsOf(IEnumerable<KeyValuePair<string, object?>> tags) => string.Join(',', tags
        .GroupBy(tag => PrometheusName.LabelOf(tag.Key), tag => Convert.ToString(tag.Value, CultureInfo.InvariantCulture) ?? "", StringComparer.Ordinal)
        .OrderBy(label => label.Key, StringComparer.Ordinal).Select(label => $"{label.Key}=\"{Escaped(string.Join(';', label), quotes: true)}\""));

    private static string ValueOf(MetricType type, in MetricPoint point) => type switch
    {
        MetricType.LongSum or MetricType.LongSumNonMonotonic => point.GetSumLong().ToString(CultureInfo.InvariantCulture),
        MetricType.DoubleSum or MetricType.DoubleSumNonMonotonic => TextOf(point.GetSumDouble()),
        MetricType.LongGauge => point.GetGaugeLastValueLong().ToString(CultureInfo.InvariantCulture),
        _ => TextOf(point.GetGaugeLastValueDouble()),
    };

    private static string TextOf(double value) =>
        double.IsNaN(value) ? "NaN" : double.IsPositiveInfinity(value) ? "+Inf" : double.IsNegativeInfinity(value) ? "-Inf" : value.ToString(CultureInfo.InvariantCulture);

    // OpenMetrics has bounds look like the floating-point numbers that they are.
    private string BoundOf(double bound)
    {
        var text = TextOf(bound);
        return IsOpenMetrics && text.All(c => char.IsAsciiDigit(c) || c == '-') ? text + ".0" : text;
    }

    private static string Escaped(string text, bool quotes)
    {
        if (text.AsSpan().IndexOfAny('\\', '\n', '"') < 0) return text;
        var escaped = text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);
        return quotes ? escaped.Replace("\"", "\\\"", StringComparison.Ordinal) : escaped;
    }

    private sealed record Family(PrometheusName Name, string Kind, string Help)
    {
        public List<Metric> Metrics { get; } = [];
    }
}
