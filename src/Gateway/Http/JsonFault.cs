using System.Text.Json;
using System.Text.RegularExpressions;

namespace Fanfare.Gateway;

/// <summary>Says in the API's own words what the JSON reader found.</summary>
internal static partial class JsonFault
{
    public static ApiFault Of<T>(JsonException exception)
    {
        var (field, message, remedy) = Read<T>(exception);
        int? line = exception.LineNumber is { } number ? (int)number + 1 : null;
        int? column = exception.BytePositionInLine is { } position ? (int)position + 1 : null;
        return new ApiFault(ErrorCodes.Invalid, $"The body is not valid: {field} {message}.", new FieldError(field, message, remedy, line, column));
    }

    private static (string Field, string Message, string Remedy) Read<T>(JsonException exception)
    {
        var path = exception.Path is { Length: > 2 } at && at.StartsWith("$.", StringComparison.Ordinal) ? at[2..] : exception.Path ?? "$";
        if (UnknownMember().Match(exception.Message) is { Success: true } unknown)
        {
            var name = unknown.Groups[1].Value;
            string[] known = [.. GatewayJson.StrictInfo<T>().Properties.Select(p => p.Name)];
            return (path == "$" ? name : path, $"has the unknown field '{name}'", Suggestion.For(name, known));
        }
        if (MissingMembers().Match(exception.Message) is { Success: true } missing)
        {
            var names = missing.Groups[1].Value.Replace("'", "", StringComparison.Ordinal);
            return (path == "$" ? names : $"{path}.{names}", "is required", "Add it.");
        }
        if (exception.Message.Contains("could not be converted to", StringComparison.Ordinal))
            return (path, "has a value of the wrong kind", "See the schema of this request in /openapi/v1.json.");
        if (exception.Message.Contains("doesn't allow", StringComparison.Ordinal) || exception.Message.Contains("cannot be null", StringComparison.Ordinal))
            return (path, "must not be null", "Give a value, or leave the field out where it is optional.");
        if (exception.Message.Contains("Duplicate property", StringComparison.Ordinal))
            return (path, "is given twice", "Give each field once.");
        if (exception.Message.Contains("maximum configured depth", StringComparison.Ordinal))
            return (path, $"is nested deeper than {Limits.MaxNesting}", "Make the document flatter.");
        return (path, "is not JSON: " + Trailer().Replace(exception.InnerException?.Message ?? exception.Message, "").TrimEnd('.'), "Correct the JSON.");
    }

    [GeneratedRegex("The JSON property '([^']*)' could not be mapped")]
    private static partial Regex UnknownMember();

    [GeneratedRegex("missing required properties including: (.*?)\\.(?: Path:|$)")]
    private static partial Regex MissingMembers();

    [GeneratedRegex(" (?:Path: .*|LineNumber: .*)$", RegexOptions.Singleline)]
    private static partial Regex Trailer();
}
