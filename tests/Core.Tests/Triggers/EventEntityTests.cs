using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Triggers;

public sealed class EventEntityTests
{
    private static readonly DateTimeOffset s_start = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private static readonly EventOrigin s_origin = new(EventKind.Event, "loaded");
    private static readonly TriggerSpec s_all = new() { Name = "all", All = true, Within = TimeSpan.FromMinutes(1), Sources = [new TriggerSource { Event = "a" }, new TriggerSource { Event = "b" }], Parameters = """{"x":1}""", Priority = 2 };

    private readonly EventEntity _event = new(StreamId.Event("default", "e1"));
    private readonly TriggerEntity _trigger = new(StreamId.Trigger("default", "report", "all"));

    [Fact]
    public void AnEventIsPublishedOnce_AndWhatItStartsFollowsFromIt()
    {
        var started = new TriggerOutcome("etl", "on", 2, TriggerResult.Started, new TriggeredStart("r1", "{}", ["trigger:on"], 4));
        var held = new TriggerOutcome("report", "all", 3, TriggerResult.Held, Held: new HeldEvent(0, "{}", s_all));

        var first = _event.Publish(s_origin, "{}", "k", [started, held], Now);
        var second = _event.Publish(s_origin, """{"other":1}""", "k", [], Now);

        Assert.True(first.New);
        Assert.False(second.New);
        Assert.Equal([started, held], second.Outcomes);
        var begin = Assert.IsType<BeginRun>(Assert.Single(Sent(StreamId.Run("default", "r1"))));
        Assert.Equal(("etl", 2, "on"), (begin.Flow, begin.Deployment, begin.Cause.Trigger));
        Assert.Equal(["e1"], begin.Cause.Events);
        Assert.Equal(new TakeEvent("e1", s_start, 3, held.Held!), Assert.Single(Sent(_trigger.Id)));
        Assert.Empty(_event.TakeDecided().Rows.OfType<DeadLetterRow>());
    }

    [Fact]
    public void WhatCouldNotStart_IsADeadLetter_UntilItIsTriedAgainOrDismissed()
    {
        TriggerOutcome Failed(string trigger) => new("etl", trigger, 1, TriggerResult.Failed, Reason: "no day");
        _event.Publish(s_origin, "{}", null, [Failed("a"), Failed("b"), Failed("c")], Now);
        Assert.Equal(["a", "b", "c"], Letters().Select(letter => letter.Trigger));

        var tried = _event.Redrive([Failed("a") with { Reason = "still none" }, new("etl", "b", 2, TriggerResult.Started, new TriggeredStart("r2", "{}", [], 0)), new("etl", "x", 2, TriggerResult.Started)], Now);

        Assert.Equal(["a", "b"], tried.Select(outcome => outcome.Trigger));
        Assert.Equal([("a", "still none"), ("b", null)], Letters().Select(letter => (letter.Trigger, letter.Reason)));
        Assert.Single(Sent(StreamId.Run("default", "r2")));
        Assert.Empty(_event.Redrive([new("etl", "b", 2, TriggerResult.Started, new TriggeredStart("r3", "{}", [], 0))], Now));

        Assert.Equal(["c"], _event.Dismiss(trigger => trigger.Trigger == "c", Now).Select(outcome => outcome.Trigger));
        Assert.Equal([("c", null)], Letters().Select(letter => (letter.Trigger, letter.Reason)));
        Assert.Equal([new TriggerName("etl", "a")], _event.Read().Dead);
    }

    [Fact]
    public void WhatNobodyPublished_IsNoEvent() =>
        Assert.Equal(RefusalKind.NotFound, Assert.Throws<RefusedException>(() => _event.Read()).Kind);

