using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Steps;

public sealed class LossCauseTests
{
    [Fact]
    public void ALeaseThatRunsOut_IsToldSo()
    {
        var scene = Leased();
        scene.Now += StepScene.Term;

        Assert.Equal(LossCause.LeaseExpired, LossCauses.Of(ReasonOf(scene.Tick())));
    }

    [Fact]
    public void AWorkerThatIsStartedAnew_IsToldSo_WhateverItsName()
    {
        var scene = Leased();

        var events = scene.Do(m => scene.Step.WorkerGone("w", "boot", LossCauses.WorkerRestarted("the odd one"), m));

        Assert.Equal(LossCause.WorkerRestarted, LossCauses.Of(ReasonOf(events)));
    }

    [Theory]
    [InlineData("the worker gave it up", LossCause.GivenUp)]
    [InlineData("The lease ran out before there was room to start the task.", LossCause.LeaseExpired)]
    [InlineData("The platform lost this task 6 times, more than max_losses allows; the last time because worker w was started anew.", LossCause.WorkerRestarted)]
    [InlineData(LossCauses.GangRestarted, LossCause.GangRestarted)]
    public void WhatWorkersAndErrorsSay_IsUnderstoodToo(string words, LossCause cause) => Assert.Equal(cause, LossCauses.Of(words));

    private static StepScene Leased()
    {
        var scene = new StepScene("start > a; a > b; b", "a");
        scene.Receive(new ArriveSplits(StepScene.Run(), scene.KeyOf("start"), SplitRanges.One(0), 0));
        scene.Lease();
        return scene;
    }

    private static string ReasonOf(IEnumerable<Event> events) => Assert.IsType<TaskLost>(Assert.Single(events)).Reason;
}
