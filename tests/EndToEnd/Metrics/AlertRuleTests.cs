using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Fanfare.EndToEnd.Metrics;

public sealed class AlertRuleTests
{
    [PrometheusFact]
    public async Task TheAlerts_FireWhenTheirTestsSay_AndNotElse()
    {
        var folder = Path.Combine(Root(), "deploy", "prometheus");

        Assert.Equal((0, ""), await FailureOfAsync("check", "rules", Path.Combine(folder, "fanfare.rules.yml")));
        Assert.Equal((0, ""), await FailureOfAsync("test", "rules", Path.Combine(folder, "fanfare.rules.test.yml")));
    }

    [PrometheusFact]
    public async Task WhatTheDashboardAsks_PrometheusUnderstands()
    {
        using var dashboard = JsonDocument.Parse(await File.ReadAllTextAsync(Path.Combine(Root(), "deploy", "grafana", "overview.json")));
        var expressions = dashboard.RootElement.GetProperty("panels").EnumerateArray().Where(panel => panel.TryGetProperty("targets", out _))
            .SelectMany(panel => panel.GetProperty("targets").EnumerateArray()).Select(target => target.GetProperty("expr").GetString()!).ToList();
        Assert.NotEmpty(expressions);
        // As rules, which promtool checks; Grafana's own variables as it would fill them in.
        var rules = "groups: [{name: panels, rules: ["
            + string.Join(", ", expressions.Select((e, i) => $"{{record: 'panel:{i}', expr: {JsonSerializer.Serialize(e.Replace("$__rate_interval", "5m", StringComparison.Ordinal).Replace("$job", ".*", StringComparison.Ordinal))}}}")) + "]}]";
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, rules);

            Assert.Equal((0, ""), await FailureOfAsync("check", "rules", file));
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<(int ExitCode, string Output)> FailureOfAsync(params string[] arguments)
    {
        var (exitCode, output) = await Prometheus.RunAsync(Prometheus.Program("promtool"), "", arguments);
        return (exitCode, exitCode == 0 ? "" : output);
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