    [Fact]
    public void ATriggerOfSeveral_StartsARunByTheNewestOfEach_OnceAllAreThere()
    {
        Take("e1", 0, 0, """{"day":"old"}""");
        Take("e2", 5, 0, """{"day":"new"}""");
        Assert.Empty(Begun());
        Assert.Equal([new HadEvent(0, "e2", s_start.AddSeconds(5), """{"day":"new"}""")], _trigger.HeldFor(s_all));
        Assert.Empty(_trigger.HeldFor(s_all with { Sources = [new TriggerSource { Event = "a" }, new TriggerSource { Event = "c" }] }));
        Take("e3", 30, 1, """{"n":3}""");

        var begin = Assert.Single(Begun());
        Assert.Equal("""{"x":1,"day":"new","n":3}""", begin.Parameters);
        Assert.Equal(["e2", "e3"], begin.Cause.Events);
        Assert.Equal(2, begin.Priority);

        Assert.Empty(_trigger.HeldFor(s_all));

        // They are used up, and what was superseded does not come back.
        Take("e1", 0, 0);
        Take("e4", 31, 1);
        Assert.Single(Begun());
        Take("e5", 32, 0);
        Assert.Equal(2, Begun().Count);
    }

    [Fact]
    public void WhatLiesTooFarApart_StartsNothing()
    {
        Take("e1", 0, 0);
        Take("e2", 61, 1);
        Assert.Empty(Begun());
        Take("e3", 62, 0);
        Assert.Single(Begun());
    }

    [Fact]
    public void AnEventThatComesTwice_CountsOnce()
    {
        Take("e1", 0, 0);
        Take("e2", 1, 1);
        Take("e2", 1, 1);
        Take("e1", 0, 0);

        Assert.Single(Begun());
        Assert.Equal(2, _trigger.Sequence);
    }

    [Fact]
    public void ADeploymentThatListensToSomethingElse_BeginsAnew_AndWhatComesLateOfTheOneBeforeIsLeftOut()
    {
        var changed = s_all with { Sources = [new TriggerSource { Event = "c" }, new TriggerSource { Event = "b" }] };
        Take("e1", 0, 0);
        Take("e2", 1, 1, deployment: 2, spec: changed);
        Take("e3", 2, 0);
        Assert.Empty(Begun());
        Take("e4", 3, 0, deployment: 2, spec: changed);

        Assert.Equal(["e4", "e2"], Assert.Single(Begun()).Cause.Events);
    }

    [Fact]
    public void AReplay_SendsTheSame()
    {
        Take("e1", 0, 0, """{"day":"x"}""");
        Take("e2", 1, 1);
        var begun = Begun();

        var again = new TriggerEntity(_trigger.Id);
        again.Replay(_trigger.TakeDecided().Events, 0);

        Assert.Equal(System.Text.Json.JsonSerializer.Serialize(begun), System.Text.Json.JsonSerializer.Serialize(again.TakeUnsent().SelectMany(target => again.OutboxTo(target, 100)).Select(sent => sent.Message).OfType<BeginRun>()));
    }

    private static Moment Now => new(s_start, "ann", 0, "life", TimeSpan.Zero);

    private void Take(string id, int at, int source, string parameters = "{}", int deployment = 1, TriggerSpec? spec = null)
    {
        var take = new TakeEvent(id, s_start.AddSeconds(at), deployment, new HeldEvent(source, parameters, spec ?? s_all));
        _trigger.Receive(StreamId.Event("default", id), [new OutboxMessage(1, _trigger.Id, take)], Now);
    }

    private List<DeadLetterRow> Letters() => [.. _event.TakeDecided().Rows.OfType<DeadLetterRow>()];

    private IReadOnlyList<EntityMessage> Sent(StreamId target) => [.. _event.OutboxTo(target, 100).Select(sent => sent.Message)];

    private readonly HashSet<StreamId> _targets = [];

    private List<BeginRun> Begun()
    {
        _targets.UnionWith(_trigger.TakeUnsent());
        return [.. _targets.SelectMany(target => _trigger.OutboxTo(target, 100)).OrderBy(sent => sent.Sequence).Select(sent => sent.Message).Cast<BeginRun>()];
    }
}
