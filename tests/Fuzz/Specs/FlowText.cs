using System.Globalization;
using System.Text;
using System.Text.Json;
using Fanfare.Fuzz.Kernel;

namespace Fanfare.Fuzz.Specs;

/// <summary>Writes a flow's document down, as JSON or in one of the many ways of YAML.</summary>
internal static class FlowText
{
    /// <summary>JSON. A plain scalar that is no JSON literal is written as a string, which means the same in a flow.</summary>
    public static string Json(Twig twig)
    {
        var text = new StringBuilder();
        Json(twig, text);
        return text.ToString();
    }

    public static string Yaml(Twig twig, Draw draw)
    {
        var text = new StringBuilder();
        if (draw.OneIn(6)) text.Append(draw.Of("\ufeff", "---\n", "%YAML 1.2\n---\n", "# a comment\n", "\n\n"));
        var indent = draw.Of(1, 2, 2, 4);
        if (twig is Leaf || draw.OneIn(5)) Flow(twig, text, draw);
        else Block(twig, text, 0, indent, draw);
        text.Append('\n');
        if (draw.OneIn(8)) text.Append(draw.Of("...\n", "---\n", "# end", "\n\n", "--- {}\n", "\t\n"));
        if (draw.OneIn(8)) text.Replace("\n", draw.Of("\r\n", "\r", "\n\n", " \n", " # c\n", "\u2028"));
        return text.ToString();
    }

    /// <summary>Whether YAML and JSON give the plain scalar one meaning.</summary>
    public static bool IsPortable(Twig twig) => twig switch
    {
        Leaf { Plain: true } leaf => IsJsonLiteral(leaf.Text) || IsWord(leaf.Text),
        Leaf => true,
        ListTwig list => list.Items.TrueForAll(IsPortable),
        MapTwig map => map.Entries.TrueForAll(e => IsPortable(e.Value)),
        _ => false,
    };

    private static void Json(Twig twig, StringBuilder text)
    {
        switch (twig)
        {
            case Leaf leaf:
                text.Append(leaf.Plain && IsJsonLiteral(leaf.Text) ? leaf.Text : JsonMutation.Quote(leaf.Text));
                break;
            case ListTwig list:
                text.Append('[');
                for (var i = 0; i < list.Items.Count; i++)
                {
                    if (i > 0) text.Append(',');
                    Json(list.Items[i], text);
                }
                text.Append(']');
                break;
            case MapTwig map:
                text.Append('{');
                for (var i = 0; i < map.Entries.Count; i++)
                {
                    text.Append(i > 0 ? "," : "").Append(JsonMutation.Quote(map.Entries[i].Key)).Append(':');
                    Json(map.Entries[i].Value, text);
                }
                text.Append('}');
                break;
        }
    }

    private static void Block(Twig twig, StringBuilder text, int depth, int indent, Draw draw)
    {
        var margin = new string(' ', depth * indent);
        switch (twig)
        {
            case MapTwig { Entries.Count: > 0 } map:
                foreach (var (key, value) in map.Entries)
                {
                    text.Append('\n').Append(margin).Append(Scalar(new Leaf(key, true), draw)).Append(':');
                    if (draw.OneIn(40)) text.Append(draw.Of(" &a", " !t", " !!map", " # c\n"));
                    Value(value);
                }
                break;
            case ListTwig { Items.Count: > 0 } list:
                foreach (var item in list.Items)
                {
                    text.Append('\n').Append(margin).Append('-');
                    Value(item);
                }
                break;
            default:
                text.Append(' ');
                Flow(twig, text, draw);
                break;
        }

        void Value(Twig value)
        {
            if (value is Leaf { Text: var lines } && draw.OneIn(30)) text.Append(draw.Of(" |", " >", " |-", " >+", " |2")).Append('\n').Append(margin).Append("  ").Append(lines);
            else if (value is Leaf || draw.OneIn(4)) Flow(value, text.Append(' '), draw);
            else Block(value, text, depth + 1, indent, draw);
        }
    }

    private static void Flow(Twig twig, StringBuilder text, Draw draw)
    {
        switch (twig)
        {
            case Leaf leaf:
                text.Append(Scalar(leaf, draw));
                break;
            case ListTwig list:
                text.Append('[');
                foreach (var item in list.Items)
                {
                    Flow(item, text, draw);
                    text.Append(", ");
                }
                text.Append(']');
                break;
            case MapTwig map:
                text.Append('{');
                foreach (var (key, value) in map.Entries)
                {
                    text.Append(Scalar(new Leaf(key, true), draw)).Append(": ");
                    Flow(value, text, draw);
                    text.Append(", ");
                }
                text.Append('}');
                break;
        }
    }

    private static string Scalar(Leaf leaf, Draw draw)
    {
        if (leaf.Plain && leaf.Text.Length > 0 && (IsJsonLiteral(leaf.Text) || IsWord(leaf.Text) || draw.OneIn(2))) return leaf.Text;
        return draw.OneIn(2) && !leaf.Text.Any(c => char.IsControl(c) || char.IsSurrogate(c))
            ? $"'{leaf.Text.Replace("'", "''", StringComparison.Ordinal)}'"
            : JsonMutation.Quote(leaf.Text);
    }

    private static bool IsWord(string text) =>
        text.Length > 0 && char.IsAsciiLetter(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-') && text.ToUpperInvariant() is not ("NULL" or "TRUE" or "FALSE");

    private static bool IsJsonLiteral(string text)
    {
        if (text is "true" or "false" or "null") return true;
        if (text.Length is 0 or > 30 || !text.All(char.IsAscii) || !(char.IsAsciiDigit(text[0]) || text[0] == '-') || !char.IsAsciiDigit(text[^1])) return false;
        try
        {
            using var document = JsonDocument.Parse(text);
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
