using Fanfare.Contracts;
using Fanfare.Core.Tests.Graph;

namespace Fanfare.Core.Tests.Runs;

public sealed class RunTests
{
    private static readonly DateTimeOffset s_t0 = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly StepKey s_start = new("start", SplitPath.Empty, new SplitPath(0));
    private static readonly StepKey s_end = new("end", SplitPath.Empty, new SplitPath(0));
    private readonly Dictionary<StepKey, long> _sent = [];

    [Fact]
    public void ARunEnds_AfterItsLastStepAndItsHandlers()
    {
        var run = Started("start > end; end; clean", s => s with { Finally = ["clean"] });

        Assert.Equal([typeof(RunEndReached), typeof(RunHandlerStarted)], Receive(run, s_end, new ReportEnd(s_end)));
        Assert.Equal(RunStatus.Finishing, run.Status);
        var clean = new StepKey("clean", SplitPath.Empty, new SplitPath(0));
        Assert.Equal([typeof(RunEndReached), typeof(RunEnded)], Receive(run, clean, new ReportEnd(clean)));
        Assert.Equal(RunStatus.Succeeded, run.Status);
    }

    [Fact]
    public void ARunThatFailsOnlyInItsFinally_IsPastItsOnFailure()
    {
        var run = Started("start > end; end; rescue; clean; last", s => s with { OnFailure = ["rescue"], Finally = ["clean", "last"] });
        Receive(run, s_end, new ReportEnd(s_end));
        StepKey clean = new("clean", SplitPath.Empty, new SplitPath(0)), last = new("last", SplitPath.Empty, new SplitPath(0));

        Assert.Equal([typeof(RunFailureSeen), typeof(RunHandlerStarted)], Receive(run, clean, new ReportFailure(clean, 0, new TaskError("exit", "no"))));
        Assert.Equal([typeof(RunEndReached), typeof(RunEnded)], Receive(run, last, new ReportEnd(last)));

        Assert.Equal(RunStatus.Failed, run.Status);
    }

    [Fact]
    public void ACancelledRun_EndsOnlyWhenEveryStepHasReported()
    {
        var run = Started("start > end; end");
        Receive(run, s_start, new AnnounceSteps([s_end]));
        Command(run, RunVerb.Cancel);

        Receive(run, s_start, new ReportStep(s_start, 0, 0, 1));
        Assert.Equal(RunStatus.Cancelling, run.Status);
        Receive(run, s_end, new ReportStep(s_end, 0, 1, 1));

        Assert.Equal(RunStatus.Cancelled, run.Status);
    }

    [Fact]
    public void APauseIsSettled_WhenEveryStepThatIsOpenOrOpening_HasReported()
    {
        var run = Started("start > a; a > end; end");
        var a = new StepKey("a", SplitPath.Empty, new SplitPath(0));
        Command(run, RunVerb.Pause);
        Assert.False(run.IsPauseSettled);

        Receive(run, s_start, new AnnounceSteps([a]));
        Receive(run, s_start, new ReportPaused(s_start, 1));
        Assert.False(run.IsPauseSettled);
        Receive(run, a, new ReportPaused(a, 1));

        Assert.True(run.IsPauseSettled);
    }

