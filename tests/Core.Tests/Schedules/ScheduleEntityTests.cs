using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Schedules;

public sealed class ScheduleEntityTests
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly StreamId s_flow = StreamId.Flow("default", "etl");
    private readonly ScheduleEntity _schedule = new(StreamId.Schedule("default", "etl", "often"));
    private DateTimeOffset _now = s_start;
    private long _sent;

    [Fact]
    public void ATimeThatComes_StartsARunForItsInterval_WithTheDeploymentsParameters()
    {
        Set(Every(10) with { Parameters = """{"mode":"full"}""", IntervalStart = "from", IntervalEnd = "until", Priority = 7, Tags = ["nightly"] }, deployment: 3);
        Assert.Equal(s_start.AddSeconds(10), _schedule.DurableDue);

        At(10);

        var (run, begin) = Assert.Single(Begun());
        Assert.Equal(StreamId.Run("default", RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(10))), run);
        Assert.Equal(("etl", 3, 7), (begin.Flow, begin.Deployment, begin.Priority));
        Assert.Equal("""{"mode":"full","from":"2030-01-01T00:00:00Z","until":"2030-01-01T00:00:10Z"}""", begin.Parameters);
        Assert.Equal(["nightly", "schedule:often"], begin.Tags);
        Assert.Equal(new RunCause("often", new DataInterval(s_start, s_start.AddSeconds(10))), begin.Cause);
        Assert.Equal(s_start.AddSeconds(20), _schedule.DurableDue);
    }

    [Fact]
    public void WhatIsSetAnew_DecidesOnNoTimeAgain()
    {
        Set(Every(10));
        At(10);
        Set(Every(10) with { Priority = 5 }, deployment: 2);
        At(10);
        Set(Every(5), deployment: 3);
        At(12);

        Assert.Single(Begun());
        Assert.Equal(s_start.AddSeconds(15), _schedule.DurableDue);
    }

    [Fact]
    public void AClockThatIsSetBack_StartsNothingTwice()
    {
        Set(Every(10) with { Overlap = OverlapPolicy.Allow });
        At(10);
        At(20);
        At(5);
        At(15);
        At(20);

        Assert.Equal(2, Begun().Count);
    }

    [Theory]
    [InlineData(OverlapPolicy.Allow, "10 20 30", "", "")]
    [InlineData(OverlapPolicy.Skip, "10", "40", "")]
    [InlineData(OverlapPolicy.QueueOne, "10", "30", "")]
    [InlineData(OverlapPolicy.QueueAll, "10", "20", "")]
    [InlineData(OverlapPolicy.Cancel, "10", "30", "cancel")]
    [InlineData(OverlapPolicy.Terminate, "10", "30", "terminate")]
    public void WhileARunGoesOn_WhatComesIsAsTheOverlapSays(OverlapPolicy overlap, string begunBefore, string begunAfter, string stopped)
    {
        Set(Every(10) with { Overlap = overlap });
        At(10);
        At(20);
        At(30);
        Assert.Equal(begunBefore, string.Join(' ', Begun().Select(b => (b.Begin.Cause.Interval!.Value.End - s_start).TotalSeconds)));
        var stops = Sent<StopRun>();
        Assert.Equal(stopped.Length > 0 ? [stopped == "terminate"] : [], stops.Select(s => s.Message.SkipHandlers));

        var before = Begun().Count;
        _now = s_start.AddSeconds(35);
        End(10);
        if (overlap == OverlapPolicy.Skip) At(40);

        Assert.Equal(begunAfter, string.Join(' ', Begun().Skip(before).Select(b => (b.Begin.Cause.Interval!.Value.End - s_start).TotalSeconds)));
    }

    [Theory]
    [InlineData(MissedKind.None, null, "")]
    [InlineData(MissedKind.Last, null, "900")]
    [InlineData(MissedKind.All, null, "300 600 900")]
    [InlineData(MissedKind.Within, 450, "600 900")]
    public void TimesThatWereMissed_AreMadeUpFor_AsIsSaid(MissedKind missed, int? within, string begun)
    {
        Set(Every(300) with { Missed = missed, MissedWithin = within is { } s ? TimeSpan.FromSeconds(s) : null, Overlap = OverlapPolicy.Allow });

        At(1000);

        Assert.Equal(begun, string.Join(' ', Begun().Select(b => (b.Begin.Cause.Interval!.Value.End - s_start).TotalSeconds)));
        Assert.Equal(3 - Begun().Count, Standing.Skipped);
        Assert.Equal(s_start.AddSeconds(1200), _schedule.DurableDue);
    }

    [Fact]
    public void ATimeOfUnderAMinuteAgo_IsNotMissed()
    {
        Set(Every(300) with { Missed = MissedKind.None });

        At(359);

        Assert.Single(Begun());
    }

    [Fact]
    public void OfAMillionMissedTimes_TheLastStarts_InSteps()
    {
        Set(Every(1));
        _now = s_start.AddSeconds(1_000_000);
        var steps = 0;
        for (; _schedule.DurableDue <= _now; steps++) _schedule.Tick(Moment);

        Assert.Equal(999_999, (Assert.Single(Begun()).Begin.Cause.Interval!.Value.End - s_start).TotalSeconds);
        Assert.Equal(s_start.AddSeconds(1_000_000), Standing.OldestWaiting);
        Assert.Equal(1_000_000, Standing.Skipped + Standing.Begun + Standing.Waiting);
        Assert.InRange(steps, 900, 1100);
    }

    [Fact]
    public void WhatIsToBeMadeUpFor_WaitsForAPlaceInTheQueue_WithoutBeingLeftOut()
    {
        Set(Every(10) with { Missed = MissedKind.All, Overlap = OverlapPolicy.QueueAll, Queue = 2 });

        At(100);
        Assert.Equal((1, 2), (Begun().Count, Standing.Waiting));
        Assert.Null(_schedule.DurableDue);
        for (var i = 1; i <= 10; i++) End(i * 10);

        Assert.Equal(Enumerable.Range(1, 10).Select(i => i * 10.0), Begun().Select(b => (b.Begin.Cause.Interval!.Value.End - s_start).TotalSeconds));
        Assert.Equal(0, Standing.Skipped);
        Assert.Equal(s_start.AddSeconds(110), _schedule.DurableDue);
    }

    [Fact]
    public void AQueueThatIsFull_LeavesTheNewestOut()
    {
        Set(Every(10) with { Missed = MissedKind.None, Overlap = OverlapPolicy.QueueAll, Queue = 2 });
        for (var i = 1; i <= 5; i++) At(i * 10);

        Assert.Equal((1, 2, 2L), (Begun().Count, Standing.Waiting, Standing.Skipped));
        Assert.Equal(s_start.AddSeconds(20), Standing.OldestWaiting);
    }

    [Fact]
    public void AsManyAsAreAllowed_GoOnSideBySide()
    {
        Set(Every(10) with { Parallel = 2, Overlap = OverlapPolicy.QueueAll });
        for (var i = 1; i <= 4; i++) At(i * 10);

        Assert.Equal((2, 2), (Standing.ActiveCount, Standing.Waiting));
        End(20);
        Assert.Equal([10, 20, 30], Begun().Select(b => (b.Begin.Cause.Interval!.Value.End - s_start).TotalSeconds));
    }

    [Fact]
    public void APause_SaysWhoAndWhy_AndTheTimesWithinAreLeftOut()
    {
        Set(Every(10) with { Missed = MissedKind.All, Overlap = OverlapPolicy.Allow });
        At(10);
        Command(ScheduleVerb.Pause, "the source is down");
        Command(ScheduleVerb.Pause, "again");
        Assert.Equal(new SchedulePause("olga", s_start.AddSeconds(10), "the source is down"), Standing.Pause);
        Assert.Null(_schedule.DurableDue);
        At(40);
        Command(ScheduleVerb.Resume);
        At(50);

        Assert.Equal([10, 50], Begun().Select(b => (b.Begin.Cause.Interval!.Value.End - s_start).TotalSeconds));
    }

    [Fact]
    public void WhatNoDeploymentHas_IsNotFound_AndStartsNothing()
    {
        var refused = Assert.Throws<RefusedException>(() => Command(ScheduleVerb.Pause));
        Assert.Equal((RefusalKind.NotFound, "FAN0002"), (refused.Kind, refused.Code));

        Set(Every(10));
        At(10);
        At(20);
        Receive(new RemoveSchedule());
        At(30);
        End(10);

        Assert.Single(Begun());
        Assert.Null(((ScheduleRow)_schedule.CurrentRow!).Standing);
        Assert.Throws<RefusedException>(() => Command(ScheduleVerb.Pause));
        // The names of its runs stay taken: put back, it goes on with times to come.
        Set(Every(10), deployment: 2);
        Assert.Equal(s_start.AddSeconds(40), _schedule.DurableDue);
    }

    [Fact]
    public void AReportThatComesTwice_CountsOnce()
    {
        Set(Every(10) with { Overlap = OverlapPolicy.QueueAll });
        At(10);
        At(20);
        At(30);
        End(10);
        End(10);

        Assert.Equal(2, Begun().Count);
    }

    [Fact]
    public void AReplay_GivesTheSame_AndSendsWhatWasNotAcknowledged()
    {
        Set(Every(10) with { Overlap = OverlapPolicy.Cancel, Parallel = 2 });
        for (var i = 1; i <= 4; i++) At(i * 10);
        End(10);
        var replayed = new ScheduleEntity(_schedule.Id);
        replayed.Replay(_schedule.TakeDecided().Events, acknowledged: 1);

        Assert.Equal(Text(_schedule), Text(replayed));
        var run = StreamId.Run("default", RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(20)));
        Assert.Equal(_schedule.OutboxTo(run, 10), replayed.OutboxTo(run, 10), new SameMessage());
    }

    [Fact]
    public void ABackfill_IsTold_AndHearsOfDeployments_UntilItHasEnded()
    {
        Set(Every(10), deployment: 3);
        var plan = new BackfillPlan("etl", "often", s_start.AddSeconds(-60), s_start, false, 2, -10, BackfillRerun.None, 0);
        var id = StreamId.Backfill("default", "b1");
        Backfill(plan, "b1");
        Backfill(plan, "b1");
        Set(Every(10) with { Priority = 4 }, deployment: 4);

        Assert.Equal((plan with { Total = 6 }, 3, "olga"), Sent<BeginBackfill>().Select(sent => (sent.Message.Plan, sent.Message.Deployment, sent.Message.Actor)).Single());
        Assert.Equal((id, 4), Sent<SetSchedule>().Select(sent => (sent.Run, sent.Message.Deployment)).Single());
        _schedule.Receive(id, [new OutboxMessage(1, _schedule.Id, new ReportBackfill("b1"))], Moment);
        _schedule.Receive(id, [new OutboxMessage(1, _schedule.Id, new ReportBackfill("b1"))], Moment);
        Set(Every(10), deployment: 5);
        Assert.Single(Sent<SetSchedule>());
        Backfill(plan, "b1");
        Assert.Single(Sent<BeginBackfill>());

        Backfill(plan, "b2");
        Receive(new RemoveSchedule());
        Assert.Equal(StreamId.Backfill("default", "b2"), Sent<RemoveSchedule>().Single().Run);
        Assert.Equal("FAN0002", Assert.Throws<RefusedException>(() => Backfill(plan, "b3")).Code);
    }

    [Theory]
    [InlineData(0, 5, "no interval")]
    [InlineData(-200_000, 0, "more than 10000 intervals")]
    public void ABackfillOfNothing_OrOfTooMuch_IsRefused(int from, int to, string what)
    {
        Set(Every(10));
        var refused = Assert.Throws<RefusedException>(() => Backfill(new BackfillPlan("etl", "often", s_start.AddSeconds(from), s_start.AddSeconds(to), true, 1, 0, BackfillRerun.All, 0), "b1"));

        Assert.Contains(what, refused.Message, StringComparison.Ordinal);
        Assert.Equal("from", Assert.Single(refused.Fields).Path);
    }

    [Fact]
    public void MoreBackfillsThanMayGoOn_AreRefused_UntilOneHasEnded()
    {
        Set(Every(10));
        var plan = new BackfillPlan("etl", "often", s_start.AddSeconds(-60), s_start, false, 1, 0, BackfillRerun.None, 0);
        for (var i = 0; i < Limits.OpenBackfills; i++) Backfill(plan, $"b{i}");
        Assert.Equal(RefusalKind.Conflict, Assert.Throws<RefusedException>(() => Backfill(plan, "another")).Kind);
        _schedule.Receive(StreamId.Backfill("default", "b7"), [new OutboxMessage(1, _schedule.Id, new ReportBackfill("b7"))], Moment);
        Backfill(plan, "another");
    }

    [Fact]
    public void ATimeThatABackfillHasStartedFirst_HoldsUpNothing()
    {
        Set(Every(10));
        At(10);
        var run = RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(10));
        _schedule.Receive(StreamId.Run("default", run), [new OutboxMessage(1, _schedule.Id, new ReportRun(run, RunStatus.Running, WasThere: true))], Moment);
        At(20);

        Assert.Equal(2, Begun().Count);
        Assert.Equal((1, (RunStatus?)null), (Standing.ActiveCount, Standing.LastEnd));
    }

    private void Backfill(BackfillPlan plan, string id) => _schedule.Backfill(new StartBackfill("default", "olga", id, plan), Moment with { Actor = "olga" });

    private static string Text(ScheduleEntity schedule) => System.Text.Json.JsonSerializer.Serialize(((ScheduleRow)schedule.CurrentRow!).Standing, ContractsJson.Default.ScheduleStanding);

    private ScheduleStanding Standing => ((ScheduleRow)_schedule.CurrentRow!).Standing!;

    private Moment Moment => new(_now, "system", 0, "inc", TimeSpan.Zero);

    private static ScheduleSpec Every(int seconds) => new() { Name = "often", Every = TimeSpan.FromSeconds(seconds) };

    private void Set(ScheduleSpec spec, int deployment = 1) => Receive(new SetSchedule(deployment, spec));

    private void Receive(EntityMessage message) => _schedule.Receive(s_flow, [new OutboxMessage(++_sent, _schedule.Id, message)], Moment);

    private void At(int seconds)
    {
        _now = s_start.AddSeconds(seconds);
        do _schedule.Tick(Moment);
        while (_schedule.DurableDue <= _now);
    }

    private void End(int seconds)
    {
        var run = RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(seconds));
        _schedule.Receive(StreamId.Run("default", run), [new OutboxMessage(1, _schedule.Id, new ReportRun(run, RunStatus.Succeeded))], Moment);
    }

    private void Command(ScheduleVerb verb, string? reason = null) => _schedule.Command(new CommandSchedule("default", "olga", "etl", "often", verb, reason), Moment with { Actor = "olga" });

    private List<(StreamId Run, BeginRun Begin)> Begun() => Sent<BeginRun>();

    private List<(StreamId Run, T Message)> Sent<T>()
        where T : EntityMessage
    {
        _schedule.TakeUnsent().ToList().ForEach(target => _targets.Add(target));
        return [.. _targets.Distinct().SelectMany(target => _schedule.OutboxTo(target, 100)).Where(m => m.Message is T).OrderBy(m => m.Sequence).Select(m => (m.Target, (T)m.Message))];
    }

    private readonly List<StreamId> _targets = [];

    private sealed class SameMessage : IEqualityComparer<OutboxMessage>
    {
        public bool Equals(OutboxMessage one, OutboxMessage other) => one.Sequence == other.Sequence && one.Message.GetType() == other.Message.GetType();

        public int GetHashCode(OutboxMessage message) => message.Sequence.GetHashCode();
    }
}
