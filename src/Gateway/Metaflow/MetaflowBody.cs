using System.Globalization;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Reads the bodies that Metaflow's clients send. Fields that are not known are passed over, since clients send more than the service stores; what is known is checked.</summary>
internal static class MetaflowBody
{
    /// <summary>Characters of a name, an owner or a type.</summary>
    public const int NameChars = 255;

    private const int LocationChars = 4096;

    /// <summary>The body, whatever its content type says: some of these clients say none.</summary>
    /// <exception cref="ApiFault">Not JSON of this kind.</exception>
    public static async Task<JsonElement> ReadAsync(HttpContext http, JsonValueKind kind)
    {
        var bytes = await Body.ReadBytesAsync(http, "body", Limits.RequestBytes);
        JsonElement root;
        try
        {
            using var document = JsonDocument.Parse(bytes);
            root = document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw ApiFault.Field("$", $"is not JSON: {error.Message}", "Send JSON in UTF-8.");
        }
        if (root.ValueKind != kind) throw ApiFault.Field("$", $"is {Word(root.ValueKind)}", $"Send {Word(kind)}.");
        Body.CheckText("$", root);
        return root;
    }

    /// <summary>A name within a path.</summary>
    public static string Name(string field, string value) => Printable.IsValid(value, NameChars) ? value
        : throw ApiFault.Field(field, "is not a name", $"Give 1 to {NameChars} characters without control characters.");

    /// <summary>A name that the creator may choose; null where it chose none. Digits are refused: they would be taken for numbers that the server gives.</summary>
    public static string? ChosenId(JsonElement body, string field)
    {
        var value = Text(body, field, NameChars);
        if (string.IsNullOrEmpty(value)) return null;
        return MetaflowIds.Number(value) is null && !value.Contains('/', StringComparison.Ordinal) ? Name(field, value)
            : throw ApiFault.Field(field, "is a number, or has a slash", "Leave it out to be given a number, or choose a name that is not one.");
    }

    public static string? User(JsonElement body, string? otherwise = null) => Has(body, "user_name") ? Text(body, "user_name", NameChars) : otherwise;

    /// <summary>Tags as they came: an array of texts. Objects are of very old clients.</summary>
    public static string Tags(JsonElement body, string field)
    {
        if (!Has(body, field)) return "null";
        var value = body.GetProperty(field);
        if (value.ValueKind == JsonValueKind.Null) return "null";
        var isList = value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(tag => tag.ValueKind == JsonValueKind.String);
        if (!isList && value.ValueKind != JsonValueKind.Object) throw ApiFault.Field(field, "is not an array of texts", "Give tags as [\"a\", \"b\"].");
        // Among texts inside an object, too.
        return value.GetRawText() is var json && !json.Contains("\\u0000", StringComparison.Ordinal) ? json : throw Nul(field);
    }

