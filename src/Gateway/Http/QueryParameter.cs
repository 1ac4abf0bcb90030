using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.OpenApi;

namespace Fanfare.Gateway;

/// <summary>A query parameter as routes declare it; what is declared is checked, parsed and documented from this one place.</summary>
internal abstract class QueryParameter(string name, string description, OpenApiSchema schema, bool required)
{
    public string Name { get; } = name;

    public string Description { get; } = description;

    public OpenApiSchema Schema { get; } = schema;

    public bool Required { get; } = required;
}

/// <param name="rule">What a value must be, for error messages.</param>
/// <param name="parse">Returns null for what breaks the rule.</param>
internal sealed class QueryParameter<T>(string name, string description, string rule, OpenApiSchema schema, Func<string, T?> parse, bool required = false)
    : QueryParameter(name, description, schema, required)
{
    /// <summary>The value; null (or default) when the parameter was not given.</summary>
    /// <exception cref="ApiFault">The value breaks the rule, or a required one is missing.</exception>
    public T? Read(HttpContext http)
    {
        var values = http.Request.Query[Name];
        if (values.Count == 0)
            return Required ? throw ApiFault.Field(Name, "is missing", $"Give {Name}: {rule}.") : default;
        if (values.Count > 1)
            throw ApiFault.Field(Name, "is given more than once", $"Give {Name} once.");
        var value = parse(values[0] ?? "");
        return value is null ? throw ApiFault.Field(Name, $"'{Shorten(values[0])}' is not allowed", $"Give {rule}.") : value;
    }

    private static string Shorten(string? text) => text is null ? "" : text.Length > 80 ? text[..80] + "…" : text;
}

/// <summary>The query parameters a route takes; any other is refused.</summary>
internal sealed record QueryParameters(IReadOnlyList<QueryParameter> All);

/// <summary>Constructors for the usual kinds of parameter.</summary>
internal static class QueryKinds
{
    private static readonly string[] TimeFormats =
        ["yyyy-MM-dd", "yyyy-MM-ddTHH:mmK", "yyyy-MM-ddTHH:mm:ssK", "yyyy-MM-ddTHH:mm:ss.FFFFFFFK"];

    public static QueryParameter<string> Text(string name, string description, int maxLength = 256, bool required = false) =>
        new(name, description, $"1 to {maxLength} printable characters",
            new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = maxLength },
            text => Printable.IsValid(text, maxLength) ? text : null, required);

    public static QueryParameter<string> Name(string name, string description) =>
        new(name, description, $"a name: {Names.Rule}", new OpenApiSchema { Type = JsonSchemaType.String, MinLength = 1, MaxLength = 64 },
            text => Names.IsValid(text) ? text : null);

    public static QueryParameter<long?> Number(string name, string description, long min, long max, bool required = false) =>
        new(name, description, $"a whole number from {min} to {max}",
            new OpenApiSchema
            {
                Type = JsonSchemaType.Integer,
                Format = "int64",
                Minimum = min.ToString(CultureInfo.InvariantCulture),
                Maximum = max.ToString(CultureInfo.InvariantCulture),
            },
            text => long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var n) && n >= min && n <= max ? n : null, required);

    public static QueryParameter<bool?> Flag(string name, string description) =>
        new(name, description, "true or false", new OpenApiSchema { Type = JsonSchemaType.Boolean },
            text => text switch { "true" or "1" or "" => true, "false" or "0" => false, _ => null });

    public static QueryParameter<DateTimeOffset?> Time(string name, string description) =>
        new(name, description, "a time such as 2026-01-31T18:00:00Z, any '+' written as %2B",
            new OpenApiSchema { Type = JsonSchemaType.String, Format = "date-time" },
            text => DateTimeOffset.TryParseExact(text, TimeFormats, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? at.ToUniversalTime() : null);

    public static QueryParameter<T?> Word<T>(string name, string description)
        where T : struct, Enum
    {
        var words = Enum.GetValues<T>().ToDictionary(GatewayJson.Word);
        return new(name, description, $"one of {string.Join(", ", words.Keys)}", Choice(words.Keys),
            text => words.TryGetValue(text, out var value) ? value : null);
    }

    public static QueryParameter<string> OneOf(string name, string description, params string[] words) =>
        new(name, description, $"one of {string.Join(", ", words)}", Choice(words), text => words.Contains(text) ? text : null);

    private static OpenApiSchema Choice(IEnumerable<string> words) => new()
    {
        Type = JsonSchemaType.String,
        Enum = [.. words.Select(word => (JsonNode)JsonValue.Create(word))],
    };
}

/// <summary>The rule for short texts that people choose: no control characters, no half surrogates.</summary>
internal static class Printable
{
    public static bool IsValid(string? text, int maxLength)
    {
        if (text is null || text.Length == 0 || text.Length > maxLength) return false;
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsControl(text[i])) return false;
            if (!char.IsSurrogate(text[i])) continue;
            if (i + 1 == text.Length || !char.IsSurrogatePair(text[i], text[i + 1])) return false;
            i++;
        }
        return true;
    }
}
