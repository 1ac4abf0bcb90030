using System.Net;

namespace Fanfare.Gateway.Tests;

public sealed class NoticesTests
{
    private static readonly NoticeDelivery s_told = new("team", NoticeState.Told, 1, World.T0, null, null), s_dead = new("oncall", NoticeState.Dead, 7, World.T0, null, "503");

    [Fact]
    public async Task Notices_AreListed_AndShown_WithHowItStandsWithEachReceiver()
    {
        await using var server = await StartAsync();

        var all = await (await server.Client.GetAsync("/api/v1/notices")).JsonAsync();
        var dead = await (await server.Client.GetAsync("/api/v1/notices?dead=true")).JsonAsync();
        var ofFlow = await (await server.Client.GetAsync("/api/v1/notices?flow=train")).JsonAsync();
        var shown = await (await server.Client.GetAsync("/api/v1/notices/n1")).JsonAsync();
        using var missing = await server.Client.GetAsync("/api/v1/notices/n9");

        Assert.Equal(["n1", "n2"], Ids(all));
        Assert.Equal(["n1"], Ids(dead));
        Assert.Equal(["n2"], Ids(ofFlow));
        Assert.Equal(
            """{"notice":"n1","flow":"etl","run":"r1","kind":"failed","at":"2026-01-31T18:00:00+00:00","payload":{"run":"r1"},"deliveries":[{"receiver":"team","state":"told","tries":1,"at":"2026-01-31T18:00:00+00:00"},{"receiver":"oncall","state":"dead","tries":7,"at":"2026-01-31T18:00:00+00:00","reason":"503"}]}""",
            shown.GetRawText());
        Assert.Equal(HttpStatusCode.NotFound, missing.StatusCode);
        Assert.Contains("no notice 'n9'", await missing.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Notices_ComeInPages_EachWithTheCursorOfTheNext()
    {
        await using var server = await StartAsync();

        var first = await (await server.Client.GetAsync("/api/v1/notices?limit=1")).JsonAsync();
        var second = await (await server.Client.GetAsync($"/api/v1/notices?limit=1&cursor={first.GetProperty("next").GetString()}")).JsonAsync();
        using var bad = await server.Client.GetAsync("/api/v1/notices?cursor=nonsense");
        using var none = await server.Client.GetAsync("/api/v1/notices?limit=0");

        Assert.Equal(["n1"], Ids(first));
        Assert.Equal(["n2"], Ids(second));
        Assert.False(second.TryGetProperty("next", out _));
        Assert.Equal((HttpStatusCode.BadRequest, HttpStatusCode.BadRequest), (bad.StatusCode, none.StatusCode));
        Assert.Contains("is not a cursor of this listing", await bad.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhatDidNotArrive_IsRedriven_AndDismissed()
    {
        await using var server = await StartAsync();
        server.Scheduler.Deliveries.Add(s_dead);
        server.Client.DefaultRequestHeaders.Add("X-Fanfare-Actor", "olga");

        var all = await (await server.Client.PostAsync("/api/v1/notices:redrive", null)).JsonAsync();
        var one = await (await server.Client.PostAsync("/api/v1/notices:dismiss", Answers.Json("""{"notice":"n1","receiver":"oncall"}"""))).JsonAsync();
        var none = await (await server.Client.PostAsync("/api/v1/notices:dismiss", Answers.Json("""{"notice":"n1","flow":"train"}"""))).JsonAsync();
        using var missing = await server.Client.PostAsync("/api/v1/notices:dismiss", Answers.Json("""{"notice":"n9"}"""));
        using var unknown = await server.Client.PostAsync("/api/v1/notices:dismiss", Answers.Json("""{"notise":"n9"}"""));

        Assert.Equal(["""{"deliveries":1,"more":false}""", """{"deliveries":1,"more":false}""", """{"deliveries":0,"more":false}"""], new[] { all, one, none }.Select(each => each.GetRawText()));
        Assert.Equal(
            [new CommandNotice("default", "olga", "n1", DeadLetterVerb.Redrive), new CommandNotice("default", "olga", "n1", DeadLetterVerb.Dismiss, "oncall")],
            server.Scheduler.Commands.Cast<CommandNotice>());
        Assert.Equal((HttpStatusCode.NotFound, HttpStatusCode.BadRequest), (missing.StatusCode, unknown.StatusCode));
    }

    private static IEnumerable<string?> Ids(System.Text.Json.JsonElement page) => page.GetProperty("items").EnumerateArray().Select(item => item.GetProperty("notice").GetString());

    private static async Task<Server> StartAsync()
    {
        var server = await Server.StartAsync();
        server.Reads.Change(() =>
        {
            server.Reads.Notices.Add(new NoticeRow("default", "n1", "etl", World.T0, new NoticeStanding(new NoticeContent("etl", "r1", null, NoticeKind.Failed, """{"run":"r1"}""", ["team", "oncall"]), [s_told, s_dead])));
            server.Reads.Notices.Add(new NoticeRow("default", "n2", "train", World.T0, new NoticeStanding(new NoticeContent("train", null, "nightly", NoticeKind.Skipped, "{}", ["team"]), [s_told])));
        });
        return server;
    }
}
