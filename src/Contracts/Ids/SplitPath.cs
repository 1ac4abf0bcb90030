using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>A position in nested foreach steps, outermost first: <c>[3,1]</c> is split 1 of the inner foreach in split 3
/// of the outer one. Also used for loop counters, one per frame. Immutable, compared by value; empty outside any foreach.</summary>
[JsonConverter(typeof(SplitPathJson))]
public readonly struct SplitPath : IEquatable<SplitPath>
{
    private readonly int[]? _items;

    public SplitPath(params int[] items) => _items = items;

    public static SplitPath Empty => default;

    public ReadOnlySpan<int> Items => _items;

    public int Length => _items?.Length ?? 0;

    public int this[int index] => _items![index];

    public int Last => _items![^1];

    public SplitPath Push(int item) => new([.. Items, item]);

    public SplitPath Pop() => Length == 0 ? throw new InvalidOperationException("An empty split path has no frame to leave.") : new(Items[..^1].ToArray());

    /// <summary>The same path with its last frame replaced.</summary>
    public SplitPath WithLast(int item) => Pop().Push(item);

    public bool IsZero
    {
        get
        {
            foreach (var item in Items)
                if (item != 0) return false;
            return true;
        }
    }

    public bool StartsWith(SplitPath prefix) => Items.StartsWith(prefix.Items);

    public bool Equals(SplitPath other) => Items.SequenceEqual(other.Items);

    public override bool Equals(object? obj) => obj is SplitPath other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var item in Items) hash.Add(item);
        return hash.ToHashCode();
    }

    public static bool operator ==(SplitPath left, SplitPath right) => left.Equals(right);

    public static bool operator !=(SplitPath left, SplitPath right) => !left.Equals(right);

    /// <summary>Items joined by <paramref name="separator"/>, without brackets.</summary>
    public string Join(char separator) => Length == 0
        ? ""
        : string.Join(separator, _items!.Select(i => i.ToString(CultureInfo.InvariantCulture)));

    public override string ToString() => Length == 0 ? "" : $"[{Join(',')}]";

    /// <summary>Reads items separated by <paramref name="separator"/>, without brackets; false for anything else.</summary>
    public static bool TryParse(string text, char separator, out SplitPath path)
    {
        path = default;
        if (text.Length == 0) return true;
        var parts = text.Split(separator);
        var items = new int[parts.Length];
        for (var i = 0; i < parts.Length; i++)
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out items[i])) return false;
        path = new SplitPath(items);
        return true;
    }
}

internal sealed class SplitPathJson : JsonConverter<SplitPath>
{
    public override SplitPath Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text && SplitPath.TryParse(text, ',', out var path) && path.Join(',') == text ? path : throw new JsonException("A split path is numbers separated by commas.");

    public override void Write(Utf8JsonWriter writer, SplitPath value, JsonSerializerOptions options) => writer.WriteStringValue(value.Join(','));
}
