using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Notices;

public sealed class RunOutlookTests
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    // Extract takes 10 minutes, load 30, and then it is over: 41 of them.
    private static readonly RunHistory s_history = new([Past(10, 30), Past(11, 29), Past(10, 31), Past(500, 500), Past(1, 1)]);

    [Fact]
    public void WithoutAHistory_NothingIsExpected_AndTheRunIsLateWhenItIs()
    {
        var outlook = RunOutlook.Of(Run(), [], new RunHistory([]), Minute(5));

        Assert.Equal(new RunOutlook(IsOver: false, null), outlook);
        Assert.Equal(Minute(60), outlook.NextLook(Minute(5), s_start, Minute(60)));
        Assert.False(outlook.IsLate(Minute(59), Minute(60)));
        Assert.True(outlook.IsLate(Minute(60), Minute(60)));
    }

    [Fact]
    public void BeforeAnyStepIsOpen_ItTakesAsLongAsTheOthers() => Assert.Equal(Minute(41), RunOutlook.Of(Run(), [], s_history, Minute(3)).Expected);

    [Fact]
    public void AStepThatGoesOn_SaysWhatIsLeft_AndOneThatTakesLongerPutsTheEndOff()
    {
        StepRow[] steps = [Step("extract", 0, null)];

        Assert.Equal(Minute(41), RunOutlook.Of(Run(), steps, s_history, Minute(3)).Expected);
        // It has taken longer than usual, and all that comes after it is still to come.
        Assert.Equal(Minute(25 + 31), RunOutlook.Of(Run(), steps, s_history, Minute(25)).Expected);
        Assert.Equal(Minute(20 + 31), RunOutlook.Of(Run(), [Step("extract", 0, 20), Step("load", 20, null)], s_history, Minute(21)).Expected);
    }

    [Fact]
    public void AForeachWhoseTasksAreSlow_IsExpectedToGoOnSo()
    {
        // A fifth in 10 minutes: 40 more.
        Assert.Equal(Minute(10 + 40 + 31), RunOutlook.Of(Run(), [Step("extract", 0, null) with { Total = 100, Succeeded = 19, Failed = 1 }], s_history, Minute(10)).Expected);
        // Too few to say anything.
        Assert.Equal(Minute(41), RunOutlook.Of(Run(), [Step("extract", 0, null) with { Total = 100, Succeeded = 1 }], s_history, Minute(5)).Expected);
    }

    [Fact]
    public void AStepThatNoOtherRunHad_AndARunThatIsOver_SayNothing()
    {
        Assert.Equal(Minute(41), RunOutlook.Of(Run(), [Step("new", 0, null)], s_history, Minute(3)).Expected);
        Assert.Equal(Minute(50), RunOutlook.Of(Run(), [Step("new", 0, null)], s_history, Minute(50)).Expected);
        var over = RunOutlook.Of(Run() with { EndedAt = Minute(4) }, [], s_history, Minute(90));
        Assert.Equal(new RunOutlook(IsOver: true, null), over);
        Assert.False(over.IsLate(Minute(90), Minute(60)));
    }

    [Fact]
    public void ItIsLookedAtAgain_WhenWhatItHasToSpareMayBeUsedUp_AndNotTooOften()
    {
        Assert.Equal(Minute(23), new RunOutlook(false, Minute(40)).NextLook(Minute(3), s_start, Minute(60)));
        Assert.Equal(Minute(60), new RunOutlook(false, Minute(40)).NextLook(Minute(55), s_start, Minute(60)));
        Assert.Equal(Minute(30) + TimeSpan.FromSeconds(36), new RunOutlook(false, Minute(60)).NextLook(Minute(30), s_start, Minute(60)));
    }

    private static (RunRow, IReadOnlyList<StepRow>) Past(int extract, int load) =>
        (Run() with { Status = RunStatus.Succeeded, EndedAt = Minute(extract + load + 1) }, [Step("extract", 0, extract), Step("load", extract, extract + load)]);

    private static RunRow Run() => new("default", "r1", "etl", 1, RunStatus.Running, "{}", [], 0, null, "ann", 0, s_start, null, null);

    private static StepRow Step(string name, int opened, int? ended) => new(
        "default", "r1", new StepKey(name, SplitPath.Empty, new SplitPath(0)), ended is null ? StepStatus.Open : StepStatus.Succeeded, false, 1, 0, 0, 0, 0, 0, Minute(opened), ended is { } at ? Minute(at) : null);

    private static DateTimeOffset Minute(int minute) => s_start.AddMinutes(minute);
}
