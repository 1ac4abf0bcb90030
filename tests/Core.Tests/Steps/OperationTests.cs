using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Steps;

public sealed class OperationTests
{
    [Fact]
    public void ACancelledStep_StartsNothing_AndReportsOnceNothingRuns()
    {
        var scene = Wide();
        var grant = scene.Lease();

        scene.Receive(new CancelStep(StepScene.Run(), null));

        Assert.Empty(scene.LeaseMany(10));
        Assert.Empty(scene.Outbox());
        Assert.IsType<EndLease>(Assert.Single(scene.Step.TakeEffects()));
        Assert.IsType<TaskCancelled>(Assert.Single(scene.Finish(grant, AttemptOutcome.Cancelled)));
        Assert.Equal(new ReportStep(scene.Key, 0, 3, 1), Assert.Single(scene.Outbox()));
    }

    [Fact]
    public void AResultThatCrossesTheCancel_IsAccepted()
    {
        var scene = Wide();
        var grant = scene.Lease();
        scene.Receive(new CancelStep(StepScene.Run(), null));

        Assert.IsType<TaskSucceeded>(Assert.Single(scene.Finish(grant, AttemptOutcome.Succeeded)));
    }

    [Fact]
    public void APausedStep_StartsNothing_UntilItIsResumed()
    {
        var scene = Wide();
        scene.Receive(new PauseStep(StepScene.Run()));
        Assert.Empty(scene.LeaseMany(1));

        scene.Receive(new ResumeStep(StepScene.Run()));

        Assert.Single(scene.LeaseMany(1));
    }

    [Fact]
    public void AStepThatWasPaused_TellsItsRun_AfterWhatItAnnouncedBefore()
    {
        var scene = Wide();
        scene.Receive(new PauseStep(StepScene.Run()));
        scene.Receive(new ResumeStep(StepScene.Run()));
        scene.Receive(new PauseStep(StepScene.Run()));

        Assert.Equal([new ReportPaused(scene.Key, 1), new ReportPaused(scene.Key, 2)], scene.Outbox());
    }

    [Fact]
    public void WhatAPausedStepOpens_OpensPaused_UntilTheRunSaysOtherwise()
    {
        var opener = new StepScene("start > a; a > end; end", "a");
        opener.Receive(new ArriveSplits(StepScene.Run(), opener.KeyOf("start"), SplitRanges.One(0), 0));
        var grant = opener.Lease();
        opener.Receive(new PauseStep(StepScene.Run()));
        opener.Finish(grant, AttemptOutcome.Succeeded);
        Assert.True(Assert.Single(opener.Outbox().OfType<AnnounceSteps>()).Halted is true);
        var arrive = Assert.Single(opener.Outbox(opener.KeyOf("end")));

        var opened = new StepScene("start > a; a > end; end", "end");
        opened.Receive(arrive, "a");
        Assert.Empty(opened.LeaseMany(1));
        opened.Receive(new ResumeStep(StepScene.Run()));
        Assert.Single(opened.LeaseMany(1));
    }

    [Fact]
    public void WhatACancelledStepOpens_StartsNothing_UntilTheRunSaysHowToGoOn()
    {
        var opener = new StepScene("start > a; a > end; end", "a");
        opener.Receive(new ArriveSplits(StepScene.Run(), opener.KeyOf("start"), SplitRanges.One(0), 0));
        var grant = opener.Lease();
        opener.Receive(new CancelStep(StepScene.Run(), null));
        opener.Finish(grant, AttemptOutcome.Succeeded);

        var opened = new StepScene("start > a; a > end; end", "end");
        opened.Receive(Assert.Single(opener.Outbox(opener.KeyOf("end"))), "a");
        Assert.Empty(opened.LeaseMany(1));
        opened.Receive(new CancelStep(StepScene.Run(), null));
        opened.Receive(new RetryStep(StepScene.Run(1), []));

        Assert.Single(opened.LeaseMany(1));
    }

    [Fact]
    public void AnOpenStep_IsNotPausedByWhatAPausedStepSays()
    {
        var scene = new StepScene("start > a; a > end; end", "end");
        scene.Receive(new ArriveSplits(StepScene.Run(), scene.KeyOf("a"), SplitRanges.One(0), 0), "a");
        scene.Receive(new ArriveSplits(StepScene.Run() with { Halted = true }, scene.KeyOf("start"), SplitRanges.One(1), 0));

        Assert.Equal(2, scene.LeaseMany(2).Count);
    }

