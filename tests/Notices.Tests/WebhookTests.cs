using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Fanfare.Notices.Tests;

public sealed class WebhookTests
{
    private const string Key = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", Older = "the secret of the year before", Token = "Bearer 7f3a9c2e-token";

    [Fact]
    public async Task ANotice_IsPostedAsJson_SignedWithEachSecret()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Signed(new Uri(server.Url, "/hook?team=data"));

        Assert.Equal(new NoticeAnswer(NoticeOutcome.Told), await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None));

        var request = Assert.Single(server.Received);
        Assert.Equal("/hook?team=data", request.Path);
        Assert.Equal(("application/json", "data", Token, "de"), (request.Headers["Content-Type"], request.Headers["X-Team"], request.Headers["Authorization"], request.Headers["Content-Language"]));
        Assert.Equal("n-4h2k", request.Headers["webhook-id"]);
        Assert.True((DateTimeOffset.UtcNow - DateTimeOffset.FromUnixTimeSeconds(long.Parse(request.Headers["webhook-timestamp"], System.Globalization.CultureInfo.InvariantCulture))).Duration() < TimeSpan.FromMinutes(1));
        // By the words of the standard, not by our code.
        byte[] signed = [.. Encoding.UTF8.GetBytes($"n-4h2k.{request.Headers["webhook-timestamp"]}."), .. request.Body];
        Assert.Equal(
            $"v1,{Convert.ToBase64String(HMACSHA256.HashData(Convert.FromBase64String(Key[6..]), signed))} v1,{Convert.ToBase64String(HMACSHA256.HashData(Encoding.UTF8.GetBytes(Older), signed))}",
            request.Headers["webhook-signature"]);
        using var body = JsonDocument.Parse(request.Body);
        Assert.Equal(["type", "timestamp", "id", "namespace", "flow", "title", "text", "url", "data"], body.RootElement.EnumerateObject().Select(member => member.Name));
        Assert.Equal(
            ["run.failed", "2026-11-27T02:41:08.000000Z", "n-4h2k", "default", "etl", "https://fanfare.example.com/runs/r1m7xzm70248k35jvmjz"],
            new[] { "type", "timestamp", "id", "namespace", "flow", "url" }.Select(name => body.RootElement.GetProperty(name).GetString()));
        Assert.True(JsonElement.DeepEquals(JsonDocument.Parse(Samples.Failed.Payload).RootElement, body.RootElement.GetProperty("data")));
    }

    [Fact]
    public async Task ATriedAgainNotice_HasTheSameId_AndASignatureOfItsOwnTime()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Signed(server.Url);
        server.Answer(503, "busy", ("Retry-After", "7"));

        Assert.Equal(new NoticeAnswer(NoticeOutcome.Later, "The receiver answered 503 Service Unavailable: busy", TimeSpan.FromSeconds(7)), await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None));
        Assert.Equal(NoticeOutcome.Told, (await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None)).Outcome);

        Assert.Equal(["n-4h2k", "n-4h2k"], server.Received.Select(request => request.Headers["webhook-id"]));
        Assert.Equal(server.Received[0].Text, server.Received[1].Text);
    }

    [Theory]
    [InlineData(200, NoticeOutcome.Told, "")]
    [InlineData(202, NoticeOutcome.Told, "")]
    [InlineData(204, NoticeOutcome.Told, "")]
    [InlineData(302, NoticeOutcome.Refused, "Redirects are not followed")]
    [InlineData(400, NoticeOutcome.Refused, "400 Bad Request: what it says")]
    [InlineData(401, NoticeOutcome.Refused, "Look at the secrets and headers")]
    [InlineData(403, NoticeOutcome.Refused, "Look at the secrets and headers")]
    [InlineData(404, NoticeOutcome.Refused, "Look at the address")]
    [InlineData(408, NoticeOutcome.Later, "408 Request Timeout")]
    [InlineData(410, NoticeOutcome.Refused, "Look at the address")]
    [InlineData(413, NoticeOutcome.Refused, "413")]
    [InlineData(425, NoticeOutcome.Later, "425")]
    [InlineData(429, NoticeOutcome.Later, "429 Too Many Requests")]
    [InlineData(500, NoticeOutcome.Later, "500 Internal Server Error: what it says")]
    [InlineData(502, NoticeOutcome.Later, "502 Bad Gateway")]
    [InlineData(599, NoticeOutcome.Later, "599")]
    public async Task WhatTheReceiverAnswers_SaysWhatIsDone(int status, NoticeOutcome outcome, string reason)
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Signed(server.Url);
        server.Answer(status, status == 204 ? "" : "what it says", ("Location", "/elsewhere"));

        var answer = await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None);

        Assert.Equal((outcome, null), (answer.Outcome, answer.After));
        Assert.Contains(reason, answer.Reason, StringComparison.Ordinal);
        Assert.Equal(outcome == NoticeOutcome.Told, answer.Reason.Length == 0);
        Assert.Single(server.Received);
    }

    [Theory]
    [InlineData("0", null)]
    [InlineData("-5", null)]
    [InlineData("soon", null)]
    [InlineData("90", 90)]
    [InlineData("9999999", 86_400)]
    [InlineData("Fri, 01 Jan 2100 00:00:00 GMT", 86_400)]
    [InlineData("Thu, 01 Jan 1970 00:00:00 GMT", null)]
    public async Task HowLongToWait_IsAsTheReceiverSays_UpToADay(string given, int? seconds)
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Signed(server.Url);
        server.Answer(429, "", ("Retry-After", given));

        Assert.Equal(seconds, (await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None)).After?.TotalSeconds);
    }

    [Fact]
    public async Task ASilentReceiver_IsLeftAfterItsTime()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Signed(server.Url, TimeSpan.FromMilliseconds(300));
        server.Hang();

        Assert.Equal(new NoticeAnswer(NoticeOutcome.Later, "There was no answer within 0.3 s."), await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None));
    }

    [Fact]
    public async Task ACutConnection_OrNone_IsTriedAgain()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Signed(server.Url);
        server.Cut();

        var cut = await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None);
        Assert.Equal(NoticeOutcome.Later, cut.Outcome);
        Assert.NotEmpty(cut.Reason);

        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        using var nobody = Signed(new Uri($"http://127.0.0.1:{port}/"));
        var none = await nobody.TellAsync(Samples.Failed, "hook", CancellationToken.None);
        Assert.Equal(NoticeOutcome.Later, none.Outcome);
        Assert.Contains("could not be connected to", none.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ATaleOfTls_ToWhoSpeaksNone_IsTriedAgain()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Signed(new UriBuilder(server.Url) { Scheme = "https" }.Uri);

        var answer = await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None);

        Assert.Equal(NoticeOutcome.Later, answer.Outcome);
        Assert.Contains("TLS failed", answer.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACancel_IsThrown()
    {
        await using var server = await HttpReceiver.StartAsync();
        using var notifier = Signed(server.Url);
        using var cancel = new CancellationTokenSource();
        await cancel.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => notifier.TellAsync(Samples.Failed, "hook", cancel.Token));
    }

    [Fact]
    public async Task NoSecret_IsInAReason_WhateverTheReceiverEchoes()
    {
        await using var server = await HttpReceiver.StartAsync();
        var url = new Uri(server.Url, "/in/TOPSECRET/hook?code=9f8e7d6c");
        using var notifier = Samples.With(
            new WebhookReceiver { Name = "hook", Url = new SettingSpec(null, Samples.Secret("URL")), Headers = [("Authorization", new SettingSpec(null, Samples.Secret("TOKEN")))], Secrets = [Samples.Secret("KEY")] },
            ("URL", url.AbsoluteUri), ("TOKEN", Token), ("KEY", Key));
        server.Answer(400, $"no {Token} ({Token[7..]}) for {url} at {url.PathAndQuery} with 9f8e7d6c of TOPSECRET, {Key}\u0007\r\nand {new string('x', 10_000)}");

        var answer = await notifier.TellAsync(Samples.Failed, "hook", CancellationToken.None);

        Assert.Equal(NoticeOutcome.Refused, answer.Outcome);
        Assert.All([Token, Token.Split(' ')[1], "TOPSECRET", "9f8e7d6c", Key], secret => Assert.DoesNotContain(secret, answer.Reason, StringComparison.Ordinal));
        Assert.Contains("no *** (***) for *** at *** with *** of ***, *** and xxx", answer.Reason, StringComparison.Ordinal);
        Assert.True(answer.Reason.Length <= 500 && !answer.Reason.Any(char.IsControl));
    }

    [Fact]
    public void SecretsThatAreNotFit_AreToldAtTheStart_WithoutRepeatingThem()
    {
        AssertRefused("too shrt", "shorter than 16 bytes", secret => new WebhookReceiver { Name = "hook", Url = new SettingSpec("https://example.com", null), Secrets = [secret] });
        AssertRefused("whsec_%%%%%%%%", "no base 64", secret => new WebhookReceiver { Name = "hook", Url = new SettingSpec("https://example.com", null), Secrets = [secret] });
        AssertRefused("example.com/T0P", "no URL", secret => new WebhookReceiver { Name = "hook", Url = new SettingSpec(null, secret) });
        AssertRefused("T0P\nX-Other: 1", "printable ASCII", secret => new WebhookReceiver { Name = "hook", Url = new SettingSpec("https://example.com", null), Headers = [("X-A", new SettingSpec(null, secret))] });
        AssertRefused("http://example.com/T0P", "one with https", secret => new SlackReceiver { Name = "hook", Url = secret });
        AssertRefused("x", "Receiver 'hook' cannot be used. 'a@b@c' is no address", secret => new EmailReceiver { Name = "hook", Host = "localhost", Port = 25, From = "a@b@c", To = ["d@example.com"], User = "u", Password = secret });
        AssertRefused("T0P", "integration key", secret => new PagerDutyReceiver { Name = "hook", RoutingKey = secret });

        static void AssertRefused(string value, string rule, Func<SecretPlace, ReceiverSpec> receiver)
        {
            var error = Assert.Throws<ReceiverException>(() => Samples.With(receiver(Samples.Secret("S")), ("S", value)));
            Assert.Contains(rule, error.Message, StringComparison.Ordinal);
            if (value.Length > 1) Assert.DoesNotContain(value, error.Message, StringComparison.Ordinal);
        }
    }

    private static Notifier Signed(Uri url, TimeSpan? timeout = null) => Samples.With(
        new WebhookReceiver
        {
            Name = "hook",
            Url = new SettingSpec(url.AbsoluteUri, null),
            Headers = [("X-Team", new SettingSpec("data", null)), ("Authorization", new SettingSpec(null, Samples.Secret("TOKEN"))), ("Content-Language", new SettingSpec("de", null))],
            Secrets = [Samples.Secret("KEY"), Samples.Secret("OLDER")],
            Timeout = timeout ?? TimeSpan.FromSeconds(15),
        }, ("TOKEN", Token), ("KEY", Key), ("OLDER", Older));
}
