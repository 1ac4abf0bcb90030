using System.Text;

namespace Fanfare.Gateway;

/// <summary>How an instrument of OpenTelemetry is called in Prometheus: what cannot stand in a name becomes <c>_</c>, and the unit is its end, as a word.</summary>
/// <param name="Family">Without the suffix of a counter.</param>
/// <param name="Unit">As it stands at the family's end; empty for none.</param>
internal readonly record struct PrometheusName(string Family, string Unit)
{
    /// <param name="unit">In UCUM; null for none.</param>
    public static PrometheusName Of(string name, string? unit, bool isCounter, bool isGauge)
    {
        var family = Legal(name, mayHaveColon: true);
        if (isCounter && family.EndsWith("_total", StringComparison.Ordinal)) family = family[..^"_total".Length];
        var word = isGauge && unit == "1" ? "ratio" : WordOf(unit);
        if (word.Length == 0) return new(family, "");
        return new(family.EndsWith("_" + word, StringComparison.Ordinal) ? family : $"{family}_{word}", word);
    }

    public static string LabelOf(string attribute) => Legal(attribute, mayHaveColon: false);

    // What stands in braces is an annotation, and 1 is no unit.
    private static string WordOf(string? unit)
    {
        if (string.IsNullOrEmpty(unit)) return "";
        var slash = unit.IndexOf('/', StringComparison.Ordinal);
        var (of, per) = slash < 0 ? (Bare(unit), "") : (Bare(unit[..slash]), Bare(unit[(slash + 1)..]));
        var word = of is "" or "1" ? "" : Legal(Plural(of), mayHaveColon: false).Trim('_');
        if (per.Length == 0) return word;
        var rate = "per_" + Legal(Singular(per), mayHaveColon: false).Trim('_');
        return word.Length == 0 ? rate : $"{word}_{rate}";
    }

    private static string Plural(string unit) => unit switch
    {
        "d" => "days",
        "h" => "hours",
        "min" => "minutes",
        "s" => "seconds",
        "ms" => "milliseconds",
        "us" => "microseconds",
        "ns" => "nanoseconds",
        "By" => "bytes",
        "KiBy" => "kibibytes",
        "MiBy" => "mebibytes",
        "GiBy" => "gibibytes",
        "KBy" => "kilobytes",
        "MBy" => "megabytes",
        "GBy" => "gigabytes",
        "m" => "meters",
        "V" => "volts",
        "A" => "amperes",
        "J" => "joules",
        "W" => "watts",
        "g" => "grams",
        "Cel" => "celsius",
        "Hz" => "hertz",
        "%" => "percent",
        _ => unit,
    };

    private static string Singular(string unit) => unit switch
    {
        "s" => "second",
        "min" => "minute",
        "h" => "hour",
        "d" => "day",
        "w" => "week",
        "mo" => "month",
        "y" => "year",
        _ => unit,
    };

    private static string Bare(string unit)
    {
        var open = unit.IndexOf('{', StringComparison.Ordinal);
        var close = unit.IndexOf('}', StringComparison.Ordinal);
        return open >= 0 && close > open ? unit.Remove(open, close - open + 1) : unit;
    }

    private static string Legal(string name, bool mayHaveColon)
    {
        var legal = new StringBuilder(name.Length + 1);
        if (name.Length == 0 || char.IsAsciiDigit(name[0])) legal.Append('_');
        foreach (var c in name)
        {
            if (char.IsAsciiLetterOrDigit(c) || (mayHaveColon && c == ':')) legal.Append(c);
            else if (legal.Length == 0 || legal[^1] != '_') legal.Append('_');
        }
        return legal.ToString();
    }
}
