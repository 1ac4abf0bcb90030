namespace Fanfare.Chaos.Checked;

/// <summary>The checker of histories complains of what must not be, and of nothing else.</summary>
public sealed class HistoryTests
{
    [Fact]
    public void ARunAsItShouldBe_HasNothingToComplainOf() => Assert.Empty(Fabrication.Whole().HistoryViolations());

    [Fact]
    public void ASecondCompletion_IsSeen() =>
        Complains(Fabrication.Begun().Does("work", 0, 0).Succeeds("work", 0, 0), "without a lease", "succeeded twice");

    [Fact]
    public void ACompletionOfAnOlderAttempt_IsSeen() =>
        Complains(Fabrication.Begun().Leases("work", 0, 0).Loses("work", 0, 0).Leases("work", 0, 1).Succeeds("work", 0, 0), "while attempt 1 was leased");

    [Fact]
    public void ALeaseBesideAnother_IsSeen() =>
        Complains(Fabrication.Begun().Leases("work", 0, 0).Leases("work", 0, 1), "was leased while attempt 0 still was");

    [Fact]
    public void ALeaseAfterTheSuccess_IsSeen() =>
        Complains(Fabrication.Begun().Does("work", 0, 0).Leases("work", 0, 1), "leased again after it had succeeded");

    [Fact]
    public void AJoinBeforeItsMembers_IsSeen() =>
        Complains(Fabrication.Begun().Add("last", new MembersExpected(0, Fabrication.StepOf("start"), 2)).Leases("last", 0, 0), "with 0 of 2 members");

    [Fact]
    public void MoreTasksThanMayRun_AreSeen() =>
        Complains(Fabrication.Begun().Leases("work", 0, 0).Leases("work", 1, 0).Leases("work", 2, 0), "more than max_parallel = 2");

    [Fact]
    public void ARunThatEndsWhileATaskRuns_IsSeen() => Complains(Fabrication.Begun().Leases("work", 0, 0).Ends(), "the run ended while r1/2:work[0] was leased");

    [Fact]
    public void ASecondEndOfARun_IsSeen() => Complains(Fabrication.Whole().Ends(), "ended twice");

    [Fact]
    public void AFailureForGoodAfterLossesOnly_IsSeen() =>
        Complains(
            Fabrication.Begun().Leases("work", 0, 0).Loses("work", 0, 0).Leases("work", 0, 1)
                .Add("work", new TaskFailed(0, 1, null, DateTimeOffset.UnixEpoch, new TaskError("exit", "It failed.", 1), null)),
            "failed for good after 1 failures and 1 losses");

    [Fact]
    public void ALeaseBeforeTheEndOfTheBackoff_IsSeen_UnlessTheClockWasSet()
    {
        var made = Fabrication.Begun().Leases("work", 0, 0).Add("work", new TaskLost(0, 0, "gone", DateTimeOffset.MaxValue)).Leases("work", 0, 1);
        var tolerant = new HistoryChecker { ClockWasSet = true };
        foreach (var recorded in made.Reading().Events) tolerant.Read(recorded);

        Complains(made, "before its backoff was over");
        Assert.Empty(tolerant.Violations);
    }

    private static void Complains(Fabrication made, params string[] of)
    {
        var said = string.Join('\n', made.HistoryViolations().Select(v => v.What));
        Assert.All(of, words => Assert.Contains(words, said, StringComparison.Ordinal));
    }
}
