using System.Text.Json;

namespace Fanfare.Notices.Tests;

public sealed class SlackTests
{
    [Fact]
    public async Task AMessage_HasATitleATextAndALink_AndNothingInItPassesForMarkup()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Channel(server);
        server.Answer(200, "ok");

        Assert.Equal(new NoticeAnswer(NoticeOutcome.Told), await notifier.TellAsync(
            Samples.Failed with { Title = "{{ flow }} <failed>", Text = "*{{ error.message }}* <https://wiki.example.com/etl|runbook>" }, "chat", CancellationToken.None));

        Assert.Equal("/services/T0/B0/secretpart1", Assert.Single(server.Received).Path);
        AssertJson("""
            {
              "text": "etl <failed>",
              "blocks": [
                {"type": "header", "text": {"type": "plain_text", "text": "etl <failed>"}},
                {"type": "section", "text": {"type": "mrkdwn", "text": "*load: 3 of 7 files &lt;missing&gt; &amp; \"late\"* <https://wiki.example.com/etl|runbook>"}},
                {"type": "context", "elements": [{"type": "mrkdwn", "text": "<https://fanfare.example.com/runs/r1m7xzm70248k35jvmjz|Open the run>  default/etl  2026-11-27 02:41:08 UTC"}]}
              ]
            }
            """, server.Received[0].Text);
    }

    [Fact]
    public async Task WhatSlackWouldNotTake_IsCut_NotInTheMidstOfACharacter()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Channel(server);

        await notifier.TellAsync(Samples.Of(NoticeKind.Failed, $$"""{"error": {"message": "{{new string('&', 4000)}}"} }""") with { Title = "{{ error.message }}", Text = "{{ error.message }}" }, "chat", CancellationToken.None);

        using var body = JsonDocument.Parse(server.Received[0].Body);
        var blocks = body.RootElement.GetProperty("blocks");
        var (title, text) = (blocks[0].GetProperty("text").GetProperty("text").GetString()!, blocks[1].GetProperty("text").GetProperty("text").GetString()!);
        Assert.True(title.Length <= 150 && text.Length <= 3000, $"{title.Length} {text.Length}");
        Assert.All([title, text], cut => Assert.Matches("^(&amp;)+…$", cut));
    }

    [Fact]
    public async Task ANoticeWithoutARun_HasNoLink()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Channel(server);

        await notifier.TellAsync(Samples.Skipped, "chat", CancellationToken.None);

        Assert.Contains("\"text\":\"default/etl  2026", server.Received[0].Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(400, "invalid_payload", NoticeOutcome.Refused, "400 Bad Request: invalid_payload")]
    [InlineData(403, "action_prohibited", NoticeOutcome.Refused, "ask its administrator")]
    [InlineData(403, "invalid_token", NoticeOutcome.Refused, "make another")]
    [InlineData(404, "no_service", NoticeOutcome.Refused, "was removed or turned off")]
    [InlineData(404, "channel_not_found", NoticeOutcome.Refused, "The channel is gone")]
    [InlineData(410, "channel_is_archived", NoticeOutcome.Refused, "is archived")]
    [InlineData(500, "rollup_error", NoticeOutcome.Later, "500")]
    [InlineData(503, "", NoticeOutcome.Later, "503")]
    public async Task WhatSlackAnswers_SaysWhatIsDone(int status, string body, NoticeOutcome outcome, string reason)
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Channel(server);
        server.Answer(status, body);

        var answer = await notifier.TellAsync(Samples.Failed, "chat", CancellationToken.None);

        Assert.Equal(outcome, answer.Outcome);
        Assert.Contains(reason, answer.Reason, StringComparison.Ordinal);
        Assert.DoesNotContain("secretpart1", answer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WhoIsTooFast_WaitsAsLongAsSlackSays()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Channel(server);
        server.Answer(429, "rate_limited", ("Retry-After", "30"));

        Assert.Equal(new NoticeAnswer(NoticeOutcome.Later, "Slack answered 429 Too Many Requests: rate_limited", TimeSpan.FromSeconds(30)), await notifier.TellAsync(Samples.Failed, "chat", CancellationToken.None));
    }

    internal static void AssertJson(string expected, string actual)
    {
        using var left = JsonDocument.Parse(expected);
        using var right = JsonDocument.Parse(actual);
        Assert.True(JsonElement.DeepEquals(left.RootElement, right.RootElement), actual);
    }

    private static Notifier Channel(HttpReceiver server) => Samples.With(new SlackReceiver { Name = "chat", Url = Samples.Secret("URL") }, ("URL", new Uri(server.Url, "/services/T0/B0/secretpart1").AbsoluteUri));
}
