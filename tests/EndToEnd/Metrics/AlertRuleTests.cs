using System.Runtime.CompilerServices;

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

    private static async Task<(int ExitCode, string Output)> FailureOfAsync(params string[] arguments)
    {
        var (exitCode, output) = await Prometheus.RunAsync(Prometheus.Program("promtool"), "", arguments);
        return (exitCode, exitCode == 0 ? "" : output);
    }

    private static string Root([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", "..", ".."));
}
