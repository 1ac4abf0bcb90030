using System.Text.Json;

namespace Fanfare.Notices.Tests;

public sealed class PagerDutyTests
{
    private const string Key = "0123456789abcdef0123456789abcdef";

    [Fact]
    public async Task AFailure_TriggersTheFlowsAlert()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Service(server);
        server.Answer(202, """{"status": "success", "message": "Event processed", "dedup_key": "x"}""");

        Assert.Equal(new NoticeAnswer(NoticeOutcome.Told), await notifier.TellAsync(Samples.Failed with { Text = "It failed." }, "pager", CancellationToken.None));

        Assert.Equal("/v2/enqueue", Assert.Single(server.Received).Path);
        SlackTests.AssertJson("""
            {
              "routing_key": "0123456789abcdef0123456789abcdef",
              "dedup_key": "fanfare/default/etl",
              "event_action": "trigger",
              "client": "Fanfare",
              "client_url": "https://fanfare.example.com/runs/r1m7xzm70248k35jvmjz",
              "links": [{"href": "https://fanfare.example.com/runs/r1m7xzm70248k35jvmjz", "text": "The run"}],
              "payload": {
                "summary": "etl failed: load: 3 of 7 files <missing> & \"late\"",
                "source": "fanfare.example.com",
                "severity": "error",
                "timestamp": "2026-11-27T02:41:08.000000Z",
                "component": "etl",
                "group": "default",
                "class": "failed",
                "custom_details": {
                  "text": "It failed.",
                  "run": "r1m7xzm70248k35jvmjz", "flow": "etl", "deployment": 3, "parameters": {"day": "2026-11-27"}, "tags": ["nightly"], "actor": "schedule:nightly", "created_at": "2026-11-27T02:30:00.000000Z",
                  "status": "failed", "generation": 0, "ended_at": "2026-11-27T02:41:07.123456Z", "error": {"type": "exit", "message": "load: 3 of 7 files <missing> & \"late\""}
                }
              }
            }
            """, server.Received[0].Text);
    }

    [Fact]
    public async Task ASuccess_ResolvesIt()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Service(server);

        await notifier.TellAsync(Samples.Succeeded, "pager", CancellationToken.None);

        SlackTests.AssertJson("""{"routing_key": "0123456789abcdef0123456789abcdef", "dedup_key": "fanfare/default/etl", "event_action": "resolve"}""", server.Received[0].Text);
    }

    [Fact]
    public async Task LatenessIsTheSameAlert_AndASkippedIntervalOneOfItsSchedule()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Service(server);

        foreach (var notice in new[] { Samples.Late, Samples.Cancelled, Samples.Skipped }) await notifier.TellAsync(notice, "pager", CancellationToken.None);

        Assert.Equal(
            ["trigger fanfare/default/etl warning late", "trigger fanfare/default/etl warning cancelled", "trigger fanfare/default/etl/skipped/nightly warning skipped"],
            server.Received.Select(request => JsonDocument.Parse(request.Body).RootElement).Select(body =>
                $"{body.GetProperty("event_action")} {body.GetProperty("dedup_key")} {body.GetProperty("payload").GetProperty("severity")} {body.GetProperty("payload").GetProperty("class")}"));
    }

    [Fact]
    public async Task TheReceiver_MaySayHowBadItIs()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Service(server, "critical");

        await notifier.TellAsync(Samples.Late, "pager", CancellationToken.None);

        Assert.Contains("\"severity\":\"critical\"", server.Received[0].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, """{"status": "invalid event", "message": "Event object is invalid", "errors": ["Length of 'routing_key' is incorrect (should be 32 characters)"]}""", NoticeOutcome.Refused, "Event object is invalid; Length of 'routing_key' is incorrect (should be 32 characters). Look at the receiver's routing key")]
    [InlineData(400, "no JSON 0123456789abcdef0123456789abcdef", NoticeOutcome.Refused, "no JSON *** Look at")]
    [InlineData(403, "", NoticeOutcome.Refused, "403 Forbidden")]
    [InlineData(413, "", NoticeOutcome.Refused, "413")]
    [InlineData(429, "", NoticeOutcome.Later, "429")]
    [InlineData(500, "", NoticeOutcome.Later, "500")]
    [InlineData(503, "", NoticeOutcome.Later, "503")]
    public async Task WhatPagerDutyAnswers_SaysWhatIsDone(int status, string body, NoticeOutcome outcome, string reason)
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Service(server);
        server.Answer(status, body);

        var answer = await notifier.TellAsync(Samples.Failed, "pager", CancellationToken.None);

        Assert.Equal(outcome, answer.Outcome);
        Assert.Contains(reason, answer.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain(Key, answer.Reason, StringComparison.Ordinal);
    }

    private static Notifier Service(HttpReceiver server, string? severity = null) =>
        Samples.With(new PagerDutyReceiver { Name = "pager", RoutingKey = Samples.Secret("KEY"), Endpoint = new Uri(server.Url, "/v2/enqueue").AbsoluteUri, Severity = severity }, ("KEY", Key));
}
