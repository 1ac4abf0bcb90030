using System.Diagnostics;
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

    // String hashes, and so the orders of what is kept by them, differ between processes; nothing that is seen may hang on them.
    [Fact]
    public async Task TheSameSeed_LivesTheSameLife_InAnotherProcess()
    {
        const ulong First = 7;
        const int Seeds = 5;
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true };
        foreach (var argument in (string[])[Path.Combine(AppContext.BaseDirectory, "Fanfare.Simulation.dll"), "--each", "--from", $"{First}", "--seeds", $"{Seeds}"]) start.ArgumentList.Add(argument);
        using var process = Process.Start(start)!;
        var told = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();

        var lived = Enumerable.Range(0, Seeds).Select(i => Life.Of(First + (ulong)i).Summary).ToList();

        Assert.Equal(0, process.ExitCode);
        Assert.Equal(lived, told.Split('\n')[..Seeds]);
    }

    [Fact]
    public void ALifeThatIsLivedAgainWithItsOwnFaults_IsTheSame()
    {
        var life = Life.Of(11);

        var again = Life.Of(life.Plan with { OnlyFlows = life.Flows.ToHashSet(), OnlyStrikes = life.Struck.ToHashSet() });
        var calmer = Life.Of(life.Plan with { OnlyStrikes = new HashSet<string>() });

        Assert.NotEmpty(life.Struck);
        Assert.Equal(life.Digest, again.Digest);
        Assert.Empty(calmer.Struck);
        Assert.NotEqual(life.Digest, calmer.Digest);
    }

    [Fact]
    public void ACrashAtAnyAwaitOrCommit_BreaksNoInvariant()
    {
        var failed = CrashEverywhere.Live(output.WriteLine, Environment.ProcessorCount);

        Assert.True(failed.Count == 0, string.Join("\n", failed.Take(3).Select(l => $"{l.Flows[0]}, {l.Plan.CrashPoint}: {l.Violations[0].What}\n{string.Join("\n", l.Timeline(120))}")));
    }
}
