using Fanfare.Postgres;
using Fanfare.Processes;

namespace Fanfare.Cluster.Failing;

/// <summary>What silos' metrics say of all of them.</summary>
public sealed class SiloMetricsTests
{
    private const string Nodes = "fanfare_cluster_nodes ", Active = """fanfare_run_active{fanfare_state="running"} """;

    [PostgresFact]
    public async Task EachSilo_TellsHowManyThereAre_AndOneOfThem_HowManyRunsGoOn()
    {
        await using var site = await SiloSite.StartAsync(silos: 2);
        var (killed, other) = (site.Silos[0], site.Silos[1]);
        await killed.Api.DeployAsync("""
            name: waits
            steps:
              start: {run: ["true"]}
            """);
        for (var i = 0; i < 4; i++) await site.Silos[i % 2].Api.StartDeployedAsync("waits");

        await SayAsync(site.Silos, Nodes, "2", "2");
        await SayAsync(site.Silos, Active, "4");

        await killed.Process.KillAsync();
        await site.SharedAsync(without: killed);

        await SayAsync([other], Nodes, "1");
        await SayAsync([other], Active, "4");
    }

    private static Task SayAsync(IReadOnlyList<SiloProcess> silos, string series, params string[] values) => Eventually.TrueAsync(async () =>
    {
        var pages = await Task.WhenAll(silos.Select(silo => silo.Api.GetTextAsync("/metrics")));
        return values.SequenceEqual(pages.SelectMany(page => page.Split('\n')).Where(line => line.StartsWith(series, StringComparison.Ordinal)).Select(line => line[series.Length..]));
    }, $"{series}of {string.Join(" and ", values)}");
}
