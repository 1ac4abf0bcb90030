using System.Text.Json;

namespace Fanfare.Cli.Api;

/// <summary>A refusal as RFC 9457 gives it.</summary>
/// <param name="Type">The page that explains it; null when the server named none.</param>
/// <param name="Errors">One for each field that is wrong.</param>
internal sealed record Problem(int Status, string Title, string? Detail, string? Type, IReadOnlyList<FieldError> Errors)
{
    /// <summary>Such as <c>FAN0008</c>; null when the server gave none.</summary>
    public string? Code { get; init; }

    /// <summary>Whether nothing of the request was done: it was one too many, or no server leads.</summary>
    public bool NothingDone => Status == 429 || Code == "FAN0018";

    // A proxy's error page can be long; its beginning tells enough.
    private const int DetailChars = 500;

    /// <summary>Reads a body; one that is no problem details becomes the detail of a problem made from the status.</summary>
    /// <param name="link">Makes a URL of a path on the server.</param>
    public static Problem Read(int status, string? reason, string body, Func<string, string> link)
    {
        var title = string.IsNullOrEmpty(reason) ? $"The server answered {status}." : $"The server answered {status} {reason}.";
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind == JsonValueKind.Object)
                return new Problem(status, Text(root, "title") ?? title, Text(root, "detail"), Page(Text(root, "type"), link), ReadErrors(root)) { Code = Text(root, "code") };
        }
        catch (JsonException)
        {
            // Not JSON: the text itself is the best there is to show.
        }
        var text = body.Trim();
        return new Problem(status, title, text.Length == 0 ? null : text[..Math.Min(text.Length, DetailChars)], null, []);
    }

    private static List<FieldError> ReadErrors(JsonElement root)
    {
        var errors = new List<FieldError>();
        if (!root.TryGetProperty("errors", out var list)) return errors;
        if (list.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in list.EnumerateArray())
                if (item.ValueKind == JsonValueKind.Object)
                    errors.Add(new FieldError(
                        Text(item, "field") ?? "", Text(item, "message") ?? "is wrong", Text(item, "remedy") ?? "", Number(item, "line"), Number(item, "column")));
        }
        else if (list.ValueKind == JsonValueKind.Object)
        {
            // The form of a plain validation problem: field -> messages.
            foreach (var field in list.EnumerateObject())
                if (field.Value.ValueKind == JsonValueKind.Array)
                    errors.AddRange(field.Value.EnumerateArray().Select(m => new FieldError(field.Name, m.ToString(), "")));
        }
        return errors;
    }

    private static string? Page(string? type, Func<string, string> link) =>
        string.IsNullOrEmpty(type) || type == "about:blank" ? null : type.StartsWith('/') ? link(type) : type;

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static int? Number(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number) ? number : null;
}
