using Fanfare.Postgres;
using Fanfare.Processes;
using Xunit.Abstractions;

namespace Fanfare.Cluster.Failing;

/// <summary>Silos of two releases as processes on one database: those of this build, and those of another that FANFARE_OTHER_RELEASE names by the directory of its fanfare-silo.dll.</summary>
public sealed class ReleaseTests(ITestOutputHelper output)
{
    private static readonly TimeSpan _longestStall = TimeSpan.FromSeconds(30);

    private static string? Other => Environment.GetEnvironmentVariable("FANFARE_OTHER_RELEASE") is { Length: > 0 } directory ? directory : null;

    [OtherReleaseTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task SilosAreReplacedOneAfterAnother_AndBack_UnderRunsThatGoOn(bool toThis)
    {
        var (from, to) = toThis ? (Other!, AppContext.BaseDirectory) : (AppContext.BaseDirectory, Other!);
        await using var site = await SiloSite.StartAsync(programs: from);
        await using var crowd = new Crowd(site.Silos, workers: 9, capacity: 250, each: TimeSpan.FromSeconds(2));
        var runs = await SteadyRuns.StartAsync(site, 200, tasks: 500);
        await Eventually.TrueAsync(() => crowd.Ended > 220, "Runs that go on");

        // The first goes back, and forward again.
        foreach (var (number, release) in new[] { (0, to), (0, from), (0, to), (1, to), (2, to) })
        {
            var (silo, since) = (site.Silos[number], System.Diagnostics.Stopwatch.GetTimestamp());
            silo.Process.Terminate();
            Assert.Equal(0, await silo.Process.ExitAsync(Eventually.Limit));
            await site.SharedAsync(without: silo);
            await crowd.CaughtUpAsync(_longestStall, site.ExplainAsync);
            output.WriteLine(FormattableString.Invariant($"silo {number} {(release == to ? "replaced" : "put back")}: {crowd.LongestSince(since)?.Length.TotalSeconds:0.00} s"));
            silo.Programs = release;
            await site.StartAsync(silo);
            await site.SharedAsync();
            await crowd.CaughtUpAsync(_longestStall, site.ExplainAsync);
        }

        await SteadyRuns.EndAsync(site, crowd, runs);
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class OtherReleaseTheoryAttribute : TheoryAttribute
    {
        public OtherReleaseTheoryAttribute() => Skip = Other is null ? "FANFARE_OTHER_RELEASE names no other release." : PrivatePostgres.Refusal;
    }
}
