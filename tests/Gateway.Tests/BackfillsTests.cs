namespace Fanfare.Gateway.Tests;

public sealed class BackfillsTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero);
    private const string Nightly = "/api/v1/flows/train/schedules/nightly";

    [Theory]
    [InlineData("""{"from":"2026-01-01","to":"2026-02-01T02:30"}""", "2025-12-31T23:00:00Z", "2026-02-01T01:30:00Z", false, 1, -5, BackfillRerun.None)]
    [InlineData("""{"from":"2026-01-01T06:00:00+02:00","newest_first":true,"parallel":4,"priority":7,"rerun":"failed"}""", "2026-01-01T04:00:00Z", null, true, 4, 7, BackfillRerun.Failed)]
    [InlineData("""{"from":"2026-03-29T02:30:00","rerun":"all"}""", "2026-03-29T01:30:00Z", null, false, 1, -5, BackfillRerun.All)]
    public async Task ABackfill_IsStarted_WithTimesInTheSchedulesZone_BelowTheSchedulesPriority(string body, string from, string? to, bool newestFirst, int parallel, int priority, BackfillRerun rerun)
    {
        await using var server = await StartAsync();
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "olga");
        var before = DateTimeOffset.UtcNow;

        using var answer = await server.Client.PostAsync(Nightly + ":backfill", Answers.Json(body));

        var view = await answer.JsonAsync();
        var command = Assert.IsType<StartBackfill>(Assert.Single(server.Scheduler.Commands));
        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        Assert.Equal(new BackfillPlan("train", "nightly", Time(from), to is null ? command.Plan.To : Time(to), newestFirst, parallel, priority, rerun, 0), command.Plan);
        if (to is null) Assert.InRange(command.Plan.To, before, DateTimeOffset.UtcNow);
        Assert.Equal(("olga", command.Backfill), (command.Actor, view.GetProperty("backfill").GetString()));
        Assert.Equal($"/api/v1/backfills/{command.Backfill}", answer.Headers.Location!.ToString());
    }

    [Fact]
    public async Task AnIdempotencyKey_StartsItOnce()
    {
        await using var server = await StartAsync();

        using var one = await server.Client.PostAsync(Nightly + ":backfill", Answers.Json("""{"from":"2026-01-01","idempotency_key":"k"}"""));
        using var two = await server.Client.PostAsync(Nightly + ":backfill", Answers.Json("""{"from":"2026-01-01","idempotency_key":"k"}"""));

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (one.StatusCode, two.StatusCode));
        Assert.Equal((await one.JsonAsync()).GetRawText(), (await two.JsonAsync()).GetRawText());
        Assert.Single(server.Scheduler.Commands);
    }

    [Fact]
    public async Task OneInterval_IsRunAgain_ByItsTime_WithTheSchedulesPriority()
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PostAsync(Nightly + ":rerun", Answers.Json("""{"time":"2026-01-05T02:30"}"""));

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
        var plan = Assert.IsType<StartBackfill>(Assert.Single(server.Scheduler.Commands)).Plan;
        Assert.Equal((Time("2026-01-04T01:30:00Z"), Time("2026-01-05T01:30:00Z"), 5, BackfillRerun.All), (plan.From, plan.To, plan.Priority, plan.Rerun));
    }

    [Fact]
    public async Task Backfills_AreListed_Shown_AndCommanded()
    {
        await using var server = await StartAsync();
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "olga");
        server.Reads.Backfills.AddRange([Row("b1", "train"), Row("b2", "other")]);

        var listed = await (await server.Client.GetAsync("/api/v1/backfills?flow=train")).JsonAsync();
        var shown = await (await server.Client.GetAsync("/api/v1/backfills/b1")).JsonAsync();
        foreach (var (verb, body) in new[] { ("pause", """{"reason":"the source is down"}"""), ("resume", "{}"), ("cancel", """{"runs":true}""") })
            Assert.Equal(HttpStatusCode.OK, (await server.Client.PostAsync($"/api/v1/backfills/b1:{verb}", Answers.Json(body))).StatusCode);

        Assert.Equal(shown.GetRawText(), Assert.Single(listed.GetProperty("items").EnumerateArray()).GetRawText());
        Assert.Equal(("running", 9), (shown.GetProperty("standing").GetProperty("state").GetString(), shown.GetProperty("standing").GetProperty("plan").GetProperty("total").GetInt32()));
        Assert.Equal(
            [
                new CommandBackfill("default", "olga", "b1", BackfillVerb.Pause, "the source is down"), new CommandBackfill("default", "olga", "b1", BackfillVerb.Resume),
                new CommandBackfill("default", "olga", "b1", BackfillVerb.Cancel, Runs: true),
            ],
            server.Scheduler.Commands);
    }

    [Theory]
    [InlineData(Nightly + ":backfill", """{"from":"yesterday"}""", "from", "is no time")]
    [InlineData(Nightly + ":backfill", """{"from":"2026-01-01","to":"2026-02-30"}""", "to", "is no time")]
    [InlineData(Nightly + ":backfill", """{"from":"2026-01-01","to":"2099-01-01"}""", "to", "lies in the future")]
    [InlineData(Nightly + ":backfill", """{"from":"2026-01-02","to":"2026-01-01"}""", "from", "is not before 'to'")]
    [InlineData(Nightly + ":backfill", """{"from":"2026-01-01","parallel":0}""", "parallel", "is out of range")]
    [InlineData(Nightly + ":backfill", """{"from":"2026-01-01","priority":101}""", "priority", "is out of range")]
    [InlineData(Nightly + ":backfill", """{"from":"2026-01-01","rerun":"some"}""", "rerun", "")]
    [InlineData(Nightly + ":backfill", "{}", "from", "")]
    [InlineData(Nightly + ":rerun", """{"time":"2026-01-05"}""", "time", "is no time at which the schedule is due")]
    [InlineData(Nightly + ":rerun", """{"time":"2099-01-05T02:30"}""", "time", "lies in the future")]
    [InlineData("/api/v1/backfills/b1:resume", """{"reason":"x"}""", "reason", "applies to pause and cancel only")]
    [InlineData("/api/v1/backfills/b1:pause", """{"runs":true}""", "runs", "applies to cancel only")]
    [InlineData("/api/v1/backfills/b1:stop", "{}", "backfill", "")]
    public async Task WhatCannotBe_IsToldWithItsField(string path, string body, string field, string what)
    {
        await using var server = await StartAsync();
        server.Reads.Backfills.Add(Row("b1", "train"));

        using var answer = await server.Client.PostAsync(path, Answers.Json(body));

        var error = (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).GetProperty("errors")[0];
        Assert.Equal(field, error.GetProperty("field").GetString());
        Assert.Contains(what, error.GetRawText(), StringComparison.Ordinal);
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task ATimeThatIsNone_NamesThoseBesideIt()
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PostAsync(Nightly + ":rerun", Answers.Json("""{"time":"2026-01-05T02:31"}"""));

        Assert.Contains("2026-01-05T01:30:00Z and 2026-01-06T01:30:00Z", (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).GetRawText(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/v1/flows/train/schedules/none:backfill", """{"from":"2026-01-01"}""")]
    [InlineData("/api/v1/flows/train/schedules/none:rerun", """{"time":"2026-01-01"}""")]
    [InlineData("/api/v1/backfills/none:pause", "{}")]
    public async Task WhatIsNotThere_IsNotFound(string path, string body)
    {
        await using var server = await StartAsync();

        using var answer = await server.Client.PostAsync(path, Answers.Json(body));

        await answer.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, System.Globalization.CultureInfo.InvariantCulture);

    private static BackfillRow Row(string id, string flow) => new("default", id, flow, "nightly", "ann", s_now, new BackfillStanding(
        BackfillState.Running, new BackfillPlan(flow, "nightly", s_now.AddDays(-9), s_now, false, 1, 0, BackfillRerun.None, 9), 3, null, null, 1, 0, 0, 0, 0, ["r1"], 1, null, null));

    private static async Task<Server> StartAsync()
    {
        var server = await Server.StartAsync();
        var spec = new ScheduleSpec { Name = "nightly", Cron = "30 2 * * *", TimeZone = "Europe/Berlin", Priority = 5 };
        server.Reads.Schedules.Add(new("default", "train", spec.Name, s_now, new ScheduleStanding(3, spec, s_now, null, [], 0, 0, null, null, null, null, 0, 0)));
        server.Scheduler.Backfills = command => server.Reads.Change(() => server.Reads.Backfills.Add(Row(command.Backfill, command.Plan.Flow)));
        return server;
    }
}
