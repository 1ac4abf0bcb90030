using System.Globalization;
using Xunit.Abstractions;

namespace Fanfare.Simulation;

/// <summary>Many lives of a cluster under seeded faults. FANFARE_LONG=1 runs thousands; FANFARE_SEED=n with --filter Replay runs one.</summary>
public abstract class SimulationTests(ITestOutputHelper output)
{
    private const int Seeds = 50;
    private const int LongSeeds = 2000;

    protected void Live(ulong first)
    {
        var seeds = Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 } count
            ? int.TryParse(count, CultureInfo.InvariantCulture, out var n) && n > 1 ? n : LongSeeds
            : Seeds;
        var failures = new List<string>();
        for (var seed = first; seed < first + (ulong)seeds && failures.Count < 3; seed++)
        {
            var run = SimulationRun.Of(seed);
            output.WriteLine(run.Summary);
            if (run.Violations.Count > 0) failures.Add(run.Report());
        }
        Assert.True(failures.Count == 0, string.Join("\n", failures));
    }
}

// Two classes, so that two processors are used.
public sealed class FirstSeedsTests(ITestOutputHelper output) : SimulationTests(output)
{
    [Fact]
    public void NoInvariantBreaks() => Live(1);
}

public sealed class SecondSeedsTests(ITestOutputHelper output) : SimulationTests(output)
{
    [Fact]
    public void NoInvariantBreaks() => Live(1_000_001);
}

public sealed class ReplayTests(ITestOutputHelper output)
{
    [Fact]
    public void Replay()
    {
        var seed = ulong.TryParse(Environment.GetEnvironmentVariable("FANFARE_SEED"), out var given) ? given : 7;
        var run = SimulationRun.Of(seed);
        output.WriteLine(run.Summary);
        foreach (var warning in run.Warnings.Take(20)) output.WriteLine(warning);
        Assert.True(run.Violations.Count == 0, run.Report());
    }

    [Fact]
    public void TheSameSeed_LivesTheSameLife() => Assert.Equal(SimulationRun.Of(7).Digest, SimulationRun.Of(7).Digest);
}
