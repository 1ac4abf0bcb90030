using Fanfare.Chaos.Faults;

namespace Fanfare.Chaos.Checked;

/// <summary>A seed names a schedule of faults.</summary>
public sealed class PlanTests
{
    private static readonly FaultKind[] Kinds = [FaultKind.KillWorker, FaultKind.FreezeWorkerPastLease, FaultKind.Delay, FaultKind.Cut];

    [Fact]
    public void TheSameSeed_GivesTheSameFaults() => Assert.Equal(Draw(7, 50), Draw(7, 50));

    [Fact]
    public void AnotherSeed_GivesOthers() => Assert.NotEqual(Draw(7, 50), Draw(8, 50));

    [Fact]
    public void EachKindComesWithinARound_AndAFreezePastTheLeaseOutlastsIt()
    {
        var round = Draw(7, (2 * Kinds.Length) - 1);

        Assert.Equal(Kinds.Order(), round.Select(f => f.Kind).Distinct().Order());
        Assert.True(round.Single(f => f.Kind == FaultKind.FreezeWorkerPastLease).Hold > TimeSpan.FromSeconds(17.5));
    }

    private static List<Fault> Draw(int seed, int count)
    {
        var lane = new FaultLane("w1", seed, TimeSpan.FromSeconds(10), 5, Kinds);
        return [.. Enumerable.Range(0, count).Select(_ => lane.Next())];
    }
}
