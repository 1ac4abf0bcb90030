using System.Buffers;
using System.Globalization;

namespace Fanfare.Specs.Reading;

/// <summary>Durations and sizes as authors write them.</summary>
internal static class Units
{
    public static readonly TimeSpan LongestDuration = TimeSpan.FromDays(3650);

    // From the longest, the order in which they stand in a duration; ms before m and s, of which it would else be read.
    private static readonly (string Unit, double Milliseconds)[] Durations =
        [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

    private static readonly SearchValues<char> NumberCharacters = SearchValues.Create("0123456789.");

    private static readonly Dictionary<string, decimal> Sizes = new()
    {
        ["B"] = 1,
        ["kB"] = 1e3m,
        ["KB"] = 1e3m,
        ["MB"] = 1e6m,
        ["GB"] = 1e9m,
        ["TB"] = 1e12m,
        ["KiB"] = 1L << 10,
        ["MiB"] = 1L << 20,
        ["GiB"] = 1L << 30,
        ["TiB"] = 1L << 40,
    };

    /// <summary>Reads <c>500ms</c>, <c>30s</c>, <c>1h30m</c>, <c>1.5d</c>: numbers with units, the longest first, each unit once.</summary>
    public static bool TryDuration(string text, out TimeSpan value)
    {
        value = default;
        var milliseconds = 0.0;
        var rest = text.AsSpan();
        var next = 0;
        if (rest.Length is 0 or > 64) return false;
        while (rest.Length > 0)
        {
            var digits = NumberLength(rest);
            var letters = UnitLength(rest[digits..]);
            var unit = rest.Slice(digits, letters).ToString();
            var at = Array.FindIndex(Durations, next, d => d.Unit == unit);
            if (at < 0 || !TryDecimal(rest[..digits], out var number)) return false;
            milliseconds += (double)number * Durations[at].Milliseconds;
            next = at + 1;
            rest = rest[(digits + letters)..];
        }
        if (milliseconds > LongestDuration.TotalMilliseconds * 2) return false;
        value = TimeSpan.FromMilliseconds(milliseconds);
        return true;
    }

    /// <summary>Reads <c>512MiB</c>, <c>1.5 GB</c>, <c>1024</c>; at most 1024 TiB.</summary>
    public static bool TryBytes(string text, out long value)
    {
        value = 0;
        if (text.Length is 0 or > 64) return false;
        var digits = NumberLength(text);
        var unit = text[digits..].TrimStart(' ');
        var factor = 1m;
        if (unit.Length > 0 && !Sizes.TryGetValue(unit, out factor)) return false;
        if (!TryDecimal(text.AsSpan(0, digits), out var number)) return false;
        if (number > 1e16m || number * factor > 1L << 50) return false;
        value = (long)(number * factor);
        return true;
    }

    private static bool TryDecimal(ReadOnlySpan<char> text, out decimal value) =>
        decimal.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);

    private static int NumberLength(ReadOnlySpan<char> text)
    {
        var length = text.IndexOfAnyExcept(NumberCharacters);
        return length < 0 ? text.Length : length;
    }

    private static int UnitLength(ReadOnlySpan<char> text)
    {
        var length = text.IndexOfAny(NumberCharacters);
        return length < 0 ? text.Length : length;
    }
}
