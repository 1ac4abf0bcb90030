using Fanfare.Chaos.Checks;

namespace Fanfare.Chaos.Checked;

/// <summary>What tasks wrote of themselves is held against the journal.</summary>
public sealed class EffectTests
{
    [Fact]
    public void ARunAsItShouldBe_HasNothingToComplainOf() => Assert.Empty(Fabrication.Whole().EffectViolations());

    [Fact]
    public void ALostAttemptMayBeSilent_OrHaveDoneItsWork() => Assert.Empty(
        Fabrication.Begun().Leases("work", 0, 0).Loses("work", 0, 0)
            .Leases("work", 0, 1).Begins("work", 0, 1).Says("work", 0, 1, "ok").Loses("work", 0, 1).Does("work", 0, 2).EffectViolations());

    [Fact]
    public void AnAcceptedAttemptWithoutItsEnd_IsSeen() =>
        Complains(Fabrication.Begun().Leases("work", 0, 0).Begins("work", 0, 0).Succeeds("work", 0, 0), "never said that it was done");

    [Fact]
    public void AnEndUnderAnotherAttempt_DoesNotCount() => Complains(
        Fabrication.Begun().Leases("work", 0, 0).Begins("work", 0, 0).Says("work", 0, 0, "ok").Loses("work", 0, 0).Leases("work", 0, 1).Begins("work", 0, 1).Succeeds("work", 0, 1),
        "work[0] attempt 1 (event 6) was accepted, and its task never said that it was done");

    [Fact]
    public void ASuccessThatCountsAsAFailure_IsSeen() =>
        Complains(Fabrication.Begun().Leases("work", 0, 0).Begins("work", 0, 0).Says("work", 0, 0, "ok").Fails("work", 0, 0), "was done, and counts as failed", "its task never said so, but ok");

    [Fact]
    public void AnAttemptThatStartsTwice_IsSeen() =>
        Complains(Fabrication.Begun().Leases("work", 0, 0).Begins("work", 0, 0).Begins("work", 0, 0).Says("work", 0, 0, "ok").Succeeds("work", 0, 0), "was started 2 times");

    [Fact]
    public void AStartWithoutALease_IsSeen() => Complains(Fabrication.Whole().Begins("work", 0, 1), "was started without a lease");

    [Fact]
    public void AnAttemptBesideAnother_IsSeen() =>
        Complains(Overlap("busy"), "work[0] attempt 1 (process 101, at 1.00) began while another attempt ran");

    [Fact]
    public void AnAttemptBesideOneOfAFrozenWorker_IsExcused() => Assert.Empty(Overlap("busy").Freezes("w1", 0.5, 0.9).EffectViolations());

    [Fact]
    public void TheFreezeOfAnotherWorker_OrAnotherTime_ExcusesNothing()
    {
        Complains(Overlap("busy").Freezes("w2", 0.5, 0.9), "began while another attempt ran");
        Complains(Overlap("busy").Freezes("w1", 1.5, 9), "began while another attempt ran");
    }

    [Fact]
    public void AnOlderAttemptThatStartsAfterTheTaskIsDone_IsSeen() => Complains(Stale(), "work[0] attempt 0 (process 102, at 2.00) began after attempt 1 had begun");

    [Fact]
    public void AnOlderAttemptOfAFrozenWorker_IsExcused() => Assert.Empty(Stale().Freezes("w1", 0, 2).EffectViolations());

    [Fact]
    public void AnAttemptThatStartsAfterItIsOver_IsSeen_UnlessItsWorkerWasFrozen()
    {
        // Each line of effects comes a second after the one before, and so does each event: the fourth event ends the attempt.
        var late = Fabrication.Begun().Leases("work", 0, 0).Loses("work", 0, 0);
        for (var line = 0; line < 6; line++) late.Says("work", 1, line, "ok");
        late.Begins("work", 0, 0);

        Complains(late, "work[0] attempt 0 (process 106, at 6.00) began 3.0 s after it was over");
        Assert.DoesNotContain(late.Freezes("w1", 1, 5).EffectViolations(), v => v.What.Contains("after it was over", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("begin work[0] 1\nend work[0] 1\n", true)]
    [InlineData("begin work[0] 1\n", false)]
    [InlineData("begin work[0] 1\nbegin work[0] 1\nend work[0] 1\n", false)]
    [InlineData("begin work[0] 0\nend work[0] 0\n", false)]
    public void ALogThatIsNotWhole_IsSeen(string log, bool whole) => Assert.Equal(whole, LogChecker.Complaint("work[0]", 1, log) is null);

    [Fact]
    public void ALineOfSomethingElse_IsAnError() => Assert.Throws<FormatException>(() => EffectLine.Parse("S r1 work"));

    private static Fabrication Overlap(string word) => Fabrication.Begun().Leases("work", 0, 0).Begins("work", 0, 0).Loses("work", 0, 0)
        .Leases("work", 0, 1, "w2").Begins("work", 0, 1, word).Says("work", 0, 1, "ok").Succeeds("work", 0, 1);

    private static Fabrication Stale() => Fabrication.Begun().Leases("work", 0, 0).Loses("work", 0, 0)
        .Leases("work", 0, 1, "w2").Begins("work", 0, 1).Says("work", 0, 1, "ok").Succeeds("work", 0, 1).Begins("work", 0, 0);

    private static void Complains(Fabrication made, params string[] of)
    {
        var said = string.Join('\n', made.EffectViolations().Select(v => v.What));
        Assert.All(of, words => Assert.Contains(words, said, StringComparison.Ordinal));
    }
}
