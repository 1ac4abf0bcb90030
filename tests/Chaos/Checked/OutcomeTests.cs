using Fanfare.Chaos.Workload;

namespace Fanfare.Chaos.Checked;

/// <summary>The ends of runs are held against what was ordered.</summary>
public sealed class OutcomeTests
{
    [Fact]
    public void ARunAsItShouldBe_HasNothingToComplainOf() => Assert.Empty(Fabrication.Whole().OutcomeViolations());

    [Fact]
    public void ARunThatNeverEnds_IsSeen() => Complains(Fabrication.Begun(), "never ended");

    [Fact]
    public void AnAcknowledgedRunThatIsNotThere_IsSeen()
    {
        var made = Fabrication.Whole();
        made.Orders.Add(made.Orders[0] with { Run = "r2", Key = "key-2" });

        Complains(made, "run r2: was acknowledged under key-2, and is not in the journal");
    }

    [Fact]
    public void AKeyOfAnotherRun_IsSeen()
    {
        var made = Fabrication.Whole();
        made.Orders[0] = made.Orders[0] with { Key = "key-2" };

        Complains(made, "acknowledged under key-2, and has key key-1");
    }

    [Fact]
    public void TwoRunsOfOneKey_AreSeen() =>
        Complains(Fabrication.Whole().Add(StreamId.Run("default", "r2"), new RunStarted("f", 1, "{}", [], 0, Fabrication.Key)), "key key-1 started 2 runs");

    [Fact]
    public void AnotherStatus_IsSeen_UnlessAnOperatorMeddled()
    {
        var meddled = Fabrication.Begun().Add(StreamId.Run("default", Fabrication.Run), new RunCancelRequested("enough")).Ends(RunStatus.Cancelled);

        Complains(Fabrication.Begun().Ends(RunStatus.Failed), "must come to Succeeded, and came to Failed");
        Complains(Fabrication.Begun().Ends(RunStatus.Cancelled), "nobody asked for it");
        Assert.Empty(meddled.OutcomeViolations());
    }

    [Fact]
    public void AnotherOutput_IsSeen()
    {
        var made = Fabrication.Whole();
        made.Orders[0] = made.Orders[0] with { Width = 8 };

        Complains(made, "must put out (8), and put out (7)");
    }

    [Fact]
    public void AMissingTask_IsSeen()
    {
        var made = Fabrication.Whole();
        made.Orders[0] = made.Orders[0] with { Flow = made.Orders[0].Flow with { Tasks = n => n } };

        Complains(made, "has 7 tasks that succeed, and 4 did");
    }

    [Fact]
    public void AHandlerThatDidNotRun_IsSeen()
    {
        var made = Fabrication.Begun().Ends(RunStatus.Failed);
        made.Orders[0] = made.Orders[0] with { Flow = new ChaosFlow("f", "", RunStatus.Failed, null, null, null) };

        Complains(made, "failed, and last was not run");
    }

    private static void Complains(Fabrication made, string of) =>
        Assert.Contains(of, string.Join('\n', made.OutcomeViolations().Select(v => v.What)), StringComparison.Ordinal);
}