    /// <summary>A list of tags.</summary>
    public static IReadOnlyList<string> TagList(JsonElement body, string field)
    {
        if (!Has(body, field)) return [];
        var value = body.GetProperty(field);
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(tag => tag.ValueKind != JsonValueKind.String)) throw ApiFault.Field(field, "is not a list of texts", "Give tags as [\"a\", \"b\"].");
        return [.. value.EnumerateArray().Select(tag => Whole(field, tag.GetString()!)).Distinct()];
    }

    /// <summary>The metadata of a post; without those that have no field or no value, which are nothing to store.</summary>
    public static List<NewMetaflowDatum> Metadata(JsonElement items)
    {
        var found = new List<NewMetaflowDatum>();
        foreach (var (item, at) in Objects(items))
            if (TextOr(item, "field_name", " ", NameChars, at) is { } field && Value(item, at) is { } value && TextOr(item, "type", " ", NameChars, at) is { } type)
                found.Add(new NewMetaflowDatum(field, value, type, User(item), Tags(item, "tags"), Tags(item, "system_tags")));
        return found;
    }

    /// <summary>The artifacts of a post; without those that have no name or no place, which are nothing to find.</summary>
    public static List<NewMetaflowArtifact> Artifacts(JsonElement items)
    {
        var found = new List<NewMetaflowArtifact>();
        foreach (var (item, at) in Objects(items))
            if (TextOr(item, "name", " ", NameChars, at) is { } name && TextOr(item, "location", " ", LocationChars, at) is { } location && TextOr(item, "ds_type", " ", NameChars, at) is { } type)
                found.Add(new NewMetaflowArtifact(
                    name, location, type, TextOr(item, "sha", " ", NameChars, at), TextOr(item, "type", " ", NameChars, at), TextOr(item, "content_type", " ", NameChars, at), User(item, " "), Attempt(item, at),
                    Tags(item, "tags"), Tags(item, "system_tags")));
        return found;
    }

    /// <summary>Whether a client of this version sends heartbeats; one that does not say its version does not.</summary>
    public static bool SendsHeartbeats(JsonElement body)
    {
        const string Prefix = "metaflow_version:";
        if (!Has(body, "system_tags") || body.GetProperty("system_tags") is not { ValueKind: JsonValueKind.Array } tags) return false;
        var tag = tags.EnumerateArray().Select(tag => tag.GetString()!).FirstOrDefault(tag => tag.StartsWith(Prefix, StringComparison.Ordinal));
        if (tag is null) return false;
        var parts = new List<int>();
        foreach (var part in tag[Prefix.Length..].Split('.').Take(3))
        {
            var digits = new string([.. part.TakeWhile(char.IsAsciiDigit)]);
            if (!int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var number)) break;
            parts.Add(number);
            if (digits.Length < part.Length) break;
        }
        // A version that is none is some build of today.
        if (parts.Count == 0) return true;
        var version = new Version(parts[0], parts.ElementAtOrDefault(1), parts.ElementAtOrDefault(2));
        return version >= (version.Major == 1 ? new Version(1, 14, 0) : new Version(2, 2, 12));
    }

    private static IEnumerable<(JsonElement Item, int At)> Objects(JsonElement items)
    {
        var at = 0;
        foreach (var item in items.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Object) throw ApiFault.Field($"[{at}]", $"is {Word(item.ValueKind)}", "Send an array of objects.");
            yield return (item, at++);
        }
    }

    private static int Attempt(JsonElement item, int at)
    {
        if (!Has(item, "attempt_id")) return 0;
        var value = item.GetProperty("attempt_id");
        var text = value.ValueKind is JsonValueKind.Number ? value.GetRawText() : value.ValueKind is JsonValueKind.String ? value.GetString()! : "";
        return short.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var attempt) ? attempt
            : throw ApiFault.Field($"[{at}].attempt_id", "is not the number of an attempt", "Give a whole number from 0.");
    }

    private static string? Value(JsonElement item, int at) => !Has(item, "value") ? " " : MetaflowValue.Text(item.GetProperty("value")) is { } text ? Whole($"[{at}].value", text) : null;

    // A field that is there and null is null; one that is not there is what that service stores for it.
    private static string? TextOr(JsonElement item, string field, string otherwise, int longest, int at) => Has(item, field) ? Text(item, field, longest, $"[{at}].") : otherwise;

    private static string? Text(JsonElement body, string field, int longest, string place = "")
    {
        if (!Has(body, field)) return null;
        var value = body.GetProperty(field);
        var text = value.ValueKind switch
        {
            JsonValueKind.Null => null,
            JsonValueKind.String => value.GetString(),
            JsonValueKind.Number => value.GetRawText(),
            JsonValueKind.True => "true",
            JsonValueKind.False => "false",
            _ => throw ApiFault.Field(place + field, $"is {Word(value.ValueKind)}", "Give a text."),
        };
        if (text?.Length > longest) throw ApiFault.Field(place + field, $"is longer than {longest} characters", "Give less.");
        return text is null ? null : Whole(place + field, text);
    }

    private static string Whole(string field, string text) => text.Contains('\0', StringComparison.Ordinal) ? throw Nul(field) : text;

    private static ApiFault Nul(string field) => ApiFault.Field(field, "holds the character NUL", "Leave it out.");

    private static bool Has(JsonElement body, string field) => body.TryGetProperty(field, out _);

    private static string Word(JsonValueKind kind) => kind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "an array",
        JsonValueKind.String => "a text",
        JsonValueKind.Null => "null",
        JsonValueKind.Number => "a number",
        _ => "true or false",
    };
}
