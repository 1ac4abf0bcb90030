using System.Net;

namespace Fanfare.Gateway.Tests;

public sealed class EventsTests
{
    private static readonly TriggerOutcome s_started = new("train", "on", 3, TriggerResult.Started, new TriggeredStart("r1", "{}", ["t"], 0));
    private static readonly TriggerOutcome s_failed = new("train", "other", 3, TriggerResult.Failed, Reason: "no day");

    [Fact]
    public async Task AnEvent_GoesToTheScheduler_AndItsAnswerSaysWhatCameOfIt()
    {
        await using var server = await StartAsync();
        server.Scheduler.Outcomes.AddRange([s_started, s_failed]);
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "olga");
        server.Client.DefaultRequestHeaders.Add("Idempotency-Key", "k1");

        using var answer = await server.Client.PostAsync("/api/v1/events?namespace=lab", Answers.Json("""{"name":"orders.loaded","payload":{"day":"x"}}"""));

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var command = Assert.IsType<PublishEvent>(Assert.Single(server.Scheduler.Commands));
        Assert.Equal(("lab", "olga", "orders.loaded", """{"day":"x"}""", "k1"), (command.Namespace, command.Actor, command.Name, command.Payload, command.Key));
        Assert.Matches("^e[0-9a-z]{19}$", command.Event);
        var body = await answer.JsonAsync();
        Assert.Equal(command.Event, body.GetProperty("event").GetString());
        Assert.Equal($"/api/v1/events/{command.Event}", answer.Headers.Location!.ToString());
        Assert.Equal(["r1", null], body.GetProperty("outcomes").EnumerateArray().Select(o => o.TryGetProperty("run", out var run) ? run.GetString() : null));
    }

    [Fact]
    public async Task WhatWasPublishedBefore_Is200()
    {
        await using var server = await StartAsync();
        server.Scheduler.New = false;

        using var answer = await server.Client.PostAsync("/api/v1/events", Answers.Json("""{"name":"a","idempotency_key":"k"}"""));

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("{}", Assert.IsType<PublishEvent>(Assert.Single(server.Scheduler.Commands)).Payload);
    }

    [Theory]
    [InlineData("""{"payload":{}}""", "name")]
    [InlineData("""{"name":""}""", "name")]
    [InlineData("""{"name":" a"}""", "name")]
    [InlineData("""{"name":"a\u0007"}""", "name")]
    [InlineData("""{"name":"\ud800"}""", "name")]
    [InlineData("""{"name":"a","payload":[1]}""", "payload")]
    [InlineData("""{"name":"a","payload":{"x":"\ud800"}}""", "payload")]
    [InlineData("""{"name":"a","idempotency_key":""}""", "Idempotency-Key")]
    public async Task WhatIsNoEvent_IsRefused_WithTheFieldThatIsWrong(string body, string field)
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PostAsync("/api/v1/events", Answers.Json(body));

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Contains(field, await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task APayloadThatIsTooLarge_IsRefused()
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PostAsync("/api/v1/events", Answers.Json("{\"name\":\"a\",\"payload\":{\"x\":\"" + new string('x', Limits.PayloadBytes) + "\"}}"));

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, answer.StatusCode);
    }

    [Fact]
    public async Task Events_AreListed_AndShown()
    {
        await using var server = await StartAsync();

        var listed = await (await server.Client.GetAsync("/api/v1/events?name=loaded")).JsonAsync();
        var shown = await (await server.Client.GetAsync("/api/v1/events/e1")).JsonAsync();
        using var missing = await server.Client.GetAsync("/api/v1/events/e9");

        Assert.Equal(listed.GetProperty("items")[0].GetRawText(), shown.GetRawText());
        Assert.Equal(("event", "loaded", 1), (shown.GetProperty("kind").GetString(), shown.GetProperty("name").GetString(), shown.GetProperty("payload").GetProperty("n").GetInt32()));
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
    }

    [Fact]
    public async Task Triggers_AreListed_AndPausedWithWhoAndWhy()
    {
        await using var server = await StartAsync();

        var listed = await (await server.Client.GetAsync("/api/v1/triggers?flow=train")).JsonAsync();
        using var paused = await server.Client.PostAsync("/api/v1/flows/train/triggers/on:pause", Answers.Json("""{"reason":"later"}"""));
        using var resumed = await server.Client.PostAsync("/api/v1/flows/train/triggers/on:resume", Answers.Json("""{"reason":"later"}"""));
        using var unknown = await server.Client.PostAsync("/api/v1/flows/train/triggers/on:stop", null);
        using var missing = await server.Client.PostAsync("/api/v1/flows/train/triggers/none:pause", null);

        Assert.Equal("loaded", listed.GetProperty("items")[0].GetProperty("standing").GetProperty("spec").GetProperty("sources")[0].GetProperty("event").GetString());
        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.BadRequest, HttpStatusCode.BadRequest, HttpStatusCode.NotFound), (paused.StatusCode, resumed.StatusCode, unknown.StatusCode, missing.StatusCode));
        Assert.Equal(new CommandTrigger("default", "anonymous", "train", "on", ScheduleVerb.Pause, "later"), Assert.Single(server.Scheduler.Commands));
    }

    [Fact]
    public async Task DeadLetters_AreListed_AndSettledInBulk()
    {
        await using var server = await StartAsync();
        server.Scheduler.Outcomes.Add(s_failed);

        var listed = await (await server.Client.GetAsync("/api/v1/dead-letters?flow=train&trigger=other")).JsonAsync();
        var redriven = await (await server.Client.PostAsync("/api/v1/dead-letters:redrive", Answers.Json("""{"flow":"train"}"""))).JsonAsync();
        server.Scheduler.Outcomes[0] = s_failed with { Result = TriggerResult.Dismissed };
        var dismissed = await (await server.Client.PostAsync("/api/v1/dead-letters:dismiss", Answers.Json("""{"event":"e1"}"""))).JsonAsync();
        using var noFlow = await server.Client.GetAsync("/api/v1/dead-letters?trigger=other");

        Assert.Equal("no day", listed.GetProperty("items")[0].GetProperty("reason").GetString());
        Assert.Equal((0, 1, false), (redriven.GetProperty("settled").GetInt32(), redriven.GetProperty("failed").GetInt32(), redriven.GetProperty("more").GetBoolean()));
        Assert.Equal(1, dismissed.GetProperty("settled").GetInt32());
        Assert.Equal(HttpStatusCode.BadRequest, noFlow.StatusCode);
        Assert.Equal(
            [new CommandDeadLetters("default", "anonymous", "e1", DeadLetterVerb.Redrive, "train", "other"), new CommandDeadLetters("default", "anonymous", "e1", DeadLetterVerb.Dismiss, "train", "other")],
            server.Scheduler.Commands.Cast<CommandDeadLetters>());
    }

    [Fact]
    public async Task ATriggerThatNeedsSeveral_IsShownWithWhatItHas_AndOneThatDoesNotWithout()
    {
        await using var server = await StartAsync();
        var spec = new TriggerSpec { Name = "both", All = true, Within = TimeSpan.FromHours(1), Sources = [new TriggerSource { Event = "loaded" }, new TriggerSource { Event = "checked" }] };
        server.Reads.Change(() => server.Reads.Triggers.Add(new TriggerRow("default", "train", "both", new TriggerStanding(3, spec, null))));
        server.Scheduler.Held.Add(new HadEvent(1, "e7", World.T0, """{"day":"2026-01-31"}"""));

        var both = await (await server.Client.GetAsync("/api/v1/flows/train/triggers/both")).JsonAsync();
        var on = await (await server.Client.GetAsync("/api/v1/flows/train/triggers/on")).JsonAsync();

        var had = Assert.Single(both.GetProperty("held").EnumerateArray());
        Assert.Equal((1, "e7", "2026-01-31"), (had.GetProperty("source").GetInt32(), had.GetProperty("event").GetString(), had.GetProperty("parameters").GetProperty("day").GetString()));
        Assert.False(on.TryGetProperty("held", out _));
    }

    private static async Task<Server> StartAsync()
    {
        var server = await Server.StartAsync();
        server.Reads.Change(() =>
        {
            server.Reads.Triggers.Add(new TriggerRow("default", "train", "on", new TriggerStanding(3, new TriggerSpec { Name = "on", Sources = [new TriggerSource { Event = "loaded" }] }, null)));
            server.Reads.Published.Add(new EventRow("default", "e1", new EventOrigin(EventKind.Event, "loaded"), """{"n":1}""", null, "ann", World.T0, [s_started, s_failed]));
            server.Reads.DeadLetters.Add(new DeadLetterRow("default", "e1", "train", "other", new EventOrigin(EventKind.Event, "loaded"), World.T0, "no day"));
        });
        return server;
    }
}
