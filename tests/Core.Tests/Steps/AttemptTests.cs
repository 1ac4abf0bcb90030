using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Steps;

public sealed class AttemptTests
{
    private static readonly RetrySpec s_twice = new() { MaxAttempts = 2, InitialDelay = TimeSpan.FromSeconds(10), Jitter = 0 };

    [Fact]
    public void ResultFromAReplacedLease_IsRefused_AndChangesNothing()
    {
        var scene = Ready();
        var first = scene.Lease();
        scene.Now += StepScene.Term;
        Assert.IsType<TaskLost>(Assert.Single(scene.Tick()));
        scene.Tick();
        var second = scene.Lease();

        var refused = Assert.IsType<ResultRefused>(Assert.Single(scene.Finish(first, AttemptOutcome.Succeeded)));

        Assert.Equal(first.Token, refused.Token);
        Assert.Equal(1, scene.Step.Running);
        Assert.IsType<TaskSucceeded>(Assert.Single(scene.Finish(second, AttemptOutcome.Succeeded)));
    }

    [Fact]
    public void AResultReportedTwice_TakesEffectOnce()
    {
        var scene = Ready();
        var grant = scene.Lease();

        Assert.Single(scene.Finish(grant, AttemptOutcome.Succeeded));
        Assert.Empty(scene.Finish(grant, AttemptOutcome.Succeeded));

        Assert.Single(scene.Outbox(scene.KeyOf("b")));
    }

    [Fact]
    public void AMessageDeliveredTwice_TakesEffectOnce()
    {
        var scene = new StepScene("start > a; a > b; b", "a");
        var arrive = new ArriveSplits(StepScene.Run(), scene.KeyOf("start"), SplitRanges.One(0), 0);

        Assert.Equal(2, scene.Receive(arrive).Count);
        Assert.Empty(scene.ReceiveAgain(arrive));

        Assert.Equal(1, scene.Step.Ready);
    }

    [Fact]
    public void LossesDoNotConsumeRetries()
    {
        var scene = Ready(s => s with { Retry = s_twice });
        for (var i = 0; i < 5; i++)
        {
            Assert.IsType<TaskLost>(Assert.Single(scene.Finish(scene.Lease(), AttemptOutcome.Lost)));
            scene.Now += TimeSpan.FromMinutes(1);
            scene.Tick();
        }

        var failed = Assert.IsType<TaskFailed>(Assert.Single(scene.Finish(scene.Lease(), AttemptOutcome.Failed)));

        Assert.NotNull(failed.RetryAt);
    }

    [Fact]
    public void AnAttempt_IsToldWhetherTheOneRightBeforeWasLost()
    {
        var scene = Ready(s => s with { Retry = s_twice });
        var told = new List<(bool, int)>();
        foreach (var outcome in (AttemptOutcome[])[AttemptOutcome.Lost, AttemptOutcome.Failed, AttemptOutcome.Lost, AttemptOutcome.Failed])
        {
            var grant = scene.Lease();
            told.Add((grant.WasLost, grant.Failures));
            Assert.Equal(grant.WasLost, scene.Step.GrantOf(new HeldLease(grant.Task, grant.Token))!.WasLost);
            scene.Finish(grant, outcome);
            scene.Now += TimeSpan.FromMinutes(1);
            scene.Tick();
        }

        Assert.Equal([(false, 0), (true, 0), (false, 1), (true, 1)], told);
    }

    [Fact]
    public void LossesDoNotTriggerACatch_EvenWhenTheyAreTooMany()
    {
        var scene = Ready(s => s with { CatchOutput = "error", Retry = new RetrySpec { MaxLosses = 0 } });

        var failed = Assert.IsType<TaskFailed>(Assert.Single(scene.Finish(scene.Lease(), AttemptOutcome.Lost)));

        Assert.Equal("losses", failed.Error.Type);
    }

    [Fact]
    public void ARetryWaitsForItsBackoff()
    {
        var scene = Ready(s => s with { Retry = s_twice });
        scene.Finish(scene.Lease(), AttemptOutcome.Failed);

        Assert.Equal(0, scene.Step.Ready);
        Assert.Equal(TimeSpan.FromSeconds(10), scene.Step.TickAfter(StepScene.T0, TimeSpan.Zero));
        scene.Now += TimeSpan.FromSeconds(10);
        scene.Tick();

        Assert.Equal(1, scene.Lease().Attempt);
    }

    [Fact]
    public void ALease_IsNotEndedByAClockThatIsSet()
    {
        var scene = Ready();
        var grant = scene.Lease();

        scene.Step.Tick(new Moment(StepScene.T0 + TimeSpan.FromDays(1), "system", 1, "inc", TimeSpan.FromSeconds(1)));
        Assert.Equal(1, scene.Step.Running);
        scene.Step.Tick(new Moment(StepScene.T0, "system", 1, "inc", StepScene.Term));

        Assert.Equal(0, scene.Step.Running);
        Assert.Equal(0, grant.Attempt);
    }

