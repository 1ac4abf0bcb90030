using System.Collections;
using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>An immutable, ordered set of split indexes held as half-open ranges; written <c>0-99,120</c> (ends included).
/// A million consecutive splits take one range.</summary>
[JsonConverter(typeof(SplitRangesJson))]
public sealed class SplitRanges : IEnumerable<int>
{
    public static readonly SplitRanges Empty = new([]);

    private readonly (int Start, int End)[] _ranges;

    private SplitRanges((int, int)[] ranges) => _ranges = ranges;

    /// <summary>The half-open ranges, ascending, not touching each other.</summary>
    public ReadOnlySpan<(int Start, int End)> Ranges => _ranges;

    public int Count
    {
        get
        {
            var count = 0;
            foreach (var (start, end) in _ranges) count += end - start;
            return count;
        }
    }

    public static SplitRanges One(int split) => new([(split, split + 1)]);

    /// <summary>The splits from <paramref name="start"/> up to but without <paramref name="end"/>.</summary>
    public static SplitRanges Range(int start, int end) => end > start ? new([(start, end)]) : Empty;

    /// <summary>Builds the set from indexes in any order, duplicates allowed.</summary>
    public static SplitRanges Of(IEnumerable<int> splits)
    {
        var sorted = splits.ToArray();
        Array.Sort(sorted);
        var ranges = new List<(int, int)>();
        foreach (var split in sorted)
        {
            if (ranges.Count > 0 && split <= ranges[^1].Item2)
            {
                if (split == ranges[^1].Item2) ranges[^1] = (ranges[^1].Item1, split + 1);
            }
            else
            {
                ranges.Add((split, split + 1));
            }
        }
        return new SplitRanges([.. ranges]);
    }

    public static SplitRanges FromRanges(IEnumerable<(int Start, int End)> ascending) => new([.. ascending]);

    public IEnumerator<int> GetEnumerator()
    {
        foreach (var (start, end) in _ranges)
            for (var split = start; split < end; split++)
                yield return split;
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    public override string ToString()
    {
        var text = new StringBuilder();
        foreach (var (start, end) in _ranges)
        {
            if (text.Length > 0) text.Append(',');
            text.Append(CultureInfo.InvariantCulture, $"{start}");
            if (end - start > 1) text.Append(CultureInfo.InvariantCulture, $"-{end - 1}");
        }
        return text.ToString();
    }

    public static bool TryParse(string text, out SplitRanges ranges)
    {
        ranges = Empty;
        if (text.Length == 0) return true;
        var list = new List<(int, int)>();
        var floor = -1;
        foreach (var part in text.Split(','))
        {
            var dash = part.IndexOf('-', StringComparison.Ordinal);
            var first = dash < 0 ? part : part[..dash];
            var last = dash < 0 ? part : part[(dash + 1)..];
            if (!int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var start)
                || !int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out var end)
                || start <= floor || end < start || end >= Limits.Splits)
                return false;
            list.Add((start, end + 1));
            floor = end;
        }
        ranges = new SplitRanges([.. list]);
        return true;
    }
}

internal sealed class SplitRangesJson : JsonConverter<SplitRanges>
{
    public override SplitRanges Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text && SplitRanges.TryParse(text, out var ranges) && ranges.ToString() == text ? ranges : throw new JsonException("Splits are ascending ranges such as 0-99,120.");

    public override void Write(Utf8JsonWriter writer, SplitRanges value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
