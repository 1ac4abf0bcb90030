using System.Globalization;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Narrows a listing by <c>field:operator=value,value</c>: any of the values does, and all filters must hold. It is decided here, so that it means the same on every database.</summary>
internal sealed class MetaflowFilter<T>
{
    private static readonly HashSet<string> _operators = ["eq", "ne", "lt", "le", "gt", "ge", "co", "sw", "ew", "li", "is"];

    private readonly List<Func<T, bool>> _conditions = [];

    /// <summary>Whether there is nothing to narrow by.</summary>
    public bool IsEmpty => _conditions.Count == 0;

    public bool Holds(T row) => _conditions.TrueForAll(holds => holds(row));

    public void Add(Func<T, bool> condition) => _conditions.Add(condition);

    /// <summary>Adds what the query asks for. Fields that are not known are passed over, as that service does; what cannot be asked of a known one is refused.</summary>
    /// <param name="fields">What a field is in a row: a text, a <see cref="long"/>, a <see cref="JsonElement"/>, or null.</param>
    /// <param name="words">Fields of which only these values exist.</param>
    public void Read(HttpContext http, IReadOnlyDictionary<string, MetaflowField<T>> fields, IReadOnlyDictionary<string, IReadOnlyCollection<string>> words)
    {
        foreach (var (key, values) in http.Request.Query)
        {
            if (key.StartsWith('_')) continue;
            var colon = key.IndexOf(':', StringComparison.Ordinal);
            var (name, operation) = colon < 0 ? (key, "eq") : (key[..colon], key[(colon + 1)..]);
            if (!fields.TryGetValue(name, out var field)) continue;
            if (!_operators.Contains(operation)) throw ApiFault.Field(key, $"'{operation}' is not an operator", $"Give one of {string.Join(", ", _operators)}.");
            foreach (var value in values)
            {
                Func<T, bool>[] any = [.. (value ?? "").Split(',').Select(each => Condition(key, field, operation, each, words.GetValueOrDefault(name)))];
                _conditions.Add(row => Array.Exists(any, holds => holds(row)));
            }
        }
    }

    private static Func<T, bool> Condition(string key, MetaflowField<T> field, string operation, string value, IReadOnlyCollection<string>? words)
    {
        // Whatever the operator: so that service has it.
        if (value == "null") return row => field.Of(row) is null;
        if (operation == "is") throw ApiFault.Field(key, "takes null only", "Give null, or another operator.");
        if (words?.Contains(value) == false) throw ApiFault.Field(key, $"'{value}' is not one of its values", $"Give one of {string.Join(", ", words)}.");
        var isPattern = operation is "co" or "sw" or "ew" or "li";
        if (isPattern && field.Kind != MetaflowFieldKind.Text) throw ApiFault.Field(key, "applies to texts only", "Give eq, ne, lt, le, gt or ge.");
        if (isPattern)
        {
            var pattern = operation switch { "co" => $"%{value}%", "sw" => $"{value}%", "ew" => $"%{value}", _ => value };
            return row => field.Of(row) is string text && Like.Matches(text, pattern);
        }
        return field.Kind switch
        {
            MetaflowFieldKind.Number => Compared(field, operation, Number(key, value), (a, b) => ((long)a).CompareTo((long)b)),
            MetaflowFieldKind.Text => Compared(field, operation, value, (a, b) => string.CompareOrdinal((string)a, (string)b)),
            _ => Equal(key, field, operation, value),
        };
    }

    private static Func<T, bool> Compared(MetaflowField<T> field, string operation, object value, Comparison<object> compare) => row => field.Of(row) is { } own && compare(own, value) is var order && operation switch
    {
        "eq" => order == 0,
        "ne" => order != 0,
        "lt" => order < 0,
        "le" => order <= 0,
        "gt" => order > 0,
        _ => order >= 0,
    };

    private static Func<T, bool> Equal(string key, MetaflowField<T> field, string operation, string value)
    {
        if (operation is not ("eq" or "ne")) throw ApiFault.Field(key, "applies to texts and numbers only", "Give eq or ne, or ask by _tags.");
        JsonElement wanted;
        try
        {
            using var document = JsonDocument.Parse(value);
            wanted = document.RootElement.Clone();
        }
        catch (JsonException)
        {
            throw ApiFault.Field(key, "is not JSON", "Give tags as JSON, or ask by _tags.");
        }
        return row => field.Of(row) is JsonElement own && JsonElement.DeepEquals(own, wanted) == (operation == "eq");
    }

    private static long Number(string key, string value) => long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number
        : throw ApiFault.Field(key, $"'{value}' is not a whole number", "Give a whole number, or null.");
}

/// <summary>What the values of a field are.</summary>
internal enum MetaflowFieldKind
{
    Text,
    Number,
    Json,
}

/// <param name="Of">Its value in a row.</param>
internal sealed record MetaflowField<T>(MetaflowFieldKind Kind, Func<T, object?> Of);

/// <summary>SQL's ILIKE: % stands for any text, _ for one character, a backslash for the next one itself; case does not count.</summary>
internal static class Like
{
    public static bool Matches(string text, string pattern)
    {
        // Goes back to the last % only: an earlier one can take no more than that.
        var (t, p, star, mark) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '%')
            {
                (star, mark) = (p++, t);
            }
            else if (p < pattern.Length && Takes(pattern, p, text[t], out var length))
            {
                p += length;
                t++;
            }
            else if (star >= 0)
            {
                p = star + 1;
                t = ++mark;
            }
            else
            {
                return false;
            }
        }
        while (p < pattern.Length && pattern[p] == '%') p++;
        return p == pattern.Length;
    }

    private static bool Takes(string pattern, int at, char character, out int length)
    {
        var isEscaped = pattern[at] == '\\' && at + 1 < pattern.Length;
        length = isEscaped ? 2 : 1;
        return (!isEscaped && pattern[at] == '_') || char.ToUpperInvariant(pattern[at + length - 1]) == char.ToUpperInvariant(character);
    }
}
