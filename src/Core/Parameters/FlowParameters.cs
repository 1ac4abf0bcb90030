using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Checks a run's parameters against its flow's, and fills in the defaults.</summary>
public static class FlowParameters
{
    /// <summary>Unknown parameters told at once.</summary>
    private const int MostUnknown = 100;

    /// <summary>Binds the parameters given to a run.</summary>
    /// <param name="given">Text of a JSON object; empty for none.</param>
    /// <returns>A JSON object of all the flow's parameters, in the flow's order, and no errors; or "{}" and all errors.
    /// Their paths are <c>parameters.NAME</c>.</returns>
    public static (string Json, IReadOnlyList<SpecError> Errors) Bind(FlowSpec spec, string given)
    {
        var errors = new List<SpecError>();
        if (given.Length > Limits.ParameterBytes || Encoding.UTF8.GetByteCount(given) > Limits.ParameterBytes)
            return ("{}", [Error("parameters", $"The parameters are larger than {Limits.ParameterBytes} bytes, which is the most.", "Pass large data as a file or a reference.")]);
        if (Parse(given, errors) is not { } values) return ("{}", errors);

        var known = spec.Parameters.Select(p => p.Name).ToHashSet();
        errors.AddRange(values.Keys.Where(n => !known.Contains(n)).Take(MostUnknown).Select(n => Unknown(known, n)));
        var bound = new List<(string Name, string Json)>();
        foreach (var parameter in spec.Parameters)
        {
            var path = $"parameters.{parameter.Name}";
            if (!values.TryGetValue(parameter.Name, out var value))
            {
                if (parameter.Default is { } filled) bound.Add((parameter.Name, filled));
                else errors.Add(Error(path, $"Parameter '{parameter.Name}' is missing; it has no default, so a run must be given it.", $"Give {Form(parameter)}."));
            }
            else if (Check(parameter, value, out var canonical) is { } error)
            {
                errors.Add(error with { Path = path });
            }
            else
            {
                bound.Add((parameter.Name, canonical));
            }
        }
        if (errors.Count > 0) return ("{}", errors);
        var json = "{" + string.Join(",", bound.Select(b => $"\"{JsonEncodedText.Encode(b.Name)}\":{b.Json}")) + "}";
        return Encoding.UTF8.GetByteCount(json) <= Limits.ParameterBytes
            ? (json, [])
            : ("{}", [Error("parameters", $"The parameters with their defaults are larger than {Limits.ParameterBytes} bytes, which is the most.", "Pass large data as a file or a reference.")]);
    }

    /// <summary>Checks one value, given as JSON text.</summary>
    /// <param name="canonical">The value as it is stored; JSON null when there is an error.</param>
    /// <returns>Null when it fits.</returns>
    public static SpecError? Check(ParameterSpec parameter, string json, out string canonical)
    {
        canonical = "null";
        JsonElement value;
        try
        {
            using var document = JsonDocument.Parse(json);
            value = document.RootElement.Clone();
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            return Error(parameter, "is no valid JSON");
        }
        if (parameter.Sensitive && !IsSecret(value)) return Error(parameter, "is sensitive, and a value of it would stay in the history for ever; it must be the name of a secret");
        if (!parameter.Sensitive && IsSecret(value)) return Error(parameter, "is not sensitive, and an object with the one member 'secret' would name a secret");
        if (!parameter.Sensitive && !Fits(parameter.Type, value)) return Error(parameter, $"is {Describe(value)}; its type is {TypeName(parameter.Type)}");
        canonical = parameter is { Type: ParameterType.Int, Sensitive: false } ? value.GetInt64().ToString(CultureInfo.InvariantCulture) : Compact(value);
        return null;
    }

    private static Dictionary<string, string>? Parse(string given, List<SpecError> errors)
    {
        if (string.IsNullOrWhiteSpace(given)) return [];
        try
        {
            using var document = JsonDocument.Parse(given);
            if (document.RootElement.ValueKind != JsonValueKind.Object)
            {
                errors.Add(Error("parameters", $"The parameters are {Describe(document.RootElement)}; they must be a JSON object of names and values.", "Give an object, like {\"top\": 5}."));
                return null;
            }
            var values = new Dictionary<string, string>();
            foreach (var member in document.RootElement.EnumerateObject())
                if (!values.TryAdd(member.Name, member.Value.GetRawText()))
                    errors.Add(Error($"parameters.{Shorten(member.Name)}", $"Parameter '{Shorten(member.Name)}' is given twice; each is given once.", "Remove one of them."));
            return values;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            errors.Add(Error("parameters", "The parameters are no valid JSON.", "Give a JSON object, like {\"top\": 5}."));
            return null;
        }
    }

    private static bool Fits(ParameterType type, JsonElement value) => type switch
    {
        ParameterType.String => value.ValueKind == JsonValueKind.String && IsText(value),
        ParameterType.Int => value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out _),
        ParameterType.Float => value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && double.IsFinite(number),
        ParameterType.Bool => value.ValueKind is JsonValueKind.True or JsonValueKind.False,
        _ => IsText(value),
    };

    /// <summary>Whether all strings in the value are valid Unicode, which JSON's escapes can evade.</summary>
    private static bool IsText(JsonElement value)
    {
        try
        {
            return Compact(value).Length >= 0;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static bool IsSecret(JsonElement value)
    {
        if (value.ValueKind != JsonValueKind.Object || value.GetPropertyCount() != 1) return false;
        return value.TryGetProperty("secret", out var name) && name.ValueKind == JsonValueKind.String && IsText(name) && Names.IsValid(name.GetString());
    }

    private static string Compact(JsonElement value)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer)) value.WriteTo(writer);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static SpecError Unknown(HashSet<string> known, string name)
    {
        var remedy = NearestName.Of(name, known) is { } near ? $"Did you mean '{near}'?"
            : known.Count == 0 ? "Remove it; the flow has no parameters."
            : $"Remove it; the flow has {string.Join(", ", known)}.";
        return Error($"parameters.{Shorten(name)}", $"The flow has no parameter '{Shorten(name)}'.", remedy);
    }

    private static SpecError Error(ParameterSpec parameter, string what) =>
        Error($"parameters.{parameter.Name}", $"Parameter '{parameter.Name}' {what}.", $"Give {Form(parameter)}.");

    private static SpecError Error(string path, string message, string remedy) => new(0, 0, path, message, remedy);

    private static string Form(ParameterSpec parameter) => parameter.Sensitive ? "{\"secret\": \"name\"}" : parameter.Type switch
    {
        ParameterType.String => "a JSON string",
        ParameterType.Int => $"an integer from {long.MinValue} to {long.MaxValue}",
        ParameterType.Float => "a finite number",
        ParameterType.Bool => "true or false",
        _ => "any valid JSON but an object with the one member 'secret'",
    };

    private static string TypeName(ParameterType type) => type switch
    {
        ParameterType.String => "string",
        ParameterType.Int => "int",
        ParameterType.Float => "float",
        ParameterType.Bool => "bool",
        _ => "json",
    };

    private static string Describe(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "an object",
        JsonValueKind.Array => "a list",
        JsonValueKind.String => "a string",
        JsonValueKind.Number => $"the number {Shorten(value.GetRawText())}",
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "null",
    };

    private static string Shorten(string text) => text.Length <= 80 ? text : text[..77] + "...";
}
