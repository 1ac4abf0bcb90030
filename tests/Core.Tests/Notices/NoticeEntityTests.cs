using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Notices;

public sealed class NoticeEntityTests
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly StreamId s_run = StreamId.Run("default", "r1");
    private static readonly NoticeContent s_content = new("etl", "r1", null, NoticeKind.Failed, """{"run":"r1"}""", ["oncall", "team"], "{{flow}}", null);

    private readonly NoticeEntity _notice = new(StreamId.Notice("default", "n1"));
    private DateTimeOffset _now = s_start;
    private long _sent;

    [Fact]
    public void EachReceiverIsToldOnItsOwn_AndOnceAtATime()
    {
        Receive(new RaiseNotice(s_content));

        var told = Due();
        Assert.Equal(["oncall", "team"], told.Select(errand => errand.Receiver));
        Assert.All(told, errand => Assert.Equal(new Notice("n1", "default", "etl", NoticeKind.Failed, s_start, """{"run":"r1"}""", "{{flow}}", null), errand.Notice));
        Assert.Empty(Due());
        Assert.Null(_notice.TickAfter(_now, default));
        // A node that takes over knows nothing of who is being told, and tells them.
        Assert.Equal(s_start, _notice.DurableDue);
        Assert.Equal(2, Replayed().TakeDue(_now).Count);

        _notice.Answered("oncall", new NoticeAnswer(NoticeOutcome.Told), At());
        _notice.Answered("oncall", new NoticeAnswer(NoticeOutcome.Later, "no"), At());
        Assert.Equal([NoticeState.Told, NoticeState.Pending], Deliveries.Select(delivery => delivery.State));
    }

    [Fact]
    public void WhatDidNotArrive_IsTriedAgain_LaterEachTime_AndAsTheReceiverAsks_ForADay()
    {
        Receive(new RaiseNotice(s_content with { Receivers = ["oncall"] }));
        var waits = new List<TimeSpan>();

        while (Deliveries[0].State == NoticeState.Pending)
        {
            Assert.Equal("oncall", Assert.Single(Due()).Receiver);
            _notice.Answered("oncall", new NoticeAnswer(NoticeOutcome.Later, "503", waits.Count == 3 ? TimeSpan.FromMinutes(7) : null), At());
            if (Deliveries[0].Due is not { } due) break;
            waits.Add(due - _now);
            Assert.Empty(Due());
            Assert.Equal(due - _now, _notice.TickAfter(_now, default));
            _now = due;
        }

        Assert.InRange(waits[0], TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(5));
        Assert.InRange(waits[1], TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(10));
        Assert.Equal(TimeSpan.FromMinutes(7), waits[3]);
        Assert.All(waits, wait => Assert.InRange(wait, TimeSpan.FromSeconds(4), TimeSpan.FromMinutes(15)));
        Assert.InRange(_now - s_start, NoticePolicy.TriedFor - TimeSpan.FromMinutes(15), NoticePolicy.TriedFor);
        Assert.Equal((NoticeState.Dead, "503", waits.Count + 1), (Deliveries[0].State, Deliveries[0].Reason, Deliveries[0].Tries));
        Assert.Null(_notice.DurableDue);
        Assert.True(((NoticeRow)_notice.CurrentRow!).IsDead);
    }

    [Fact]
    public void WhatCannotArrive_IsADeadLetterAtOnce_UntilItIsRedrivenOrDismissed()
    {
        Receive(new RaiseNotice(s_content));
        Due();
        foreach (var receiver in s_content.Receivers) _notice.Answered(receiver, new NoticeAnswer(NoticeOutcome.Refused, new string('x', Limits.ErrorChars + 1)), At());
        Assert.All(Deliveries, delivery => Assert.Equal((NoticeState.Dead, Limits.ErrorChars), (delivery.State, delivery.Reason!.Length)));

        _now += TimeSpan.FromDays(3);
        Assert.Equal(["team"], Command(DeadLetterVerb.Redrive, "team").Select(delivery => delivery.Receiver));
        Assert.Equal(["team"], Due().Select(errand => errand.Receiver));
        // Its day begins anew.
        _notice.Answered("team", new NoticeAnswer(NoticeOutcome.Later, "503"), At());
        Assert.Equal((NoticeState.Pending, 1), (Deliveries[1].State, Deliveries[1].Tries));

        Assert.Equal(["oncall"], Command(DeadLetterVerb.Dismiss).Select(delivery => delivery.Receiver));
        Assert.Empty(Command(DeadLetterVerb.Redrive));
        Assert.Equal([NoticeState.Dismissed, NoticeState.Pending], Deliveries.Select(delivery => delivery.State));
    }

    [Fact]
    public void ARunThatIsWatched_IsLookedAt_UntilItIsLateOrHasEnded()
    {
        var deadline = s_start.AddHours(1);
        Receive(new WatchRun(s_content with { Kind = NoticeKind.Late }, s_start, deadline));
        Assert.False(((NoticeRow)_notice.CurrentRow!).IsRaised);
        Assert.Equal(new LookErrand("default", "r1", "etl", s_start, deadline), Assert.IsType<LookErrand>(Assert.Single(_notice.TakeDue(_now))));
        Assert.Empty(_notice.TakeDue(_now));

        _notice.LookedAt(new RunOutlook(IsOver: false, s_start.AddMinutes(40)), At());
        // Twenty minutes to spare.
        Assert.Equal(s_start.AddMinutes(20), _notice.DurableDue);
        _now = s_start.AddMinutes(20);
        Assert.Single(_notice.TakeDue(_now));
        _notice.LookedAt(new RunOutlook(IsOver: false, s_start.AddMinutes(61)), At());

        var row = (NoticeRow)_notice.CurrentRow!;
        Assert.Equal("""{"run":"r1","deadline":"2030-01-01T01:00:00.000000Z","expected_at":"2030-01-01T01:01:00.000000Z"}""", row.Standing.Content.Payload);
        Assert.Equal(2, Due().Count);
        Receive(new EndWatch());
        Assert.Equal(2, Deliveries.Count);
    }

    [Fact]
    public void ARunThatEndsInTime_IsToldOfToNobody()
    {
        Receive(new WatchRun(s_content with { Kind = NoticeKind.Late }, s_start, s_start.AddHours(1)));
        _notice.TakeDue(_now);
        Receive(new EndWatch());
        // What was seen before does not count any more.
        _notice.LookedAt(new RunOutlook(IsOver: false, s_start.AddHours(9)), At());

        Assert.False(((NoticeRow)_notice.CurrentRow!).IsRaised);
        Assert.Null(_notice.DurableDue);
        Assert.Empty(_notice.TakeDue(s_start.AddDays(1)));
    }

    [Fact]
    public void OfWhatNobodyRaised_ThereIsNoNotice() => Assert.Equal(RefusalKind.NotFound, Assert.Throws<RefusedException>(() => Command(DeadLetterVerb.Redrive)).Kind);

    private IReadOnlyList<NoticeDelivery> Deliveries => ((NoticeRow)Replayed().CurrentRow!).Standing.Deliveries;

    private List<TellErrand> Due() => [.. _notice.TakeDue(_now).Cast<TellErrand>()];

    private IReadOnlyList<NoticeDelivery> Command(DeadLetterVerb verb, string? receiver = null) => _notice.Command(new CommandNotice("default", "olga", "n1", verb, receiver), At());

    private void Receive(EntityMessage message) => _notice.Receive(s_run, [new OutboxMessage(++_sent, _notice.Id, message)], At());

    // What is durable is the same after a replay.
    private readonly List<JournalEvent> _events = [];

    private NoticeEntity Replayed()
    {
        _events.AddRange(_notice.TakeDecided().Events);
        var replayed = new NoticeEntity(_notice.Id);
        replayed.Replay(_events, long.MaxValue);
        return replayed;
    }

    private Moment At() => new(_now, "olga", 7, "i", _now - s_start);
}
