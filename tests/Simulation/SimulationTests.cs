using Fanfare.Simulation.Campaigns;
using Xunit.Abstractions;

namespace Fanfare.Simulation;

/// <summary>The bounded form of the campaigns; the long ones are run with <c>./simulate</c>.</summary>
public sealed class SimulationTests(ITestOutputHelper output)
{
    [Fact]
    public void ManySeeds_UntilNothingNewIsSeen_BreakNoInvariant()
    {
        var isLong = Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 };
        var campaign = new Campaign(
            new CampaignBounds { AtLeast = isLong ? 20_000 : 1_000, Plateau = isLong ? 4_000 : 300, Seeds = isLong ? long.MaxValue : 2_500, Failures = 1 },
            _ => { });

        campaign.Run();

        output.WriteLine(campaign.Summary);
        output.WriteLine(campaign.Faults);
        Assert.True(campaign.Failed.Count == 0, string.Join("\n", campaign.Failed.Select(f => Report.Of(f, new Shrinker(TimeSpan.FromMinutes(1)).Shrink(f), 120))));
        Assert.True(campaign.Lived >= 1_000);
    }

    [Fact]
    public void ACrashAtAnyAwaitOrCommit_BreaksNoInvariant()
    {
        var failed = CrashEverywhere.Live(output.WriteLine, Environment.ProcessorCount);

        Assert.True(failed.Count == 0, string.Join("\n", failed.Take(3).Select(l => $"{l.Flows[0]}, {l.Plan.CrashPoint}: {l.Violations[0].What}\n{string.Join("\n", l.Timeline(120))}")));
    }
}
