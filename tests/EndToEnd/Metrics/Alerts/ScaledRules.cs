using System.Globalization;
using System.Text.RegularExpressions;

namespace Fanfare.EndToEnd.Metrics.Alerts;

/// <summary>Our file of alerts with a second in it for each minute, so that what takes a quarter of an hour can be waited for.</summary>
internal static partial class ScaledRules
{
    private const int Faster = 60;

    public static string Path { get; } = System.IO.Path.Combine(Dashboards.Root(), "deploy", "prometheus", "fanfare.rules.yml");

    public static IReadOnlyList<string> Alerts() => [.. Alert().Matches(File.ReadAllText(Path)).Select(match => match.Groups[1].Value)];

    public static string Text()
    {
        var text = Holding().Replace(File.ReadAllText(Path), match => $"{Seconds(match.Value)}s");
        return Expression().Replace(text, match => Seconds().Replace(
            Range().Replace(match.Value, range => $"[{Seconds(range.Groups[1].Value)}s]"),
            number => (int.Parse(number.Value, CultureInfo.InvariantCulture) is >= Faster and var seconds ? seconds / Faster : int.Parse(number.Value, CultureInfo.InvariantCulture)).ToString(CultureInfo.InvariantCulture)));
    }

    private static int Seconds(string duration)
    {
        var unit = duration[^1] switch { 'm' => 60, 'h' => 3600, 'd' => 86_400, _ => throw new InvalidOperationException($"{duration} is of no whole minutes: write it in m, h or d, or scale it otherwise here.") };
        return int.Parse(duration[..^1], CultureInfo.InvariantCulture) * unit / Faster;
    }

    [GeneratedRegex(@"- alert: (\w+)")]
    private static partial Regex Alert();

    [GeneratedRegex(@"(?<=\b(?:keep_firing_)?for: )\w+")]
    private static partial Regex Holding();

    [GeneratedRegex(@"expr:.*?\n\s+(?=(?:keep_firing_)?for:|labels:)", RegexOptions.Singleline)]
    private static partial Regex Expression();

    [GeneratedRegex(@"\[(\w+)\]")]
    private static partial Regex Range();

    // Whole numbers of a minute and more are seconds in these rules; shares and counts are less.
    [GeneratedRegex(@"(?<![\w.\[""])\d+(?![\w.\]""])")]
    private static partial Regex Seconds();
}
