using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Backfills;

public sealed class BackfillEntityTests
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly StreamId s_schedule = StreamId.Schedule("default", "etl", "often");
    private readonly BackfillEntity _backfill = new(StreamId.Backfill("default", "b1"));
    private readonly List<StreamId> _targets = [];
    private long _sent;

    [Fact]
    public void Intervals_AreTakenUpInOrder_AsManyAsMayGoOn_AndGetTheRunsThatTheScheduleWouldHaveStarted()
    {
        Start(Plan(0, 40) with { Parallel = 2, Priority = -7 }, Every(10) with { Parameters = """{"mode":"full"}""", IntervalStart = "from", Tags = ["nightly"], Priority = 5 });

        Assert.Equal([10, 20], Begun());
        var (run, begin) = Sent<BeginRun>()[0];
        Assert.Equal(StreamId.Run("default", RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(10))), run);
        Assert.Equal(("etl", 1, -7), (begin.Flow, begin.Deployment, begin.Priority));
        Assert.Equal("""{"mode":"full","from":"2030-01-01T00:00:00Z"}""", begin.Parameters);
        Assert.Equal(["nightly", "schedule:often", "backfill:b1"], begin.Tags);
        Assert.Equal(new RunCause("often", new DataInterval(s_start, s_start.AddSeconds(10)), Backfill: "b1"), begin.Cause);
        Assert.Equal("backfill:b1", begin.Cause.Actor());

        End(20, RunStatus.Failed);
        Assert.Equal([10, 20, 30], Begun());
        End(10, RunStatus.Succeeded);
        End(30, RunStatus.Succeeded);
        End(30, RunStatus.Succeeded);
        Assert.Equal((BackfillState.Running, 4, 1), (Standing.State, Standing.Taken, Standing.ActiveCount));
        End(40, RunStatus.Cancelled);
        Assert.Equal((BackfillState.Done, 4, 2, 1, 1, 0), (Standing.State, Standing.Taken, Standing.Succeeded, Standing.Failed, Standing.Cancelled, Standing.ActiveCount));
        Assert.NotNull(Standing.EndedAt);
        Assert.Equal([s_schedule], Sent<ReportBackfill>().Select(sent => sent.Target));
    }

    [Theory]
    [InlineData(0, 40, false, "10 20 30 40")]
    [InlineData(0, 40, true, "40 30 20 10")]
    [InlineData(1, 39, false, "20 30")]
    [InlineData(1, 39, true, "30 20")]
    [InlineData(10, 20, true, "20")]
    public void IntervalsThatLieWhollyWithinTheRange_AreMeant(int from, int to, bool newestFirst, string expected)
    {
        Start(Plan(from, to) with { NewestFirst = newestFirst, Parallel = 100 }, Every(10));

        Assert.Equal(expected, string.Join(' ', Begun()));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void NothingIsDue_BeforeTheSchedulesStart_NorAtItsEnd(bool newestFirst)
    {
        Start(Plan(0, 100) with { NewestFirst = newestFirst, Parallel = 100 }, Every(10) with { Start = s_start.AddSeconds(20), End = s_start.AddSeconds(50) });

        Assert.Equal([20, 30, 40], Begun().Order());
    }

    [Fact]
    public void TimesOfTheCalendar_AreFoundAcrossAChangeOfClocks()
    {
        var spec = new ScheduleSpec { Name = "often", Cron = "30 2 * * *", TimeZone = "Europe/Berlin" };
        var plan = Plan(0, 0) with { From = new DateTimeOffset(2030, 3, 29, 1, 30, 0, TimeSpan.Zero), To = new DateTimeOffset(2030, 4, 1, 0, 30, 0, TimeSpan.Zero), Parallel = 100 };
        Start(plan, spec);

        // The 31st has no 02:30: it is due when the gap is over, at 01:00 UTC.
        Assert.Equal(
            ["2030-03-29T01:30:00Z 2030-03-30T01:30:00Z", "2030-03-30T01:30:00Z 2030-03-31T01:00:00Z", "2030-03-31T01:00:00Z 2030-04-01T00:30:00Z"],
            Sent<BeginRun>().Select(sent => $"{ScheduleParameters.Text(sent.Message.Cause.Interval!.Value.Start)} {ScheduleParameters.Text(sent.Message.Cause.Interval!.Value.End)}"));
    }

    [Theory]
    [InlineData(BackfillRerun.None, RunStatus.Failed, "present")]
    [InlineData(BackfillRerun.Failed, RunStatus.Failed, "again")]
    [InlineData(BackfillRerun.Failed, RunStatus.Cancelled, "again")]
    [InlineData(BackfillRerun.Failed, RunStatus.Succeeded, "present")]
    [InlineData(BackfillRerun.Failed, RunStatus.Running, "present")]
    public void AnIntervalThatHadItsRun_IsPassedOver_OrRunAgainWhereItFailed(BackfillRerun rerun, RunStatus status, string expected)
    {
        Start(Plan(0, 20) with { Rerun = rerun }, Every(10));
        Report(RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(10)), status, wasThere: true);

        var again = RunIds.OfBackfill("default", "b1", s_start.AddSeconds(10));
        Assert.Equal(expected == "again" ? [again] : [RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(20))], Standing.Active);
        Assert.Equal(expected == "present" ? 1 : 0, Standing.Present);
        if (expected != "again") return;
        Report(again, RunStatus.Succeeded);
        Assert.Equal((2, 1, 0), (Standing.Taken, Standing.Succeeded, Standing.Present));
    }

    [Fact]
    public void AllIntervals_CanBeRunAgain_UnderIdsOfTheBackfill()
    {
        Start(Plan(0, 20) with { Rerun = BackfillRerun.All, Parallel = 5 }, Every(10));

        Assert.Equal([RunIds.OfBackfill("default", "b1", s_start.AddSeconds(10)), RunIds.OfBackfill("default", "b1", s_start.AddSeconds(20))], Standing.Active);
    }

    [Fact]
    public void APause_KeepsTheRestBack_AndSaysWhoAndWhy_UntilItIsResumed()
    {
        Start(Plan(0, 40), Every(10));
        Command(BackfillVerb.Pause, "the source is down");
        Command(BackfillVerb.Pause, "again");
        End(10, RunStatus.Succeeded);

        Assert.Equal([10], Begun());
        Assert.Equal((BackfillState.Paused, "olga", "the source is down"), (Standing.State, Standing.Pause!.Actor, Standing.Pause.Reason));
        Command(BackfillVerb.Resume);
        Assert.Equal([10, 20], Begun());
        Assert.Null(Standing.Pause);
    }

    [Fact]
    public void ACancelledBackfill_BeginsNothingMore_AndCancelsItsRunsWhereThatIsAskedFor()
    {
        Start(Plan(0, 40) with { Parallel = 2 }, Every(10));
        Command(BackfillVerb.Cancel, "not needed");
        Assert.Equal((BackfillState.Cancelling, "not needed"), (Standing.State, Standing.Reason));
        Assert.Empty(Sent<StopRun>());
        Command(BackfillVerb.Cancel, runs: true);
        Command(BackfillVerb.Cancel, runs: true);
        Assert.Equal(2, Sent<StopRun>().Count);
        End(10, RunStatus.Cancelled);
        End(20, RunStatus.Cancelled);

        Assert.Equal((BackfillState.Cancelled, 2, 2), (Standing.State, Standing.Taken, Standing.Cancelled));
        Assert.Single(Sent<ReportBackfill>());
        Command(BackfillVerb.Cancel);
        Assert.Equal("FAN0003", Assert.Throws<RefusedException>(() => Command(BackfillVerb.Resume)).Code);
    }

    [Fact]
    public void ALaterDeployment_IsWhatBeginsFromThenOn_AtTheTimesOfTheFirst()
    {
        Start(Plan(0, 30), Every(10));
        Receive(new SetSchedule(2, Every(7) with { Parameters = """{"mode":"new"}""" }));
        End(10, RunStatus.Succeeded);

        Assert.Equal([10, 20], Begun());
        Assert.Equal((2, """{"mode":"new"}"""), (Sent<BeginRun>()[^1].Message.Deployment, Sent<BeginRun>()[^1].Message.Parameters));
        Receive(new RemoveSchedule());
        End(20, RunStatus.Succeeded);
        Assert.Equal((BackfillState.Cancelled, "the flow has no such schedule any more"), (Standing.State, Standing.Reason));
    }

    [Fact]
    public void AReplay_GivesTheSame_AndSendsWhatWasNotAcknowledged()
    {
        Start(Plan(0, 60) with { Rerun = BackfillRerun.Failed, Parallel = 2 }, Every(10));
        Report(RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(10)), RunStatus.Failed, wasThere: true);
        End(20, RunStatus.Succeeded);
        Command(BackfillVerb.Cancel, runs: true);
        var sent = Sent<EntityMessage>().Select(each => each.Target).Distinct().ToList();
        var replayed = new BackfillEntity(_backfill.Id);
        replayed.Replay(_backfill.TakeDecided().Events, acknowledged: 0);

        Assert.Equal(Text(_backfill), Text(replayed));
        foreach (var target in sent) Assert.Equal(_backfill.OutboxTo(target, 10).Select(m => (m.Sequence, Text(m.Message))), replayed.OutboxTo(target, 10).Select(m => (m.Sequence, Text(m.Message))));
    }

    [Fact]
    public void WhatWasNeverStarted_TakesNoCommand() => Assert.Equal("FAN0002", Assert.Throws<RefusedException>(() => Command(BackfillVerb.Pause)).Code);

    private BackfillStanding Standing => ((BackfillRow)_backfill.CurrentRow!).Standing;

    private static Moment Moment => new(s_start.AddDays(1), "system", 0, "inc", TimeSpan.Zero);

    private static ScheduleSpec Every(int seconds) => new() { Name = "often", Every = TimeSpan.FromSeconds(seconds) };

    private static BackfillPlan Plan(int from, int to) => new("etl", "often", s_start.AddSeconds(from), s_start.AddSeconds(to), false, 1, 0, BackfillRerun.None, 0);

    private static string Text(BackfillEntity backfill) => JsonSerializer.Serialize(((BackfillRow)backfill.CurrentRow!).Standing, ContractsJson.Default.BackfillStanding);

    private static string Text(EntityMessage message) => JsonSerializer.Serialize(message, ContractsJson.Default.EntityMessage);

    private void Start(BackfillPlan plan, ScheduleSpec spec) => Receive(new BeginBackfill(plan, 1, spec, "ann"));

    private void Receive(EntityMessage message) => _backfill.Receive(s_schedule, [new OutboxMessage(++_sent, _backfill.Id, message)], Moment);

    private void End(int seconds, RunStatus status) => Report(RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(seconds)), status);

    private void Report(string run, RunStatus status, bool wasThere = false) =>
        _backfill.Receive(StreamId.Run("default", run), [new OutboxMessage(1, _backfill.Id, new ReportRun(run, status, wasThere))], Moment);

    private void Command(BackfillVerb verb, string? reason = null, bool runs = false) => _backfill.Command(new CommandBackfill("default", "olga", "b1", verb, reason, runs), Moment with { Actor = "olga" });

    // Seconds of the intervals' ends.
    private List<int> Begun() => [.. Sent<BeginRun>().Select(sent => (int)(sent.Message.Cause.Interval!.Value.End - s_start).TotalSeconds)];

    private List<(StreamId Target, T Message)> Sent<T>()
        where T : EntityMessage
    {
        _targets.AddRange(_backfill.TakeUnsent().Except(_targets));
        return [.. _targets.SelectMany(target => _backfill.OutboxTo(target, 100)).Where(m => m.Message is T).OrderBy(m => m.Sequence).Select(m => (m.Target, (T)m.Message))];
    }
}
