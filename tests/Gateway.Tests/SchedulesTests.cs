namespace Fanfare.Gateway.Tests;

public sealed class SchedulesTests
{
    private static readonly DateTimeOffset s_now = new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset s_due = new(2026, 11, 28, 1, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Schedules_AreListed_AndShownWithWhatTheyAre()
    {
        await using var server = await StartAsync();

        var listed = await (await server.Client.GetAsync("/api/v1/schedules?flow=train&limit=1")).JsonAsync();
        var shown = await (await server.Client.GetAsync("/api/v1/flows/train/schedules/nightly")).JsonAsync();

        Assert.Equal(1, listed.GetProperty("items").GetArrayLength());
        Assert.Equal(listed.GetProperty("items")[0].GetRawText(), shown.GetRawText());
        Assert.Equal(("train", "nightly", s_due), (shown.GetProperty("flow").GetString(), shown.GetProperty("schedule").GetString(), shown.GetProperty("due").GetDateTimeOffset()));
        var spec = shown.GetProperty("standing").GetProperty("spec");
        Assert.Equal(("0 2 * * *", "Europe/Berlin", "queue_one"), (spec.GetProperty("cron").GetString(), spec.GetProperty("time_zone").GetString(), spec.GetProperty("overlap").GetString()));
    }

    [Fact]
    public async Task WhatComesNext_IsToldOfOneSchedule_OfAFlow_AndOfAll()
    {
        await using var server = await StartAsync();

        var one = await DueAsync("?flow=train&schedule=nightly&count=2");
        var flow = await DueAsync("?flow=train&count=3");
        var all = await DueAsync("?count=4");

        Assert.Equal(["train/nightly 2026-11-28T01:00:00Z", "train/nightly 2026-11-29T01:00:00Z"], one);
        Assert.Equal(["train/often 2026-11-27T12:30:00Z", "train/often 2026-11-27T13:00:00Z", "train/often 2026-11-27T13:30:00Z"], flow);
        Assert.Equal(["train/often 2026-11-27T12:30:00Z", "other/hourly 2026-11-27T13:00:00Z", "train/often 2026-11-27T13:00:00Z", "train/often 2026-11-27T13:30:00Z"], all);

        async Task<IReadOnlyList<string>> DueAsync(string query)
        {
            var answer = await (await server.Client.GetAsync("/api/v1/schedules:upcoming" + query)).JsonAsync();
            return [.. answer.GetProperty("items").EnumerateArray().Select(item => $"{item.GetProperty("flow")}/{item.GetProperty("schedule")} {item.GetProperty("due").GetDateTimeOffset().UtcDateTime:yyyy-MM-ddTHH:mm:ssZ}")];
        }
    }

    [Fact]
    public async Task AnInterval_IsFromTheTimeBeforeToItsOwn()
    {
        await using var server = await StartAsync();

        var answer = await (await server.Client.GetAsync("/api/v1/schedules:upcoming?flow=train&schedule=nightly&count=1")).JsonAsync();

        var interval = answer.GetProperty("items")[0].GetProperty("interval");
        Assert.Equal((s_due.AddDays(-1), s_due), (interval.GetProperty("start").GetDateTimeOffset(), interval.GetProperty("end").GetDateTimeOffset()));
    }

    [Fact]
    public async Task APause_GoesToTheScheduler_WithWhoAndWhy()
    {
        await using var server = await StartAsync();
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "olga");

        using var paused = await server.Client.PostAsync("/api/v1/flows/train/schedules/nightly:pause", Answers.Json("""{"reason":"the source is down"}"""));
        using var resumed = await server.Client.PostAsync("/api/v1/flows/train/schedules/nightly:resume", null);

        Assert.Equal((HttpStatusCode.OK, HttpStatusCode.OK), (paused.StatusCode, resumed.StatusCode));
        Assert.Equal([new CommandSchedule("default", "olga", "train", "nightly", ScheduleVerb.Pause, "the source is down"), new CommandSchedule("default", "olga", "train", "nightly", ScheduleVerb.Resume)], server.Scheduler.Commands);
    }

    [Theory]
    [InlineData("POST", "/api/v1/flows/train/schedules/nightly:resume", """{"reason":"x"}""", HttpStatusCode.BadRequest, "FAN0001", "reason")]
    [InlineData("POST", "/api/v1/flows/train/schedules/nightly:stop", null, HttpStatusCode.BadRequest, "FAN0001", "schedule")]
    [InlineData("POST", "/api/v1/flows/train/schedules/none:pause", null, HttpStatusCode.NotFound, "FAN0002", null)]
    [InlineData("GET", "/api/v1/flows/train/schedules/none", null, HttpStatusCode.NotFound, "FAN0002", null)]
    [InlineData("GET", "/api/v1/flows/train/schedules/1x", null, HttpStatusCode.NotFound, "FAN0002", null)]
    [InlineData("GET", "/api/v1/schedules:upcoming?schedule=nightly", null, HttpStatusCode.BadRequest, "FAN0001", "schedule")]
    [InlineData("GET", "/api/v1/schedules:upcoming?count=0", null, HttpStatusCode.BadRequest, "FAN0001", "count")]
    public async Task WhatCannotBe_IsToldWithItsField(string method, string path, string? body, HttpStatusCode status, string code, string? field)
    {
        await using var server = await StartAsync();

        using var request = new HttpRequestMessage(new HttpMethod(method), path) { Content = body is null ? null : Answers.Json(body) };
        using var answer = await server.Client.SendAsync(request);

        var problem = await answer.ProblemAsync(status, code);
        if (field is not null) Assert.Equal(field, problem.GetProperty("errors")[0].GetProperty("field").GetString());
        Assert.Empty(server.Scheduler.Commands);
    }

    private static async Task<Server> StartAsync()
    {
        var server = await Server.StartAsync();
        server.Reads.Schedules.AddRange(
        [
            Of("train", s_due, new ScheduleSpec { Name = "nightly", Cron = "0 2 * * *", TimeZone = "Europe/Berlin" }),
            Of("train", s_now.AddMinutes(30), new ScheduleSpec { Name = "often", Every = TimeSpan.FromMinutes(30) }),
            Of("train", null, new ScheduleSpec { Name = "paused", Every = TimeSpan.FromMinutes(1) }),
            Of("other", s_now.AddHours(1), new ScheduleSpec { Name = "hourly", Cron = "0 * * * *" }),
        ]);
        return server;

        static ScheduleRow Of(string flow, DateTimeOffset? due, ScheduleSpec spec) =>
            new("default", flow, spec.Name, due, new ScheduleStanding(3, spec, s_now, due is null ? new SchedulePause("ann", s_now, null) : null, [], 0, 0, null, null, null, null, 0, 0));
    }
}
