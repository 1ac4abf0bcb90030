using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Fanfare.Fuzz.Kernel;

/// <summary>Changes the structure of a JSON document: drops, doubles, swaps, retypes, nests and renames its members, and puts hostile values in.
/// The result is text, since a tree cannot hold a member twice or a number too large.</summary>
internal static class JsonMutation
{
    private static readonly JsonSerializerOptions Relaxed = new() { MaxDepth = 256, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="vocabulary">Names that a member may be renamed to.</param>
    public static string Of(string json, Draw draw, int changes, IReadOnlyList<string> vocabulary)
    {
        var root = JsonNode.Parse(json);
        var raw = new List<string>();
        for (; changes > 0 && root is not null; changes--) root = Change(root, draw, raw, vocabulary);
        var text = new StringBuilder(root?.ToJsonString(Relaxed) ?? "null");
        // The newest first: it may hold the marks of older ones.
        for (var i = raw.Count - 1; i >= 0; i--) text.Replace($"\"{Mark(i)}\"", raw[i]);
        return text.ToString();
    }

    /// <summary>A text as JSON writes it, half surrogates included.</summary>
    public static string Quote(string text)
    {
        var quoted = new StringBuilder("\"");
        foreach (var c in text)
        {
            if (c is '"' or '\\') quoted.Append('\\').Append(c);
            else if (c < ' ' || char.IsSurrogate(c) || c == '\u007f') quoted.Append("\\u").Append(((int)c).ToString("x4", System.Globalization.CultureInfo.InvariantCulture));
            else quoted.Append(c);
        }
        return quoted.Append('"').ToString();
    }

    /// <summary>Every value inside a document, the root left out, with where it hangs.</summary>
    public static List<JsonNode?> Inside(JsonNode root, List<(JsonNode Parent, string? Name, int Index)> places)
    {
        var values = new List<JsonNode?>();
        var open = new Stack<JsonNode>([root]);
        while (open.TryPop(out var node))
        {
            if (node is JsonObject members)
            {
                foreach (var (name, value) in members) Add(node, name, 0, value);
            }
            else if (node is JsonArray items)
            {
                for (var i = 0; i < items.Count; i++) Add(node, null, i, items[i]);
            }
        }
        return values;

        void Add(JsonNode parent, string? name, int index, JsonNode? value)
        {
            places.Add((parent, name, index));
            values.Add(value);
            if (value is JsonObject or JsonArray) open.Push(value);
        }
    }

    private static JsonNode? Change(JsonNode root, Draw draw, List<string> raw, IReadOnlyList<string> vocabulary)
    {
        var places = new List<(JsonNode Parent, string? Name, int Index)>();
        var values = Inside(root, places);
        if (values.Count == 0) return Raw(HostileJson(draw), raw);
        var at = draw.Below(values.Count);
        var (parent, name, index) = places[at];
        switch (draw.Below(10))
        {
            case 0:
                Remove(parent, name, index);
                break;
            case 1:
                // Twice in its parent: a list takes it so; of a mapping, the text does.
                if (parent is JsonArray list) list.Insert(draw.Below(list.Count + 1), values[at]?.DeepClone());
                else Put(parent, name, index, Raw($"{values[at]?.ToJsonString(Relaxed) ?? "null"},{Quote(name!)}:{(draw.OneIn(2) ? HostileJson(draw) : values[at]?.ToJsonString(Relaxed) ?? "null")}", raw));
                break;
            case 2:
                var other = draw.Below(values.Count);
                var (mine, theirs) = (values[at]?.DeepClone(), values[other]?.DeepClone());
                Put(parent, name, index, theirs);
                // The other place may lie inside what was just replaced; then there is nothing to swap with.
                if (places[other].Parent.Root == root) Put(places[other].Parent, places[other].Name, places[other].Index, mine);
                break;
            case 3:
                Put(parent, name, index, Nested(values[at]?.DeepClone(), draw, raw));
                break;
            case 4 when parent is JsonObject members:
                members.Remove(name!);
                members[draw.OneIn(4) ? Hostile.Text(draw).Replace("\ud83d", "", StringComparison.Ordinal) : draw.Among(vocabulary)] = values[at];
                break;
            case 5:
                if (parent is JsonArray items) items.Add(Raw(HostileJson(draw), raw));
                else ((JsonObject)parent)[draw.Among(vocabulary)] = Raw(HostileJson(draw), raw);
                break;
            case 6 when values[at] is JsonValue value && value.TryGetValue<string>(out var text):
                Put(parent, name, index, Raw(Quote(Edited(text, draw)), raw));
                break;
            case 7 when values[at] is JsonValue value:
                Put(parent, name, index, Raw(value.GetValueKind() == JsonValueKind.String ? Hostile.Number(draw) : Quote(value.ToJsonString()), raw));
                break;
            default:
                Put(parent, name, index, Raw(HostileJson(draw), raw));
                break;
        }
        return root;
    }

    public static string Edited(string text, Draw draw)
    {
        if (text.Length == 0) return Hostile.Text(draw);
        var at = draw.Below(text.Length);
        return draw.Below(6) switch
        {
            0 => text.Remove(at, 1),
            1 => text.Insert(at, Hostile.Text(draw)),
            2 => text[..at],
            3 => string.Concat(text.AsSpan(0, at), ((char)(text[at] ^ (1 << draw.Below(7)))).ToString(), text.AsSpan(at + 1)),
            4 => text + text,
            _ => draw.OneIn(2) ? text.ToLowerInvariant() : text.ToUpperInvariant(),
        };
    }

    private static JsonValue Nested(JsonNode? value, Draw draw, List<string> raw)
    {
        var depth = draw.OneIn(5) ? draw.Of(31, 33, 37, 63, 65, 200, 5000) : draw.Between(1, 3);
        var text = value?.ToJsonString(Relaxed) ?? "null";
        return draw.OneIn(2)
            ? Raw($"{new string('[', depth)}{text}{new string(']', depth)}", raw)
            : Raw($"{string.Concat(Enumerable.Repeat("{\"a\":", depth))}{text}{new string('}', depth)}", raw);
    }

    private static string HostileJson(Draw draw) => draw.Below(8) switch
    {
        0 => "null",
        1 => draw.Of("true", "false"),
        2 or 3 => Hostile.Number(draw) is var number && (char.IsAsciiDigit(number[^1]) && number[0] != '+') ? number : "0",
        4 => draw.Of("{}", "[]", "[null]", "[[]]", "{\"\":0}", "{\"a\":1,\"a\":2}", "[1,\"a\",null,{}]"),
        _ => Quote(Hostile.Text(draw)),
    };

    private static string Mark(int index) => $"~raw~{index}~";

    private static JsonValue Raw(string text, List<string> raw)
    {
        raw.Add(text);
        return JsonValue.Create(Mark(raw.Count - 1));
    }

    private static void Remove(JsonNode parent, string? name, int index)
    {
        if (parent is JsonObject members) members.Remove(name!);
        else ((JsonArray)parent).RemoveAt(index);
    }

    private static void Put(JsonNode parent, string? name, int index, JsonNode? value)
    {
        if (parent is JsonObject members) members[name!] = value;
        else if (index < ((JsonArray)parent).Count) parent.AsArray()[index] = value;
    }
}
