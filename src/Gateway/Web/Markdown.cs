using System.Text.RegularExpressions;

namespace Fanfare.Gateway;

/// <summary>The part of Markdown that the error pages use: headings, paragraphs, lists, fenced code, inline code, links.</summary>
internal static partial class Markdown
{
    public static Html ToHtml(string markdown)
    {
        var blocks = new List<Html>();
        var lines = markdown.ReplaceLineEndings("\n").Split('\n');
        for (var i = 0; i < lines.Length;)
        {
            if (lines[i].Trim().Length == 0)
            {
                i++;
            }
            else if (lines[i].StartsWith("```", StringComparison.Ordinal))
            {
                var code = Take(lines, ref i, line => !line.StartsWith("```", StringComparison.Ordinal), skipFirst: true);
                i++;
                blocks.Add(Html.Of($"<pre><code>{string.Join('\n', code)}</code></pre>"));
            }
            else if (Heading().Match(lines[i]) is { Success: true } heading)
            {
                var level = new Html(heading.Groups[1].Length.ToString(System.Globalization.CultureInfo.InvariantCulture));
                blocks.Add(Html.Of($"<h{level}>{Inline(heading.Groups[2].Value)}</h{level}>"));
                i++;
            }
            else if (IsItem(lines[i]))
            {
                var items = Take(lines, ref i, line => IsItem(line) || line.StartsWith("  ", StringComparison.Ordinal));
                blocks.Add(Html.Of($"<ul>{Items(items).Select(item => Html.Of($"<li>{Inline(item)}</li>"))}</ul>"));
            }
            else
            {
                var text = Take(lines, ref i, line => line.Trim().Length > 0 && !line.StartsWith("```", StringComparison.Ordinal) && !IsItem(line));
                blocks.Add(Html.Of($"<p>{Inline(string.Join(' ', text))}</p>"));
            }
        }
        return Html.Join(blocks);
    }

    private static bool IsItem(string line) => line.StartsWith("- ", StringComparison.Ordinal);

    private static List<string> Take(string[] lines, ref int i, Func<string, bool> belongs, bool skipFirst = false)
    {
        if (skipFirst) i++;
        var taken = new List<string>();
        while (i < lines.Length && belongs(lines[i])) taken.Add(lines[i++]);
        return taken;
    }

    private static List<string> Items(List<string> lines)
    {
        var items = new List<string>();
        foreach (var line in lines)
        {
            if (IsItem(line)) items.Add(line[2..]);
            else items[^1] += " " + line.Trim();
        }
        return items;
    }

    private static Html Inline(string text)
    {
        var parts = new List<Html>();
        var at = 0;
        foreach (Match match in Span().Matches(text))
        {
            parts.Add(Html.Of($"{text[at..match.Index]}"));
            parts.Add(match.Groups["code"] is { Success: true } code
                ? Html.Of($"<code>{code.Value}</code>")
                : Html.Of($"<a href=\"{Target(match.Groups["href"].Value)}\">{match.Groups["label"].Value}</a>"));
            at = match.Index + match.Length;
        }
        parts.Add(Html.Of($"{text[at..]}"));
        return Html.Join(parts);
    }

    // Pages link to each other as files; on the server they have no extension.
    private static string Target(string href) => href.EndsWith(".md", StringComparison.Ordinal) ? href[..^3] : href;

    [GeneratedRegex("^(#{1,4}) (.*)$")]
    private static partial Regex Heading();

    [GeneratedRegex("`(?<code>[^`]+)`|\\[(?<label>[^\\]]+)\\]\\((?<href>[^)\\s]+)\\)")]
    private static partial Regex Span();
}
