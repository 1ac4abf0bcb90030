using System.Text.Json;

namespace Fanfare.EndToEnd.Metrics;

public sealed class AlertRuleTests
{
    [PrometheusFact]
    public async Task TheAlerts_FireWhenTheirTestsSay_AndNotElse()
    {
        var folder = Path.Combine(Dashboards.Root(), "deploy", "prometheus");

        Assert.Equal((0, ""), await FailureOfAsync("check", "rules", Path.Combine(folder, "fanfare.rules.yml")));
        Assert.Equal((0, ""), await FailureOfAsync("test", "rules", Path.Combine(folder, "fanfare.rules.test.yml")));
    }

    [PrometheusFact]
    public async Task WhatTheDashboardsAsk_PrometheusUnderstands()
    {
        // As rules, which promtool checks.
        var rules = "groups: [{name: panels, rules: [" + string.Join(", ", Dashboards.Panels("5m").Select((panel, i) => $"{{record: 'panel:{i}', expr: {JsonSerializer.Serialize(panel.Expression)}}}")) + "]}]";
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
}
