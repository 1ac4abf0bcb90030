using System.Globalization;
using System.Text.Json;

namespace Fanfare.Core;

/// <summary>Paths into an event's payload: names of members, and numbers of items from 0, joined by dots.</summary>
public static class PayloadPath
{
    private const int MostParts = 32, MostChars = 256;

    /// <summary>The rule in words, for error messages.</summary>
    public const string Rule = "a path is names of members and numbers of items, joined by dots, as in order.items.0.id";

    /// <summary>Whether it is a path; the empty one, which is all of the payload, is none here.</summary>
    public static bool IsValid(string path) => path.Length is > 0 and <= MostChars && path.Split('.') is { Length: <= MostParts } parts && !parts.Contains("");

    /// <summary>What stands there; null when nothing does.</summary>
    /// <param name="path">Empty for the whole.</param>
    public static JsonElement? Find(JsonElement payload, string path)
    {
        if (path.Length == 0) return payload;
        var found = payload;
        foreach (var part in path.Split('.'))
        {
            if (found.ValueKind == JsonValueKind.Object && found.TryGetProperty(part, out var member)) found = member;
            else if (found.ValueKind == JsonValueKind.Array && int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < found.GetArrayLength()) found = found[index];
            else return null;
        }
        return found;
    }
}
