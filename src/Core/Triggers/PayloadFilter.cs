using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Whether a payload is what a source listens for.</summary>
internal static class PayloadFilter
{
    /// <summary>The first condition that does not hold; null when all do.</summary>
    public static PayloadCondition? FirstUnmet(IReadOnlyList<PayloadCondition> conditions, JsonElement payload) => conditions.FirstOrDefault(condition => !Holds(condition, payload));

    /// <summary>The condition for people, as <c>size.bytes &gt;= 10</c>.</summary>
    public static string Describe(PayloadCondition condition) => $"{condition.Path} {Sign(condition.Test)} {condition.Value}";

    /// <summary>Whether a value can be compared so.</summary>
    /// <param name="rule">What it must be, when it cannot.</param>
    public static bool Takes(PayloadTest test, JsonElement value, out string rule)
    {
        (var takes, rule) = test switch
        {
            PayloadTest.In or PayloadTest.NotIn => (value.ValueKind == JsonValueKind.Array, "a list"),
            PayloadTest.Less or PayloadTest.LessOrEqual or PayloadTest.Greater or PayloadTest.GreaterOrEqual => (value.ValueKind is JsonValueKind.Number or JsonValueKind.String, "a number or a text"),
            PayloadTest.Prefix or PayloadTest.Suffix => (value.ValueKind == JsonValueKind.String, "a text"),
            PayloadTest.Exists => (value.ValueKind is JsonValueKind.True or JsonValueKind.False, "true or false"),
            _ => (true, "any value"),
        };
        return takes;
    }

    private static bool Holds(PayloadCondition condition, JsonElement payload)
    {
        using var document = JsonDocument.Parse(condition.Value);
        var value = document.RootElement;
        if (PayloadPath.Find(payload, condition.Path) is not { } field)
            return condition.Test is PayloadTest.NotEqual or PayloadTest.NotIn || (condition.Test == PayloadTest.Exists && value.ValueKind == JsonValueKind.False);
        return condition.Test switch
        {
            PayloadTest.Equal => JsonElement.DeepEquals(field, value),
            PayloadTest.NotEqual => !JsonElement.DeepEquals(field, value),
            PayloadTest.In => value.EnumerateArray().Any(item => JsonElement.DeepEquals(field, item)),
            PayloadTest.NotIn => !value.EnumerateArray().Any(item => JsonElement.DeepEquals(field, item)),
            PayloadTest.Less => Compare(field, value) < 0,
            PayloadTest.LessOrEqual => Compare(field, value) <= 0,
            PayloadTest.Greater => Compare(field, value) > 0,
            PayloadTest.GreaterOrEqual => Compare(field, value) >= 0,
            PayloadTest.Prefix => Text(field)?.StartsWith(value.GetString()!, StringComparison.Ordinal) is true,
            PayloadTest.Suffix => Text(field)?.EndsWith(value.GetString()!, StringComparison.Ordinal) is true,
            PayloadTest.Exists => value.ValueKind == JsonValueKind.True,
            _ => throw new InvalidOperationException($"Unknown test {condition.Test}."),
        };
    }

    // Null where they are not of one kind: then no order between them holds.
    private static int? Compare(JsonElement field, JsonElement value)
    {
        if (field.ValueKind == JsonValueKind.Number && value.ValueKind == JsonValueKind.Number)
            return field.TryGetDecimal(out var one) && value.TryGetDecimal(out var other) ? one.CompareTo(other) : field.GetDouble().CompareTo(value.GetDouble());
        return Text(field) is { } text && value.ValueKind == JsonValueKind.String ? string.CompareOrdinal(text, value.GetString()) : null;
    }

    // Escapes may make what is no text.
    private static string? Text(JsonElement field)
    {
        if (field.ValueKind != JsonValueKind.String) return null;
        try
        {
            return field.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    private static string Sign(PayloadTest test) => test switch
    {
        PayloadTest.Equal => "=",
        PayloadTest.NotEqual => "≠",
        PayloadTest.Less => "<",
        PayloadTest.LessOrEqual => "≤",
        PayloadTest.Greater => ">",
        PayloadTest.GreaterOrEqual => "≥",
        _ => JsonNamingPolicy.SnakeCaseLower.ConvertName(test.ToString()),
    };
}