    [Fact]
    public void AKilledAttempt_FailsAndIsNotRetried()
    {
        var scene = Wide(s => s with { Retry = new RetrySpec { MaxAttempts = 5 } });
        var grant = scene.Lease();
        scene.Do(m => scene.Step.Kill(0, m));

        var failed = Assert.IsType<TaskFailed>(Assert.Single(scene.Finish(grant, AttemptOutcome.Cancelled)));

        Assert.Equal(("killed", null), (failed.Error.Type, failed.RetryAt));
    }

    [Fact]
    public void ASkippedTask_IsDone_WithTheOutputGiven()
    {
        var scene = Wide();

        var skipped = Assert.IsType<TaskSkipped>(Assert.Single(scene.Do(m => scene.Step.Skip(1, """{"x":1}""", m))));

        Assert.Equal("""{"x":1}""", skipped.Output);
        Assert.Equal([0, 2], scene.LeaseMany(10).Select(g => g.Task.Split));
    }

    [Fact]
    public void NothingOfACancelledStep_CanBeSkippedOrRetried()
    {
        var scene = Wide();
        scene.Receive(new CancelStep(StepScene.Run(), null));

        Assert.Equal(RefusalKind.Conflict, Assert.Throws<RefusedException>(() => scene.Do(m => scene.Step.Skip(0, null, m))).Kind);
        Assert.Equal(RefusalKind.Conflict, Assert.Throws<RefusedException>(() => scene.Do(m => scene.Step.Retry(0, m))).Kind);
    }

    [Fact]
    public void ARetryOfTheRun_RunsWhatFailedOrWasCancelled_AndNothingThatSucceeded()
    {
        var scene = Wide();
        var grants = scene.LeaseMany(2);
        scene.Finish(grants[0], AttemptOutcome.Succeeded);
        scene.Finish(grants[1], AttemptOutcome.Failed);
        scene.Receive(new CancelStep(StepScene.Run(), null));

        scene.Receive(new RetryStep(StepScene.Run(1), []));

        Assert.Equal([(1, 1), (2, 0)], scene.LeaseMany(10).Select(g => (g.Task.Split, g.Attempt)));
    }

    [Fact]
    public void ARestartFromTheStep_RunsAllOfItAgain_WithFreshBudgets()
    {
        var scene = Wide(s => s with { Retry = new RetrySpec { MaxAttempts = 2 } });
        scene.Finish(scene.Lease(), AttemptOutcome.Failed);
        scene.Now += TimeSpan.FromMinutes(1);
        scene.Tick();
        foreach (var grant in scene.LeaseMany(10)) scene.Finish(grant, AttemptOutcome.Succeeded);

        scene.Receive(new RetryStep(StepScene.Run(1), ["a", "j"]));

        var again = scene.LeaseMany(10);
        Assert.Equal([(0, 2), (1, 1), (2, 1)], again.Select(g => (g.Task.Split, g.Attempt)));
        Assert.NotNull(Assert.IsType<TaskFailed>(Assert.Single(scene.Finish(again[0], AttemptOutcome.Failed))).RetryAt);
    }

    [Fact]
    public void WhatAStepSentBeforeItWasRunAgain_IsDropped_HoweverLateAndAfterHowManyRetries()
    {
        var scene = new StepScene("start > a; a > b; b > end; end", "b");
        scene.Receive(new CancelStep(StepScene.Run(), null));
        scene.Receive(new RetryStep(StepScene.Run(1), ["a", "b", "end"]));
        scene.Receive(new RetryStep(StepScene.Run(2), []));

        var late = scene.Receive(new ArriveSplits(StepScene.Run(), scene.KeyOf("a"), SplitRanges.One(0), 0), "a");
        var fresh = scene.Receive(new ArriveSplits(StepScene.Run(2), scene.KeyOf("a"), SplitRanges.One(0), 0), "a");

        Assert.Empty(late);
        Assert.Single(fresh);
        Assert.Equal(0, scene.Lease().Task.Split);
    }

    [Fact]
    public void AStepThatOpensAfterARetry_KnowsWhatWasRunAgainBefore()
    {
        var scene = new StepScene("start > a; a > b; b > end; end", "b");
        scene.Receive(new CancelStep(StepScene.Run().Retried(1, ["a", "b", "end"]).Retried(2, []), null));

        Assert.Empty(scene.Receive(new ArriveSplits(StepScene.Run(), scene.KeyOf("a"), SplitRanges.One(0), 0), "a"));
    }

    private static StepScene Wide(Func<StepSpec, StepSpec>? change = null)
    {
        var scene = new StepScene("start > *a; a > j; !j", "a", change);
        scene.Receive(new OpenForeach(StepScene.Run(), scene.KeyOf("start"), 0, 3, new RangeItems(0, 1), 0));
        return scene;
    }
}
