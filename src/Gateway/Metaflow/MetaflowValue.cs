using System.Text;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>The text that a value of metadata is kept as. Clients send texts, and in a foreach a list, of which that service makes what PostgreSQL writes for an array: whoever looks for such a value knows it so.</summary>
internal static class MetaflowValue
{
    /// <summary>Null for null. An object is kept as JSON.</summary>
    public static string? Text(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Null => null,
        JsonValueKind.String => value.GetString(),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        JsonValueKind.Array => List(value),
        _ => value.GetRawText(),
    };

    private static string List(JsonElement list)
    {
        var text = new StringBuilder("{");
        foreach (var item in list.EnumerateArray())
        {
            if (text.Length > 1) text.Append(',');
            text.Append(item.ValueKind switch
            {
                JsonValueKind.Null => "NULL",
                JsonValueKind.True => "t",
                JsonValueKind.False => "f",
                JsonValueKind.Array => List(item),
                JsonValueKind.String => Quoted(item.GetString()!),
                JsonValueKind.Number => item.GetRawText(),
                _ => Quoted(item.GetRawText()),
            });
        }
        return text.Append('}').ToString();
    }

    private static string Quoted(string item) =>
        item.Length > 0 && !item.Equals("NULL", StringComparison.OrdinalIgnoreCase) && !item.Any(c => c is '{' or '}' or ',' or '"' or '\\' or ' ' or (>= '\t' and <= '\r'))
            ? item
            : $"\"{item.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal)}\"";
}
