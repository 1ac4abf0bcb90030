using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Core.Tests.Graph;

namespace Fanfare.Core.Tests.Notices;

/// <summary>What a run and a schedule raise by the rules of their flow.</summary>
public sealed class OutcomeNoticesTests
{
    // With more digits than the journal keeps.
    private static readonly DateTimeOffset s_t0 = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero).AddTicks(7);
    private static readonly StepKey s_start = new("start", SplitPath.Empty, new SplitPath(0)), s_end = new("end", SplitPath.Empty, new SplitPath(0));

    private static readonly NotifySpec[] s_rules =
    [
        new() { On = [NoticeKind.Failed, NoticeKind.Cancelled], To = ["oncall"] },
        new() { On = [NoticeKind.Late, NoticeKind.Succeeded], To = ["team", "boss"], Within = TimeSpan.FromHours(2), Title = "{{ flow }}" },
        new() { On = [NoticeKind.Late], To = ["boss"], Within = TimeSpan.FromHours(4) },
    ];

    [Fact]
    public void ARun_IsWatchedFromItsStart_AndToldOfAtItsEnd_ByTheRulesThatSpeakOfIt()
    {
        var (run, events) = Started(new StartRun("default", "ann", "sketch", null, "{}", [], 0, null, "r"));
        var watched = Sent<WatchRun>(run);
        Assert.Equal([("team,boss", 2d), ("boss", 4d)], watched.Select(sent => (string.Join(',', sent.Message.Content.Receivers), (sent.Message.Deadline - sent.Message.From).TotalHours)));
        Assert.Empty(Sent<RaiseNotice>(run));

        End(run, events);

        Assert.Equal(watched.Select(sent => sent.Target), Sent<EndWatch>(run).Select(sent => sent.Target));
        var raised = Assert.Single(Sent<RaiseNotice>(run));
        Assert.DoesNotContain(raised.Target, watched.Select(sent => sent.Target));
        Assert.Equal(("r", NoticeKind.Succeeded, "{{ flow }}"), (raised.Message.Content.Run, raised.Message.Content.Kind, raised.Message.Content.Title));
        Assert.Contains("\"status\":\"succeeded\"", raised.Message.Content.Payload, StringComparison.Ordinal);

        // It goes on from what is stored, which is not as exact.
        var stored = events.Select(entry => entry with { At = entry.At.AddTicks(-(entry.At.Ticks % TimeSpan.TicksPerMicrosecond)) });
        var replayed = new RunEntity(run.Id, Context());
        replayed.Replay(stored, 0);
        Assert.Equal(Text(run), Text(replayed));
    }

    [Fact]
    public void ARunThatIsRetried_IsToldOfAgain_AndIsNotLateASecondTime()
    {
        var (run, events) = Started(new StartRun("default", "ann", "sketch", null, "{}", [], 0, null, "r"));
        Receive(run, events, s_start, 1, new ReportFailure(s_start, 0, new TaskError("exit", "no")));
        Receive(run, events, s_start, 2, new ReportStep(s_start, 1, 0, 1));
        Assert.Equal(RunStatus.Failed, run.Status);
        run.Command(new CommandRun("default", "ann", "r", RunVerb.Retry, null), At());
        End(run, events);

        Assert.Equal([NoticeKind.Failed, NoticeKind.Succeeded], Sent<RaiseNotice>(run).Select(sent => sent.Message.Content.Kind));
        Assert.Equal((2, 2), (Sent<WatchRun>(run).Count, Sent<EndWatch>(run).Count));
    }

    [Fact]
    public void ARunOfAnInterval_IsLateByItsEnd_AndOneOfABackfillByItsOwnStart()
    {
        var interval = new DataInterval(s_t0.AddDays(-1), s_t0.AddHours(-1));
        TimeSpan Due(RunCause cause)
        {
            var run = new RunEntity(StreamId.Run("default", "r"), Context());
            run.Receive(StreamId.Schedule("default", "sketch", "nightly"), [new OutboxMessage(1, run.Id, new BeginRun("sketch", 1, "{}", [], 0, cause))], At());
            return Sent<WatchRun>(run)[0].Message.Deadline - s_t0;
        }

        Assert.Equal(1, Math.Round(Due(new RunCause("nightly", interval)).TotalHours, 6));
        Assert.Equal(2, Math.Round(Due(new RunCause("nightly", interval, Backfill: "b")).TotalHours, 6));
    }

    [Fact]
    public void TimesThatAScheduleLeavesOut_AreToldOfTogether_ForEachReason()
    {
        var schedule = new ScheduleEntity(StreamId.Schedule("default", "sketch", "often"));
        var spec = new ScheduleSpec { Name = "often", Every = TimeSpan.FromMinutes(1), Overlap = OverlapPolicy.Skip, Missed = MissedKind.None };
        var rule = new NotifySpec { On = [NoticeKind.Skipped], To = ["team"] };
        schedule.Receive(StreamId.Flow("default", "sketch"), [new OutboxMessage(1, schedule.Id, new SetSchedule(1, spec, [rule]))], At());
        void Look(double minutes) => schedule.Tick(At() with { Now = s_t0.AddMinutes(minutes) });

        Look(1.1);
        Look(2.1);
        Assert.Equal([("overlap", 1L)], Skipped(schedule));
        // Away for an hour; the last of the times is not missed yet, but the run before goes on.
        Look(62.1);
        Assert.Equal([("overlap", 1L), ("missed", 59L), ("overlap", 1L)], Skipped(schedule));
        Assert.Equal(3, Sent<RaiseNotice>(schedule).Select(sent => sent.Target).Distinct().Count());
    }

    private static List<(string, long)> Skipped(ScheduleEntity schedule) => [.. Sent<RaiseNotice>(schedule).Select(sent =>
    {
        using var payload = JsonDocument.Parse(sent.Message.Content.Payload);
        return (payload.RootElement.GetProperty("reason").GetString()!, payload.RootElement.GetProperty("count").GetInt64());
    })];

    private static (RunEntity Run, List<JournalEvent> Events) Started(StartRun start)
    {
        var run = new RunEntity(StreamId.Run("default", "r"), Context());
        run.Start(start, At());
        return (run, [.. run.TakeDecided().Events]);
    }

    private static RunContext Context() => new(Sketch.Graph(Sketch.Flow("start > end; end") with { Notify = s_rules }), 1, "{}", null);

    private static void End(RunEntity run, List<JournalEvent> events)
    {
        Receive(run, events, s_end, 1, new ReportEnd(s_end));
        Assert.Equal(RunStatus.Succeeded, run.Status);
    }

    private static void Receive(RunEntity run, List<JournalEvent> events, StepKey from, long sequence, EntityMessage message)
    {
        run.Receive(StreamId.Step("default", "r", from), [new OutboxMessage(sequence, run.Id, message)], At());
        events.AddRange(run.TakeDecided().Events);
    }

    private static readonly System.Runtime.CompilerServices.ConditionalWeakTable<Entity, HashSet<StreamId>> s_targets = [];

    private static List<(StreamId Target, T Message)> Sent<T>(Entity entity)
        where T : EntityMessage => [.. Outbox(entity).Where(sent => sent.Message is T).Select(sent => (sent.Target, (T)sent.Message))];

    private static List<OutboxMessage> Outbox(Entity entity)
    {
        var targets = s_targets.GetOrCreateValue(entity);
        targets.UnionWith(entity.TakeUnsent());
        return [.. targets.SelectMany(target => entity.OutboxTo(target, 1000)).OrderBy(sent => sent.Sequence)];
    }

    private static string Text(Entity entity) => JsonSerializer.Serialize(Outbox(entity).Select(sent => new Envelope(entity.Id, sent.Sequence, sent.Target, sent.Message)), JsonSerializerOptions.Web);

    private static Moment At() => new(s_t0, "test", 1, "inc", TimeSpan.Zero);
}
