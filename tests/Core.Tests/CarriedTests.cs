using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core.Tests;

/// <summary>Streams that never end are read from an event on that says all before it: nothing of what follows is another for that.</summary>
public sealed class CarriedTests
{
    private const int CarriedAfter = 8;

    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void ASchedule_GoesOnFromWhatIsCarried_AsFromAllBefore()
    {
        var (schedule, events) = (new ScheduleEntity(StreamId.Schedule("default", "etl", "often"), CarriedAfter), new List<JournalEvent>());
        var rule = new NotifySpec { On = [NoticeKind.Skipped], To = ["team"] };
        Receive(schedule, StreamId.Flow("default", "etl"), 7, new SetSchedule(3, Spec(OverlapPolicy.QueueAll), [rule]));
        schedule.Backfill(new StartBackfill("default", "olga", "b1", new BackfillPlan("etl", "often", s_start.AddSeconds(-60), s_start, false, 1, 0, BackfillRerun.None, 0)), At(0));
        for (var i = 1; i < 60; i++)
        {
            schedule.Tick(At(i * 10));
            // Two go on, and some wait; everything that was sent has arrived.
            if (i % 2 == 0) End(schedule, i / 2, i * 10);
            Acknowledge(schedule);
            schedule.Tick(At(i * 10));
            events.AddRange(schedule.TakeDecided().Events);
        }
        var carried = events.FindAll(entry => entry.Event is ScheduleCarried);
        Assert.InRange(carried.Count, 3, 60);

        foreach (var from in carried)
        {
            var (whole, short_) = (Replayed(events, last: events[^1].Sequence, from: 1), Replayed(events, events[^1].Sequence, from.Sequence));
            Assert.Equal(Text(whole), Text(short_));
            Assert.Equal((whole.Sequence, whole.OutboxSequence, whole.CarriedAt), (short_.Sequence, short_.OutboxSequence, short_.CarriedAt));
            // And on: the same is decided, told under the same places, and what was had is known.
            foreach (var each in new[] { whole, short_ })
            {
                Receive(each, StreamId.Flow("default", "etl"), 7, new SetSchedule(9, Spec(OverlapPolicy.Allow)), 600);
                each.Backfill(new StartBackfill("default", "olga", "b1", new BackfillPlan("etl", "often", s_start, s_start, false, 1, 0, BackfillRerun.None, 0)), At(600));
                Assert.Equal(0, each.DecidedCount);
                Receive(each, StreamId.Flow("default", "etl"), 8, new RemoveSchedule(), 600);
            }
            Assert.Equal(Text(whole), Text(short_));
            Assert.Equal(Messages(whole), Messages(short_));
        }
    }

    [Fact]
    public void NothingIsCarried_WhileAMessageIsOnItsWay()
    {
        var schedule = new ScheduleEntity(StreamId.Schedule("default", "etl", "often"), CarriedAfter);
        Receive(schedule, StreamId.Flow("default", "etl"), 1, new SetSchedule(1, Spec(OverlapPolicy.Allow)));
        for (var i = 1; i < 20; i++) schedule.Tick(At(i * 10));
        Assert.DoesNotContain(schedule.TakeDecided().Events, entry => entry.Event is ScheduleCarried);

        Acknowledge(schedule);
        schedule.Tick(At(190));
        Assert.Contains(schedule.TakeDecided().Events, entry => entry.Event is ScheduleCarried);
    }

    [Fact]
    public void ATrigger_GoesOnFromWhatIsCarried_AndKnowsWhatItHasHad()
    {
        var spec = new TriggerSpec { Name = "all", All = true, Within = TimeSpan.FromDays(1), Sources = [new TriggerSource { Event = "a" }, new TriggerSource { Event = "b" }, new TriggerSource { Event = "c" }] };
        var (trigger, events) = (new TriggerEntity(StreamId.Trigger("default", "etl", "all"), CarriedAfter), new List<JournalEvent>());
        for (var i = 0; i < 40; i++)
        {
            Take(trigger, spec, i);
            Acknowledge(trigger);
            events.AddRange(trigger.TakeDecided().Events);
        }
        var carried = events.FindLast(entry => entry.Event is TriggerCarried)!;
        Assert.True(events.Count - carried.Sequence < CarriedAfter);

        var again = new TriggerEntity(trigger.Id, CarriedAfter);
        again.Replay(events.Where(entry => entry.Sequence >= carried.Sequence), long.MaxValue);
        // One that it has had, and then what it lacks.
        Take(again, spec, 39);
        Assert.Empty(again.TakeDecided().Events);
        for (var i = 40; i < 43; i++)
        {
            Take(trigger, spec, i);
            Take(again, spec, i);
        }
        var messages = Messages(trigger);
        Assert.NotEqual("[]", messages);
        Assert.Equal(messages, Messages(again));
    }

    private static ScheduleSpec Spec(OverlapPolicy overlap) => new() { Name = "often", Every = TimeSpan.FromSeconds(10), Overlap = overlap, Parallel = 2, Queue = 3, Missed = MissedKind.None };

    private static ScheduleEntity Replayed(List<JournalEvent> events, long last, long from)
    {
        var schedule = new ScheduleEntity(StreamId.Schedule("default", "etl", "often"), CarriedAfter);
        schedule.Replay(events.Where(entry => entry.Sequence >= from && entry.Sequence <= last), long.MaxValue);
        return schedule;
    }

    private static void Receive(Entity entity, StreamId sender, long sequence, EntityMessage message, int at = 0) => entity.Receive(sender, [new OutboxMessage(sequence, entity.Id, message)], At(at));

    private static void End(ScheduleEntity schedule, int number, int at)
    {
        var run = RunIds.OfSchedule("default", "etl", "often", s_start.AddSeconds(number * 10));
        Receive(schedule, StreamId.Run("default", run), 1, new ReportRun(run, number % 3 == 0 ? RunStatus.Failed : RunStatus.Succeeded), at);
    }

    private static void Take(TriggerEntity trigger, TriggerSpec spec, int number) =>
        Receive(trigger, StreamId.Event("default", $"e{number}"), 1, new TakeEvent($"e{number}", s_start.AddSeconds(number), 1, new HeldEvent(number % 3, $$"""{"n":{{number}}}""", spec)));

    private static void Acknowledge(Entity entity)
    {
        foreach (var target in entity.TakeUnsent())
            if (entity.OutboxTo(target, 1000) is [.., var last]) entity.Acknowledge(target, last.Sequence);
    }

    private static string Messages(Entity entity) => JsonSerializer.Serialize(
        entity.TakeUnsent().SelectMany(target => entity.OutboxTo(target, 1000)).OrderBy(sent => sent.Sequence).Select(sent => new Envelope(entity.Id, sent.Sequence, sent.Target, sent.Message)), JsonSerializerOptions.Web);

    private static string Text(ScheduleEntity schedule) => JsonSerializer.Serialize(((ScheduleRow)schedule.CurrentRow!).Standing, ContractsJson.Default.ScheduleStanding);

    private static Moment At(int seconds) => new(s_start.AddSeconds(seconds), "system", 0, "inc", TimeSpan.FromSeconds(seconds));
}
