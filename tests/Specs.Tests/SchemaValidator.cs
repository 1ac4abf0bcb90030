using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Fanfare.Specs.Tests;

/// <summary>Checks JSON against the part of JSON Schema 2020-12 that the flow's schema uses; an unknown keyword throws.</summary>
internal sealed class SchemaValidator(JsonElement root)
{
    private static readonly HashSet<string> Annotations = ["$schema", "$id", "$defs", "title", "description", "default"];

    public IReadOnlyList<string> Validate(JsonElement value)
    {
        var errors = new List<string>();
        Check(root, value, "", errors);
        return errors;
    }

    private bool Accepts(JsonElement schema, JsonElement value)
    {
        var errors = new List<string>();
        Check(schema, value, "", errors);
        return errors.Count == 0;
    }

    private void Check(JsonElement schema, JsonElement value, string path, List<string> errors)
    {
        foreach (var keyword in schema.EnumerateObject())
        {
            if (Annotations.Contains(keyword.Name)) continue;
            var rule = keyword.Value;
            var fits = keyword.Name switch
            {
                "$ref" => Refer(rule.GetString()!, value, path, errors),
                "type" => rule.ValueKind == JsonValueKind.Array ? rule.EnumerateArray().Any(t => IsOf(t.GetString()!, value)) : IsOf(rule.GetString()!, value),
                "enum" => rule.EnumerateArray().Any(e => JsonElement.DeepEquals(e, value)),
                "const" => JsonElement.DeepEquals(rule, value),
                "anyOf" => rule.EnumerateArray().Any(s => Accepts(s, value)),
                "pattern" => value.ValueKind != JsonValueKind.String || Regex.IsMatch(value.GetString()!, rule.GetString()!),
                "minLength" => value.ValueKind != JsonValueKind.String || value.GetString()!.Length >= rule.GetInt32(),
                "maxLength" => value.ValueKind != JsonValueKind.String || value.GetString()!.Length <= rule.GetInt32(),
                "minimum" => value.ValueKind != JsonValueKind.Number || value.GetDouble() >= rule.GetDouble(),
                "maximum" => value.ValueKind != JsonValueKind.Number || value.GetDouble() <= rule.GetDouble(),
                "minItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() >= rule.GetInt32(),
                "maxItems" => value.ValueKind != JsonValueKind.Array || value.GetArrayLength() <= rule.GetInt32(),
                "uniqueItems" => value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Select(i => i.GetRawText()).Distinct().Count() == value.GetArrayLength(),
                "items" => Items(rule, value, path, errors),
                "required" => value.ValueKind != JsonValueKind.Object || rule.EnumerateArray().All(r => value.TryGetProperty(r.GetString()!, out _)),
                "minProperties" => value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() >= rule.GetInt32(),
                "maxProperties" => value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() <= rule.GetInt32(),
                "properties" or "additionalProperties" or "propertyNames" => Members(schema, keyword, value, path, errors),
                _ => throw new NotSupportedException($"The keyword {keyword.Name} is not known to this check."),
            };
            if (!fits) errors.Add($"{path}: {keyword.Name}");
        }
    }

    private bool Refer(string reference, JsonElement value, string path, List<string> errors)
    {
        Check(root.GetProperty("$defs").GetProperty(reference["#/$defs/".Length..]), value, path, errors);
        return true;
    }

    private bool Items(JsonElement rule, JsonElement value, string path, List<string> errors)
    {
        if (value.ValueKind != JsonValueKind.Array) return true;
        foreach (var (i, item) in value.EnumerateArray().Index()) Check(rule, item, string.Create(CultureInfo.InvariantCulture, $"{path}[{i}]"), errors);
        return true;
    }

    private bool Members(JsonElement schema, JsonProperty keyword, JsonElement value, string path, List<string> errors)
    {
        if (value.ValueKind != JsonValueKind.Object) return true;
        foreach (var member in value.EnumerateObject())
        {
            var known = schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(member.Name, out _);
            switch (keyword.Name)
            {
                case "properties" when known:
                    Check(properties.GetProperty(member.Name), member.Value, $"{path}.{member.Name}", errors);
                    break;
                case "propertyNames":
                    Check(keyword.Value, JsonSerializer.SerializeToElement(member.Name), $"{path}.{member.Name} (name)", errors);
                    break;
                case "additionalProperties" when !known && keyword.Value.ValueKind == JsonValueKind.False:
                    errors.Add($"{path}.{member.Name}: unknown");
                    break;
                case "additionalProperties" when !known && keyword.Value.ValueKind == JsonValueKind.Object:
                    Check(keyword.Value, member.Value, $"{path}.{member.Name}", errors);
                    break;
            }
        }
        return true;
    }

    private static bool IsOf(string type, JsonElement value) => type switch
    {
        "object" => value.ValueKind == JsonValueKind.Object,
        "array" => value.ValueKind == JsonValueKind.Array,
        "string" => value.ValueKind == JsonValueKind.String,
        "boolean" => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        "null" => value.ValueKind == JsonValueKind.Null,
        "number" => value.ValueKind == JsonValueKind.Number,
        "integer" => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        _ => throw new NotSupportedException($"The type {type} is not known to this check."),
    };
}
