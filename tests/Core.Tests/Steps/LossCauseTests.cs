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

    [Fact]
    public void ASpotInterruption_IsToldSo_IsNotChargedAsAFailure_AndTheTaskIsReadyAtOnce_HoweverOftenItHappens()
    {
        var scene = Leased(out var grant);
        for (var losses = 1; losses <= 4; losses++)
        {
            var lost = Assert.IsType<TaskLost>(Assert.Single(scene.Finish(grant, AttemptOutcome.Lost, error: new TaskError(SpotInterruption.ErrorType, SpotInterruption.Reason("w", "terminate", scene.Now)))));
            Assert.Equal(LossCause.SpotInterrupted, LossCauses.Of(lost.Reason));
            Assert.Equal(scene.Now, lost.RetryAt);
            scene.Tick();
            Assert.True(scene.Step.Offer.IsReturned);
            grant = scene.Lease();
            Assert.False(scene.Step.Offer.IsReturned);
            Assert.Equal((0, true), (grant.Failures, grant.WasLost));
        }
    }

    [Fact]
    public void OtherLosses_WaitLongerAndLonger()
    {
        var scene = Leased(out var grant);
        scene.Finish(grant, AttemptOutcome.Lost, error: new TaskError("worker_stopped", "Worker w was stopped."));
        scene.Tick();

        var again = Assert.IsType<TaskLost>(Assert.Single(scene.Finish(scene.Lease(), AttemptOutcome.Lost, error: new TaskError("worker_stopped", "Worker w was stopped."))));

        Assert.True(again.RetryAt > scene.Now);
    }

    [Theory]
    [InlineData("the worker gave it up", LossCause.GivenUp)]
    [InlineData("The lease ran out before there was room to start the task.", LossCause.LeaseExpired)]
    [InlineData("The platform lost this task 6 times, more than max_losses allows; the last time because worker w was started anew.", LossCause.WorkerRestarted)]
    [InlineData(LossCauses.GangRestarted, LossCause.GangRestarted)]
    [InlineData("The platform lost this task 21 times, more than max_losses allows; the last time because a spot interruption takes the machine of worker w (stop at 2030-01-01T00:00:00Z).", LossCause.SpotInterrupted)]
    public void WhatWorkersAndErrorsSay_IsUnderstoodToo(string words, LossCause cause) => Assert.Equal(cause, LossCauses.Of(words));

    private static StepScene Leased() => Leased(out _);

    private static StepScene Leased(out Grant grant)
    {
        var scene = new StepScene("start > a; a > b; b", "a");
        scene.Receive(new ArriveSplits(StepScene.Run(), scene.KeyOf("start"), SplitRanges.One(0), 0));
        grant = scene.Lease();
        return scene;
    }

    private static string ReasonOf(IEnumerable<Event> events) => Assert.IsType<TaskLost>(Assert.Single(events)).Reason;
}