    [Fact]
    public void AnExitCodeThatIsNotRetried_FailsAtOnce()
    {
        var scene = Ready(s => s with { Retry = s_twice with { ExitCodes = [75] } });

        var failed = Assert.IsType<TaskFailed>(Assert.Single(scene.Finish(scene.Lease(), AttemptOutcome.Failed)));

        Assert.Null(failed.RetryAt);
        Assert.IsType<ReportFailure>(scene.Outbox()[^1]);
    }

    [Fact]
    public void CatchStoresTheError_AndTheFlowGoesOn()
    {
        var scene = Ready(s => s with { CatchOutput = "error" });

        var caught = Assert.IsType<TaskSucceeded>(Assert.Single(scene.Finish(scene.Lease(), AttemptOutcome.Failed)));

        Assert.Equal("""{"error":{"type":"exit","message":"Exit code 1.","exit_code":1}}""", caught.Output);
        Assert.IsType<ArriveSplits>(Assert.Single(scene.Outbox(scene.KeyOf("b"))));
    }

    [Fact]
    public void LoopBound_FailsTheTask()
    {
        var scene = new StepScene("start > a | end ^1; a > start | end ^1; end", "a");
        var key = scene.Key with { Loops = new SplitPath(1) };
        var late = new StepEntity(StreamId.Step("default", "r", key), new RunContext(Graph.Sketch.Graph("start > a; a > start | end ^1; end"), 1, "{}", null), StepScene.Term);
        var moment = new Moment(StepScene.T0, "test", 1, "inc", TimeSpan.Zero);
        late.Receive(StreamId.Step("default", "r", scene.KeyOf("start")), [new OutboxMessage(1, late.Id, new ArriveSplits(StepScene.Run(), scene.KeyOf("start"), SplitRanges.One(0), 0))], moment);
        var grant = Assert.Single(late.Lease("w", "boot", 1, moment));
        late.TakeDecided();

        late.Finish(new FinishedAttempt { Task = grant.Task, Token = grant.Token, Outcome = AttemptOutcome.Succeeded, Output = """{"verdict":"to-start"}""" }, "w", moment);

        Assert.Equal("loop_bound", Assert.IsType<TaskFailed>(Assert.Single(late.TakeDecided().Events).Event).Error.Type);
    }

    [Fact]
    public void NoMoreThanMaxParallel_AreLeased()
    {
        var scene = new StepScene("start > *a; a > j; !j", "a", s => s with { MaxParallel = 3 });
        scene.Receive(new OpenForeach(StepScene.Run(), scene.KeyOf("start"), 0, 10, new RangeItems(0, 1), 0));

        var grants = scene.LeaseMany(10);

        Assert.Equal(3, grants.Count);
        Assert.Empty(scene.LeaseMany(10));
        scene.Finish(grants[0], AttemptOutcome.Succeeded);
        Assert.Equal(3, Assert.Single(scene.LeaseMany(10)).Task.Split);
    }

    [Fact]
    public void ANewBoot_LosesWhatTheFormerHeld_AndNothingElse()
    {
        var scene = new StepScene("start > *a; a > j; !j", "a");
        scene.Receive(new OpenForeach(StepScene.Run(), scene.KeyOf("start"), 0, 4, new RangeItems(0, 1), 0));
        scene.LeaseMany(2, "w1");
        scene.LeaseMany(2, "w2");

        var events = scene.Do(m => scene.Step.WorkerGone("w1", "boot", "it was started anew", m));

        Assert.Equal([0, 1], events.Cast<TaskLost>().Select(e => e.Split));
        Assert.Equal(2, scene.Step.Running);
    }

    [Fact]
    public void AnActivation_GivesEveryLeaseAFullTerm()
    {
        var scene = Ready();
        scene.Lease();
        scene.Now += StepScene.Term - TimeSpan.FromSeconds(1);
        scene.Step.Activated(scene.Now - StepScene.T0);
        scene.Now += StepScene.Term - TimeSpan.FromSeconds(1);

        Assert.Empty(scene.Tick());
        scene.Now += TimeSpan.FromSeconds(1);
        Assert.IsType<TaskLost>(Assert.Single(scene.Tick()));
    }

    [Fact]
    public void TokensOfDifferentSteps_Differ()
    {
        var a = Ready().Lease();
        var scene = new StepScene("start > a; a > b; b", "b");
        scene.Receive(new ArriveSplits(StepScene.Run(), scene.KeyOf("a"), SplitRanges.One(0), 0), "a");

        Assert.NotEqual(a.Token, scene.Lease().Token);
    }

    private static StepScene Ready(Func<StepSpec, StepSpec>? change = null)
    {
        var scene = new StepScene("start > a; a > b; b", "a", change);
        scene.Receive(new ArriveSplits(StepScene.Run(), scene.KeyOf("start"), SplitRanges.One(0), 0));
        return scene;
    }
}
