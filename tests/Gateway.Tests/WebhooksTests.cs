using System.Globalization;
using System.Security.Cryptography;
using Fanfare.Contracts.Http;
using Microsoft.AspNetCore.Http;

namespace Fanfare.Gateway.Tests;

public sealed class WebhooksTests
{
    private const string Old = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", New = "a secret of the coming year", HubSecret = "It's a Secret to Everybody";

    // The examples that the two publish of their schemes: of the library for Standard Webhooks, and in GitHub's documentation.
    [Fact]
    public void PublishedExamples_AreTakenAsSigned()
    {
        var standard = new HeaderDictionary
        {
            ["webhook-id"] = "msg_p5jXN8AQM9LWM0D4loKWxJek",
            ["webhook-timestamp"] = "1614265330",
            ["webhook-signature"] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        };
        var hub = new HeaderDictionary { ["X-Hub-Signature-256"] = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17" };

        var id = WebhookSignature.Check(Hook("a", Old), standard, """{"test": 2432232314}"""u8, DateTimeOffset.FromUnixTimeSeconds(1614265330 + 299));
        WebhookSignature.Check(Hook("b", HubSecret, WebhookScheme.GitHub), hub, "Hello, World!"u8, DateTimeOffset.MinValue);

        Assert.Equal("msg_p5jXN8AQM9LWM0D4loKWxJek", id);
        // And so do we sign what we send.
        Assert.Equal(
            standard.Select(header => (header.Key, header.Value.ToString())),
            StandardWebhooks.Headers(id, DateTimeOffset.FromUnixTimeSeconds(1614265330), """{"test": 2432232314}"""u8.ToArray(), [StandardWebhooks.SecretOf(Old)]).Select(header => (header.Key, header.Value)));
        Assert.Equal("FAN0019", Assert.Throws<ApiFault>(() => WebhookSignature.Check(Hook("a", Old), standard, """{"test": 2432232314}"""u8, DateTimeOffset.FromUnixTimeSeconds(1614265330 + 301))).Code.Code);
    }

    [Fact]
    public async Task ASignedRequest_IsAnEvent_KnownByItsId_AndNeedsNoToken()
    {
        await using var server = await StartAsync();

        using var first = await SendAsync(server, "orders", "m1", """{"day":"2026-11-27"}""", Old);
        using var second = await SendAsync(server, "orders", "m2", """{"day":"2026-11-27"}""", New);

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.Created), (first.StatusCode, second.StatusCode));
        var commands = server.Scheduler.Commands.Cast<PublishEvent>().ToList();
        Assert.Equal([("sales", "webhook:orders", "orders.loaded", """{"day":"2026-11-27"}""", "webhook:orders:m1"), ("sales", "webhook:orders", "orders.loaded", """{"day":"2026-11-27"}""", "webhook:orders:m2")],
            commands.Select(command => (command.Namespace, command.Actor, command.Name, command.Payload, command.Key!)));
        Assert.Equal($$"""{"event":"{{commands[0].Event}}","new":true}""", await first.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task ARequestThatIsSentAgain_IsToldToTheSchedulerUnderTheSameKey()
    {
        await using var server = await StartAsync();

        using var first = await SendAsync(server, "orders", "m1", "{}", Old);
        server.Scheduler.New = false;
        using var again = await SendAsync(server, "orders", "m1", "{}", Old);

        Assert.Equal((HttpStatusCode.Created, HttpStatusCode.OK), (first.StatusCode, again.StatusCode));
        Assert.Single(server.Scheduler.Commands.Cast<PublishEvent>().Select(command => command.Key).Distinct());
    }

    [Fact]
    public async Task GitHubsRequest_IsKnownByItsBody_SinceItsIdIsNotSigned()
    {
        await using var server = await StartAsync();
        var body = """{"ref":"refs/heads/main"}""";
        foreach (var delivery in new[] { "one", "another" })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/hooks/push") { Content = Answers.Json(body) };
            request.Headers.Add("X-GitHub-Delivery", delivery);
            request.Headers.Add("X-Hub-Signature-256", "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(HubSecret), Encoding.UTF8.GetBytes(body))));
            using var answer = await server.Client.SendAsync(request);
            Assert.True(answer.IsSuccessStatusCode);
        }

        Assert.Single(server.Scheduler.Commands.Cast<PublishEvent>().Select(command => command.Key).Distinct());
    }

    [Theory]
    [InlineData("changed", 401, "FAN0019")]
    [InlineData("other secret", 401, "FAN0019")]
    [InlineData("old", 401, "FAN0019")]
    [InlineData("of the future", 401, "FAN0019")]
    [InlineData("unsigned", 401, "FAN0019")]
    [InlineData("two ids", 401, "FAN0019")]
    [InlineData("no id", 400, "FAN0001")]
    [InlineData("no time", 400, "FAN0001")]
    [InlineData("no json", 400, "FAN0001")]
    [InlineData("a list", 400, "FAN0001")]
    [InlineData("a form", 415, "FAN0011")]
    [InlineData("large", 413, "FAN0009")]
    [InlineData("unknown", 404, "FAN0002")]
    public async Task WhatIsNotRight_IsRefused_AndPublishesNothing(string what, int status, string code)
    {
        await using var server = await StartAsync();
        var body = what switch { "no json" => "{", "a list" => "[]", "large" => $$"""{"text":"{{new string('x', Limits.PayloadBytes)}}"}""", _ => "{}" };
        using var request = Request(what == "unknown" ? "none" : "orders", what == "no id" ? new string('x', 201) : "m1", body, what == "other secret" ? "another secret of the server" : Old, what switch { "old" => -400, "of the future" => 400, _ => 0 });
        if (what == "changed") request.Content = Answers.Json("""{"x":1}""");
        if (what == "unsigned") request.Headers.Remove("webhook-signature");
        if (what == "two ids") request.Headers.Add("webhook-id", "m2");
        if (what == "no time")
        {
            request.Headers.Remove("webhook-timestamp");
            request.Headers.Add("webhook-timestamp", "now");
        }
        if (what == "a form") request.Content = new StringContent(body, Encoding.UTF8, "application/x-www-form-urlencoded");

        using var answer = await server.Client.SendAsync(request);

        await answer.ProblemAsync((HttpStatusCode)status, code);
        Assert.Empty(server.Scheduler.Commands);
    }

    [Theory]
    [InlineData("short")]
    [InlineData("whsec_????????????????????????????????")]
    [InlineData("whsec_c2hvcnQ=")]
    public void ASecretThatIsNone_IsRefused(string secret) => Assert.Throws<FormatException>(() => StandardWebhooks.SecretOf(secret));

    private static Task<HttpResponseMessage> SendAsync(Server server, string hook, string id, string body, string secret) => server.Client.SendAsync(Request(hook, id, body, secret));

    private static HttpRequestMessage Request(string hook, string id, string body, string secret, int seconds = 0)
    {
        var time = (DateTimeOffset.UtcNow.ToUnixTimeSeconds() + seconds).ToString(CultureInfo.InvariantCulture);
        var signature = Convert.ToBase64String(HMACSHA256.HashData(StandardWebhooks.SecretOf(secret).Span, Encoding.UTF8.GetBytes($"{id}.{time}.{body}")));
        var request = new HttpRequestMessage(HttpMethod.Post, $"/hooks/{hook}") { Content = Answers.Json(body) };
        request.Headers.TryAddWithoutValidation("webhook-id", id);
        request.Headers.Add("webhook-timestamp", time);
        request.Headers.Add("webhook-signature", $"v1a,nonsense v1,bm9uc2Vuc2U= v1,{signature}");
        return request;
    }

    private static Webhook Hook(string name, string secret, WebhookScheme scheme = WebhookScheme.Standard) => new(new WebhookSpec { Name = name, Event = "x", Scheme = scheme }, [StandardWebhooks.SecretOf(secret)]);

    private static Task<Server> StartAsync() => Server.StartAsync(options => options with
    {
        AccessToken = "the-access-token-of-the-server",
        Webhooks =
        [
            new Webhook(new WebhookSpec { Name = "orders", Namespace = "sales", Event = "orders.loaded" }, [StandardWebhooks.SecretOf(New), StandardWebhooks.SecretOf(Old)]),
            new Webhook(new WebhookSpec { Name = "push", Event = "github.push", Scheme = WebhookScheme.GitHub }, [StandardWebhooks.SecretOf(HubSecret)]),
        ],
    });
}