    [Fact]
    public void AReportOfAnEarlierPause_DoesNotSettleALaterOne()
    {
        var run = Started("start > end; end");
        Command(run, RunVerb.Pause);
        Command(run, RunVerb.Resume);
        Command(run, RunVerb.Pause);

        Receive(run, s_start, new ReportPaused(s_start, 1));
        Assert.False(run.IsPauseSettled);
        Receive(run, s_start, new ReportPaused(s_start, 2));

        Assert.True(run.IsPauseSettled);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AStepThatMayHaveOpenedPaused_IsResumed_WhenTheRunGoesOnMeanwhile(bool known)
    {
        var run = Started("start > a; a > end; end");
        if (known) Receive(run, s_start, new AnnounceSteps([s_end]));

        Receive(run, s_start, new AnnounceSteps([s_end], Halted: true));

        Assert.IsType<ResumeStep>(Assert.Single(run.OutboxTo(StreamId.Step("default", "r", s_end), 10)).Message);
    }

    [Fact]
    public void AReportThatCrossedAFurtherCancel_DoesNotEndTheRun()
    {
        var run = Started("start > a & b; a > j; b > j; !j > end; end");
        var (a, join) = (new StepKey("a", SplitPath.Empty, new SplitPath(0, 0)), new StepKey("j", SplitPath.Empty, new SplitPath(0)));
        Receive(run, s_start, new AnnounceSteps([a]));
        Receive(run, join, new CancelScope(s_start, 0));
        Command(run, RunVerb.Cancel);
        Receive(run, s_start, new ReportStep(s_start, 0, 0, 1));

        Receive(run, a, new ReportStep(a, 0, 0, 1));
        Assert.Equal(RunStatus.Cancelling, run.Status);
        Receive(run, a, new ReportStep(a, 0, 0, 2));

        Assert.Equal(RunStatus.Cancelled, run.Status);
    }

    [Fact]
    public void AStepHeardOfWhileCancelling_IsCancelledToo()
    {
        var run = Started("start > end; end");
        Command(run, RunVerb.Cancel);
        Receive(run, s_start, new AnnounceSteps([s_end]));
        Receive(run, s_start, new ReportStep(s_start, 0, 0, 1));

        Assert.Equal(RunStatus.Cancelling, run.Status);
        Assert.IsType<CancelStep>(Assert.Single(run.OutboxTo(StreamId.Step("default", "r", s_end), 10)).Message);
    }

    [Fact]
    public void ARunThatFailedInItsFinally_RunsOnlyThatAgain()
    {
        var run = Started("start > end; end; clean", s => s with { Finally = ["clean"] });
        Receive(run, s_end, new ReportEnd(s_end));
        var clean = new StepKey("clean", SplitPath.Empty, new SplitPath(0));
        Receive(run, clean, new ReportFailure(clean, 0, new TaskError("exit", "Exit code 1.", 1)));
        Assert.Equal(RunStatus.Failed, run.Status);

        Command(run, RunVerb.Retry);

        Assert.Equal(RunStatus.Finishing, run.Status);
        Assert.IsType<ArriveSplits>(Assert.Single(run.OutboxTo(StreamId.Step("default", "r", clean with { Loops = new SplitPath(1) }), 10)).Message);
    }

    [Fact]
    public void ARunThatHasEnded_TakesNoCancel()
    {
        var run = Started("start > end; end");
        Receive(run, s_end, new ReportEnd(s_end));

        Assert.Equal(RefusalKind.Conflict, Assert.Throws<RefusedException>(() => Command(run, RunVerb.Cancel)).Kind);
        Assert.Equal(RunStatus.Succeeded, run.Status);
    }

    [Fact]
    public void ARunWhoseStartCameToNothing_TakesNoCommand()
    {
        var run = new RunEntity(StreamId.Run("default", "r"), new RunContext(Sketch.Graph(Sketch.Flow("start > end; end")), 1, "{}", null));

        Assert.Equal(RefusalKind.NotFound, Assert.Throws<RefusedException>(() => Command(run, RunVerb.Cancel)).Kind);
        Assert.Equal(0, run.Sequence);
    }

    [Fact]
    public void AMessageToARunThatThisNodeHasNotSeenStart_ShowsThatItsStateIsStale()
    {
        var run = new RunEntity(StreamId.Run("default", "r"), new RunContext(Sketch.Graph(Sketch.Flow("start > end; end")), 1, "{}", null));

        Assert.Throws<StaleStateException>(() => Receive(run, s_start, new AnnounceSteps([s_end])));
        Assert.Equal(0, run.Sequence);
    }

    [Fact]
    public void ATimeout_FailsTheRun()
    {
        var run = Started("start > end; end", s => s with { Timeout = TimeSpan.FromMinutes(1) });
        Assert.Equal(s_t0 + TimeSpan.FromMinutes(1), run.DurableDue);

        run.Tick(new Moment(s_t0 + TimeSpan.FromMinutes(1), "system", 1, "inc", TimeSpan.Zero));

        Assert.Equal(RunStatus.Failing, run.Status);
        Receive(run, s_start, new ReportStep(s_start, 0, 1, 1));
        Assert.Equal(RunStatus.Failed, run.Status);
    }

    [Fact]
    public void ARunOfAnInterval_IsWhoseThatStartedItFirst_AndNobodyElseStopsIt_OrHearsOfItsEnd()
    {
        var (schedule, backfill) = (StreamId.Schedule("default", "sketch", "often"), StreamId.Backfill("default", "b1"));
        var interval = new DataInterval(s_t0, s_t0.AddHours(1));
        var (first, second) = (new RunCause("often", interval, Backfill: "b1"), new RunCause("often", interval));
        var run = new RunEntity(StreamId.Run("default", "r"), new RunContext(Sketch.Graph(Sketch.Flow("start > end; end")), 1, "{}", null));
        Assert.Null(run.StartedByOther(first));

        run.Receive(backfill, [new OutboxMessage(1, run.Id, new BeginRun("sketch", 1, "{}", [], 0, first))], At());
        Assert.Equal(["backfill:b1"], run.TakeDecided().Events.Select(e => e.Actor));
        run.Receive(schedule, [new OutboxMessage(1, run.Id, new BeginRun("sketch", 1, "{}", [], 0, second)), new OutboxMessage(2, run.Id, new StopRun("room for another", SkipHandlers: false))], At());

        Assert.Empty(run.TakeDecided().Events);
        Assert.Equal((null, RunStatus.Running), (run.StartedByOther(first), run.StartedByOther(second)));
        run.Receive(backfill, [new OutboxMessage(2, run.Id, new StopRun("cancelled", SkipHandlers: false))], At());
        Receive(run, s_start, new ReportStep(s_start, 0, 1, 1));
        Assert.Equal(RunStatus.Cancelled, run.StartedByOther(second));
        Assert.Equal([new ReportRun("r", RunStatus.Cancelled)], run.OutboxTo(backfill, 10).Select(m => m.Message));
        Assert.Empty(run.OutboxTo(schedule, 10));
    }

    private static RunEntity Started(string sketch, Func<FlowSpec, FlowSpec>? change = null)
    {
        var spec = Sketch.Flow(sketch);
        var run = new RunEntity(StreamId.Run("default", "r"), new RunContext(Sketch.Graph(change is null ? spec : change(spec)), 1, "{}", null));
        run.Start(new StartRun("default", "ann", "sketch", null, "{}", [], 0, null, "r"), At());
        run.TakeDecided();
        return run;
    }

    private static void Command(RunEntity run, RunVerb verb)
    {
        run.Command(new CommandRun("default", "ann", "r", verb, null), At());
        run.TakeDecided();
    }

    private List<Type> Receive(RunEntity run, StepKey from, EntityMessage message)
    {
        var sequence = _sent[from] = _sent.GetValueOrDefault(from) + 1;
        run.Receive(StreamId.Step("default", "r", from), [new OutboxMessage(sequence, run.Id, message)], At());
        return [.. run.TakeDecided().Events.Select(e => e.Event.GetType())];
    }

    private static Moment At() => new(s_t0, "test", 1, "inc", TimeSpan.Zero);
}
