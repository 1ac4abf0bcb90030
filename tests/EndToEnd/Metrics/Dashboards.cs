using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Fanfare.EndToEnd.Metrics;

/// <summary>What the panels of Grafana's dashboards ask of Prometheus.</summary>
internal static class Dashboards
{
    /// <summary>Every query of every panel, with Grafana's own variables as it would fill them in.</summary>
    public static IReadOnlyList<(string Name, string Expression)> Panels(string rateInterval)
    {
        var files = Directory.GetFiles(Path.Combine(Root(), "deploy", "grafana"), "*.json");
        Assert.True(files.Length >= 6, string.Join(' ', files));
        return [.. files.Order(StringComparer.Ordinal).SelectMany(file => Panels(file, rateInterval))];
    }

    /// <summary>The repository's.</summary>
    public static string Root() => RootAbove();

    private static string RootAbove([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));

    private static List<(string Name, string Expression)> Panels(string file, string rateInterval)
    {
        using var dashboard = JsonDocument.Parse(File.ReadAllText(file));
        var panels = dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray().Select(target => (
                $"{Path.GetFileNameWithoutExtension(file)}, {panel.GetProperty("title").GetString()}",
                target.GetProperty("expr").GetString()!.Replace("$__rate_interval", rateInterval, StringComparison.Ordinal).Replace("$job", ".*", StringComparison.Ordinal).Replace("$flow", ".*", StringComparison.Ordinal)))).ToList();
        Assert.NotEmpty(panels);
        return panels;
    }
}
