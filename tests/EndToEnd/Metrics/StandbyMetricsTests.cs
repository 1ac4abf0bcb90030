using Fanfare.EndToEnd.Standby;

namespace Fanfare.EndToEnd.Metrics;

[Collection(StandbySite.OneAfterAnother)]
public sealed class StandbyMetricsTests
{
    [PostgresFact]
    public async Task AServerThatStandsBy_TellsOfItself_AndALeadThatIsTakenOver_IsCounted()
    {
        await using var site = await StandbySite.StartAsync();
        var leader = await site.LeaderAsync();
        var other = site.Other(leader);

        var (leads, standsBy) = (await MetricsPage.OfAsync(leader.Api), await MetricsPage.OfAsync(other.Api));
        Assert.Equal((1, 1), (leads["fanfare_server_owning"], leads["fanfare_server_ready"]));
        Assert.Equal((0, 1), (standsBy["fanfare_server_owning"], standsBy["fanfare_server_ready"]));
        Assert.Null(standsBy.Find("""fanfare_worker_known{fanfare_state="live"}"""));

        await leader.Process.KillAsync();
        var after = await MetricsPage.OfAsync(other.Api, page => page["fanfare_server_owning"] == 1, "The other one's lead");

        Assert.Equal(1, after["fanfare_tenure_begun_total"] - standsBy["fanfare_tenure_begun_total"]);
        Assert.Equal(0, after["fanfare_tenure_lost_total"]);
        await MetricsPage.OfAsync(other.Api, page => page.Find("""fanfare_worker_known{fanfare_state="live"}""") == 1, "The worker, at the new leader");
    }
}
