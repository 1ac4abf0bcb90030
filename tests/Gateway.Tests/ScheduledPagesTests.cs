namespace Fanfare.Gateway.Tests;

/// <summary>Pages of what starts by itself: schedules, backfills, triggers, events, dead letters.</summary>
public sealed class ScheduledPagesTests
{
    private static readonly DateTimeOffset s_day = new(2026, 11, 27, 1, 0, 0, TimeSpan.Zero);

    private static readonly DataInterval s_interval = new(s_day.AddDays(-1), s_day);

    [Theory]
    [InlineData("/schedules", "No schedules here", "fanfare deploy flow.yaml")]
    [InlineData("/backfills", "No backfills here", "fanfare backfill start FLOW SCHEDULE --from TIME")]
    [InlineData("/triggers", "No triggers here", "triggers: {loaded: {event: orders.loaded}}")]
    [InlineData("/events", "No events here", "fanfare event publish NAME")]
    [InlineData("/dead-letters", "No dead letters here", "until it is redriven or dismissed")]
    public async Task WhereThereIsNothing_ThePageSaysHowToMakeSome(string path, string nothing, string how)
    {
        await using var server = await Server.StartAsync();

        var page = await server.Client.GetStringAsync(path);

        Assert.Contains(nothing, page, StringComparison.Ordinal);
        Assert.Contains(how, page, StringComparison.Ordinal);
        Assert.DoesNotContain("<table", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/", "Runs")]
    [InlineData("/runs/r1", "Runs")]
    [InlineData("/schedules", "Schedules")]
    [InlineData("/schedules/train/nightly", "Schedules")]
    [InlineData("/backfills/b1", "Backfills")]
    [InlineData("/triggers", "Triggers")]
    [InlineData("/events/e1", "Events")]
    [InlineData("/dead-letters", "Dead letters")]
    public async Task EveryPage_LeadsToAllSections_AndSaysWhichItIsIn(string path, string section)
    {
        await using var server = await StartAsync();

        var page = await server.Client.GetStringAsync(path);

        foreach (var link in (string[])["/", "/schedules", "/backfills", "/triggers", "/events", "/dead-letters"]) Assert.Contains($"<a href=\"{link}\"", page, StringComparison.Ordinal);
        Assert.Contains($"aria-current=\"page\">{section}</a>", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SectionsOfAnotherNamespace_StayInIt_AndOneThatCannotBeIsRefused()
    {
        await using var server = await StartAsync();

        var page = await server.Client.GetStringAsync("/schedules?namespace=lab");
        using var refused = await AskAsync(server, "/schedules?namespace=%3Cb%3E");

        Assert.Contains("<a href=\"/events?namespace=lab\"", page, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("<a href=\"/events\"", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Schedules_AreListed_WithWhenWhatNextAndWhoPausedThem()
    {
        await using var server = await StartAsync();

        var page = await server.Client.GetStringAsync("/schedules");
        var other = await server.Client.GetStringAsync("/schedules?flow=other");

        AssertHas(page, "href=\"/schedules/train/nightly\"", "0 2 * * * Europe/Berlin", "datetime=\"2999-01-01T01:00:00.000Z\"", "href=\"/runs/s1\"", "Paused by ann", "the source is &lt;b&gt;down&lt;/b&gt;", "every 1 h 30 min");
        Assert.DoesNotContain("/schedules/train/", other, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ASchedule_ShowsWhatComes_WhatItStartedForWhichInterval_AndItsBackfills()
    {
        await using var server = await StartAsync();

        var page = await server.Client.GetStringAsync("/schedules/train/nightly");

        // Due in the far future, from the time before it.
        AssertHas(page, "datetime=\"2998-12-31T01:00:00.000Z\"", "datetime=\"2999-01-02T01:00:00.000Z\"");
        AssertHas(page, "href=\"/runs/s1\"", "datetime=\"2026-11-26T01:00:00.000Z\"", "href=\"/runs/s2\"", "href=\"/backfills/b1\"", "aria-label=\"5 of 8 done, 1 failed, 1 running\"");
        AssertHas(page, "data-post=\"/api/v1/flows/train/schedules/nightly:pause\"", "data-ask=", "data-fragment=\"/schedules/train/nightly/fragment\"");
        Assert.DoesNotContain("href=\"/backfills/b2\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APausedSchedule_ExpectsNothing_AndCanBeResumed()
    {
        await using var server = await StartAsync();

        var page = await server.Client.GetStringAsync("/schedules/train/often");

        AssertHas(page, "Nothing, while it is paused", "data-post=\"/api/v1/flows/train/schedules/often:resume\"", "href=\"/backfills/b2\"", "None yet.");
        AssertHas(await server.Client.GetStringAsync("/schedules/other/hourly"), "fanfare backfill start other hourly --from TIME");
    }

    [Fact]
    public async Task Backfills_AreListed_AndOneShowsHowFarItIs_AndItsRuns()
    {
        await using var server = await StartAsync();

        var list = await server.Client.GetStringAsync("/backfills?flow=train");
        var page = await server.Client.GetStringAsync("/backfills/b1");
        var cancelled = await server.Client.GetStringAsync("/backfills/b2");

        AssertHas(list, "href=\"/backfills/b1\"", "href=\"/backfills/b2\"", "href=\"/schedules/train/nightly\"", "aria-label=\"5 of 8 done, 1 failed, 1 running\"");
        AssertHas(page, "href=\"/runs/s2\"", "data-post=\"/api/v1/backfills/b1:pause\"", "data-post=\"/api/v1/backfills/b1:cancel\"", "newest first", "1 of 3", "by olga");
        Assert.DoesNotContain("href=\"/runs/s1\"", page, StringComparison.Ordinal);
        AssertHas(cancelled, "Cancelled: not &lt;i&gt;needed", "It has started none");
        Assert.DoesNotContain("data-post", cancelled, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Triggers_SayWhatTheyListenTo()
    {
        await using var server = await StartAsync();

        var page = await server.Client.GetStringAsync("/triggers");

        AssertHas(page, "href=\"/events?name=orders\"", "where region = &quot;eu&quot;, size &#x2265; 3", "all within 1 h", "a run that succeeded", "href=\"/?flow=train&amp;tag=trigger%3Aon\"", "href=\"/dead-letters?flow=train&amp;trigger=on\"", "data-post=\"/api/v1/flows/train/triggers/on:pause\"");
        AssertHas(page, "Paused by ann", "data-post=\"/api/v1/flows/train/triggers/both:resume\"");
    }

    [Fact]
    public async Task Events_SayWhatTheyCameTo_AtEachTrigger()
    {
        await using var server = await StartAsync();

        var list = await server.Client.GetStringAsync("/events");
        var page = await server.Client.GetStringAsync("/events/e1");
        var end = await server.Client.GetStringAsync("/events/e2");

        AssertHas(list, "href=\"/events/e1\"", "href=\"/events/e2\"", "href=\"/runs/t1\"", "no &lt;b&gt;day", "nobody listened", "end of a run of");
        Assert.True(list.IndexOf("/events/e2", StringComparison.Ordinal) < list.IndexOf("/events/e1", StringComparison.Ordinal), "Newest first");
        AssertHas(page, "href=\"/runs/t1\"", "&quot;region&quot;: &quot;&lt;eu&gt;&quot;", "class=\"status failed\">failed", "{&quot;event&quot;:&quot;e1&quot;}", "redrive</button>");
        AssertHas(end, "href=\"/runs/r2\"", "No trigger listened");
        Assert.DoesNotContain("redrive</button>", end, StringComparison.Ordinal);
    }

    [Fact]
    public async Task DeadLetters_HaveTheirReasons_AndAreSettledOneByOneOrAllTogether()
    {
        await using var server = await StartAsync();

        var page = await server.Client.GetStringAsync("/dead-letters?flow=train&trigger=other");

        AssertHas(page, "href=\"/events/e1\"", "no &lt;b&gt;day", "data-body=\"{&quot;event&quot;:&quot;e1&quot;,&quot;flow&quot;:&quot;train&quot;,&quot;trigger&quot;:&quot;other&quot;}\">redrive<",
            "data-body=\"{&quot;flow&quot;:&quot;train&quot;,&quot;trigger&quot;:&quot;other&quot;}\">redrive all<", "data-post=\"/api/v1/dead-letters:dismiss\"");
    }

    [Fact]
    public async Task ARunsPage_LeadsToWhatStartedIt()
    {
        await using var server = await StartAsync();

        var scheduled = await server.Client.GetStringAsync("/runs/s1");
        var filled = await server.Client.GetStringAsync("/runs/s2");
        var triggered = await server.Client.GetStringAsync("/runs/t1");
        var started = await server.Client.GetStringAsync("/runs/r1");

        AssertHas(scheduled, "href=\"/schedules/train/nightly\">schedule nightly</a>", "<dt>Interval</dt>", "datetime=\"2026-11-26T01:00:00.000Z\"");
        AssertHas(filled, "href=\"/schedules/train/nightly\"", "href=\"/backfills/b1\"");
        AssertHas(triggered, "href=\"/triggers?flow=train\">trigger on</a>", "href=\"/events/e1\"");
        Assert.DoesNotContain("<dt>Interval</dt>", started, StringComparison.Ordinal);
        AssertHas(started, "<dt>By</dt><dd>ada</dd>");
    }

    [Theory]
    [InlineData("/schedules", 50)]
    [InlineData("/backfills", 50)]
    [InlineData("/triggers", 50)]
    [InlineData("/events", 50)]
    [InlineData("/dead-letters", 50)]
    public async Task OfMany_ThereIsPageAfterPage(string path, int rows)
    {
        await using var server = await Server.StartAsync();
        for (var i = 0; i < rows + 1; i++)
        {
            server.Reads.Schedules.Add(Schedule("train", $"n{i}", s_day, new ScheduleSpec { Name = $"n{i}", Every = TimeSpan.FromHours(1) }));
            server.Reads.Backfills.Add(Backfill($"b{i}", "train", "nightly", BackfillState.Done));
            server.Reads.Triggers.Add(new TriggerRow("default", "train", $"n{i}", new TriggerStanding(1, Listening("orders"), null)));
            server.Reads.Published.Add(new EventRow("default", $"e{i}", new EventOrigin(EventKind.Event, "orders"), "{}", null, "ann", s_day, []));
            server.Reads.DeadLetters.Add(new DeadLetterRow("default", $"e{i}", "train", "on", new EventOrigin(EventKind.Event, "orders"), s_day, "no day"));
        }

        var first = await server.Client.GetStringAsync(path);
        var second = await server.Client.GetStringAsync($"{path}?cursor={rows}");
        using var refused = await AskAsync(server, path + "?cursor=never-given");

        Assert.Equal(rows, Rows(first));
        Assert.Contains($"href=\"{path}?cursor={rows}\"", first, StringComparison.Ordinal);
        Assert.Equal(1, Rows(second));
        Assert.DoesNotContain("cursor=1", second[second.IndexOf("<table", StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Contains("is not a cursor of this listing", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        static int Rows(string page) => page.Split("<tr><td>").Length - 1;
    }

    [Fact]
    public async Task TheTriggersOfAFlow_SayWhatHasCome_OfThoseThatNeedSeveral()
    {
        await using var server = await StartAsync();
        server.Scheduler.Held.Add(new HadEvent(1, "e2", s_day, "{}"));

        var ofFlow = await server.Client.GetStringAsync("/triggers?flow=train");
        var all = await server.Client.GetStringAsync("/triggers");

        AssertHas(ofFlow, "has not come", "has come", "href=\"/events/e2\"");
        Assert.Single(server.Scheduler.Commands);
        Assert.DoesNotContain("has come", all, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/schedules/train/none", HttpStatusCode.NotFound, "has no schedule")]
    [InlineData("/schedules/1x/none", HttpStatusCode.NotFound, "has no schedule")]
    [InlineData("/backfills/none", HttpStatusCode.NotFound, "There is no backfill")]
    [InlineData("/events/none", HttpStatusCode.NotFound, "There is no event")]
    [InlineData("/dead-letters?trigger=on", HttpStatusCode.BadRequest, "Name its flow, too")]
    [InlineData("/schedules?flow=1x", HttpStatusCode.BadRequest, "flow")]
    public async Task WhatThereIsNot_IsToldOnAPage(string path, HttpStatusCode status, string words)
    {
        await using var server = await StartAsync();

        using var answer = await AskAsync(server, path);
        var page = await answer.Content.ReadAsStringAsync();

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains(words, page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/schedules?flow=train")]
    [InlineData("/schedules/train/nightly")]
    [InlineData("/backfills")]
    [InlineData("/backfills/b1")]
    [InlineData("/triggers")]
    [InlineData("/events?name=orders")]
    [InlineData("/events/e1")]
    [InlineData("/dead-letters")]
    public async Task EachPage_RefreshesItself_FromItsContentAlone(string path)
    {
        await using var server = await StartAsync();
        var fragment = path.Contains('?', StringComparison.Ordinal) ? path.Replace("?", "/fragment?", StringComparison.Ordinal) : path + "/fragment";

        var page = await server.Client.GetStringAsync(path);
        var content = await server.Client.GetStringAsync(fragment);

        Assert.Contains($"data-fragment=\"{fragment}\" data-events=\"\"", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<html", content, StringComparison.Ordinal);
        Assert.Contains("<h1>", content, StringComparison.Ordinal);
        Assert.DoesNotContain(" style=", page, StringComparison.Ordinal);
    }

    private static void AssertHas(string page, params string[] parts) => Assert.All(parts, part => Assert.Contains(part, page, StringComparison.Ordinal));

    private static async Task<HttpResponseMessage> AskAsync(Server server, string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path) { Headers = { { "Accept", "text/html" } } };
        return await server.Client.SendAsync(request);
    }

    private static async Task<Server> StartAsync()
    {
        var server = await Server.StartAsync();
        var reads = server.Reads;
        var pause = new SchedulePause("ann", s_day, "the source is <b>down</b>");
        var due = new DateTimeOffset(2999, 1, 1, 1, 0, 0, TimeSpan.Zero);
        reads.Schedules.AddRange(
        [
            Schedule("train", "nightly", due, new ScheduleSpec { Name = "nightly", Cron = "0 2 * * *", TimeZone = "Europe/Berlin" }, last: "s1"),
            Schedule("train", "often", null, new ScheduleSpec { Name = "often", Every = TimeSpan.FromMinutes(90) }, pause),
            Schedule("other", "hourly", due, new ScheduleSpec { Name = "hourly", Cron = "0 * * * *" }),
        ]);
        reads.Backfills.AddRange([Backfill("b1", "train", "nightly", BackfillState.Running), Backfill("b2", "train", "often", BackfillState.Cancelled)]);
        reads.Triggers.AddRange(
        [
            new TriggerRow("default", "train", "on", new TriggerStanding(3, Listening("orders"), null)),
            new TriggerRow("default", "train", "both", new TriggerStanding(3, Listening("orders") with { All = true, Within = TimeSpan.FromHours(1), Sources = [new TriggerSource { Event = "ready" }, new TriggerSource { Flow = "etl" }] }, pause)),
        ]);
        var orders = new EventOrigin(EventKind.Event, "orders");
        reads.Published.AddRange(
        [
            new EventRow("default", "e1", orders, """{"region":"<eu>"}""", "k", "olga", s_day,
                [new TriggerOutcome("train", "on", 3, TriggerResult.Started, new TriggeredStart("t1", "{}", [], 0)), new TriggerOutcome("train", "other", 3, TriggerResult.Failed, Reason: "no <b>day")]),
            new EventRow("default", "e2", new EventOrigin(EventKind.RunEnd, "train"), """{"run":"r2"}""", null, "system", s_day.AddHours(1), []),
        ]);
        reads.DeadLetters.Add(new DeadLetterRow("default", "e1", "train", "other", orders, s_day, "no <b>day"));
        Run("s1", "schedule:nightly", ["schedule:nightly"], new RunCause("nightly", s_interval));
        Run("s2", "backfill:b1", ["schedule:nightly", "backfill:b1"], new RunCause("nightly", s_interval, Backfill: "b1"));
        Run("t1", "trigger:on", ["trigger:on"], new RunCause(Trigger: "on", Events: ["e1"]));
        return server;

        void Run(string id, string actor, string[] tags, RunCause cause)
        {
            reads.Runs[id] = new RunRow("default", id, "train", 3, RunStatus.Succeeded, "{}", tags, 0, null, actor, 0, s_day, s_day.AddMinutes(1), null);
            reads.Append(StreamId.Run("default", id), new RunStarted("train", 3, "{}", tags, 0, null, cause));
        }
    }

    private static ScheduleRow Schedule(string flow, string name, DateTimeOffset? due, ScheduleSpec spec, SchedulePause? pause = null, string? last = null) =>
        new("default", flow, name, due, new ScheduleStanding(3, spec, (due ?? s_day).AddHours(-1), pause, [], 0, 0, null, last, last is null ? null : s_interval, last is null ? null : RunStatus.Succeeded, 7, 2));

    private static BackfillRow Backfill(string id, string flow, string schedule, BackfillState state) => new(
        "default", id, flow, schedule, "olga", s_day,
        new BackfillStanding(state, new BackfillPlan(flow, schedule, s_day.AddDays(-9), s_day, NewestFirst: true, 3, -10, BackfillRerun.None, 8), 3, null, s_interval, 7, 2, 3, 1, 0, ["s2"], 1, state == BackfillState.Cancelled ? "not <i>needed" : null, null));

    private static TriggerSpec Listening(string name) => new()
    {
        Name = "on",
        Sources = [new TriggerSource { Event = name, Where = [new PayloadCondition("region", PayloadTest.Equal, "\"eu\""), new PayloadCondition("size", PayloadTest.GreaterOrEqual, "3")] }],
    };
}
