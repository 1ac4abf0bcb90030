using Fanfare.Contracts;

namespace Fanfare.Specs.Tests;

public sealed class ReceiverFileTests
{
    public static TheoryData<string> Documented => [.. File.ReadAllText(Path.Combine(Examples.Root, "docs", "notifications.md")).Split("```yaml\n").Skip(1).Select(block => block[..block.IndexOf("```", StringComparison.Ordinal)])];

    [Theory, MemberData(nameof(Documented))]
    public void WhatTheDocumentationShows_IsRight(string text) =>
        Assert.Empty(text.StartsWith("name:", StringComparison.Ordinal) ? FlowSpecReader.Read(text).Errors : ReceiverFileReader.Read(text).Errors);

    private const string Mail = "host: smtp.example.com, from: a@example.com, to: b@example.com";

    [Fact]
    public void AFile_NamesReceivers_AndWhereTheirSecretsAre()
    {
        var (receivers, errors) = ReceiverFileReader.Read("""
            hook:
              kind: webhook
              url: https://example.com/hook
              headers: {X-Team: data, Authorization: {env: HOOK_TOKEN}}
              secrets: [{env: HOOK_SECRET}, {file: secrets/hook}]
              timeout: 5s
              title: "{{ flow }}"
            hidden: {kind: webhook, url: {file: url}}
            chat: {kind: slack, url: {env: SLACK_URL}, text: "{{ run }}"}
            pager: {kind: pagerduty, routing_key: {env: PAGER_KEY}}
            europe: {kind: pagerduty, routing_key: {env: PAGER_KEY}, endpoint: "https://events.eu.pagerduty.com/v2/enqueue", severity: critical}
            mail:
              kind: email
              host: smtp.example.com
              user: fanfare
              password: {file: secrets/smtp}
              from: Fanfare <fanfare@example.com>
              to: [ops@example.com, Ann <ann@example.com>]
            local: {kind: email, host: localhost, tls: none, from: a@example.com, to: b@example.com}
            implicit: {kind: email, host: 10.0.0.1, tls: implicit, from: a@example.com, to: b@example.com}
            """);

        Assert.Empty(errors);
        Assert.Equal(["hook", "hidden", "chat", "pager", "europe", "mail", "local", "implicit"], receivers.Select(receiver => receiver.Name));
        var hook = Assert.IsType<WebhookReceiver>(receivers[0]);
        Assert.Equal((new SettingSpec("https://example.com/hook", null), TimeSpan.FromSeconds(5), "{{ flow }}", null), (hook.Url, hook.Timeout, hook.Title, hook.Text));
        Assert.Equal([("X-Team", new SettingSpec("data", null)), ("Authorization", new SettingSpec(null, new SecretPlace("HOOK_TOKEN", null)))], hook.Headers);
        Assert.Equal([new SecretPlace("HOOK_SECRET", null), new SecretPlace(null, "secrets/hook")], hook.Secrets);
        Assert.Equal(new SettingSpec(null, new SecretPlace(null, "url")), Assert.IsType<WebhookReceiver>(receivers[1]).Url);
        Assert.Equal(new SlackReceiver { Name = "chat", Url = new SecretPlace("SLACK_URL", null), Text = "{{ run }}" }, receivers[2]);
        Assert.Equal(new PagerDutyReceiver { Name = "pager", RoutingKey = new SecretPlace("PAGER_KEY", null), Endpoint = "https://events.pagerduty.com/v2/enqueue" }, receivers[3]);
        Assert.Equal(("https://events.eu.pagerduty.com/v2/enqueue", "critical"), (((PagerDutyReceiver)receivers[4]).Endpoint, ((PagerDutyReceiver)receivers[4]).Severity));
        var mail = Assert.IsType<EmailReceiver>(receivers[5]);
        Assert.Equal(("smtp.example.com", 587, MailSecurity.StartTls, "fanfare", new SecretPlace(null, "secrets/smtp")), (mail.Host, mail.Port, mail.Security, mail.User, mail.Password));
        Assert.Equal(("Fanfare <fanfare@example.com>", TimeSpan.FromSeconds(15)), (mail.From, mail.Timeout));
        Assert.Equal(["ops@example.com", "Ann <ann@example.com>"], mail.To);
        Assert.Equal([(25, MailSecurity.None), (465, MailSecurity.Implicit)], receivers.Skip(6).Cast<EmailReceiver>().Select(receiver => (receiver.Port, receiver.Security)));
    }

    [Theory]
    [InlineData("a: {url: x}", "'kind' is missing")]
    [InlineData("a: {kind: slak, url: {env: U}}", "one of webhook, slack, pagerduty, email")]
    [InlineData("a: b", "a mapping that describes a receiver")]
    [InlineData("'a b': {kind: slack, url: {env: U}}", "no valid name of a receiver")]
    [InlineData("a: {kind: slack}", "'url' is missing")]
    [InlineData("a: {kind: slack, url: \"https://hooks.slack.com/services/T/B/x\"}", "A secret stands in the file itself.")]
    [InlineData("a: {kind: slack, url: {env: U, file: f}}", "A secret is in one place")]
    [InlineData("a: {kind: slack, url: {env: U}, secrets: {env: S}}", "'secrets' is no field of a receiver of kind slack.")]
    [InlineData("a: {kind: slack, url: {env: U}, text: \"{{ rnu }}\"}", "Nothing is called 'rnu'.")]
    [InlineData("a: {kind: slack, url: {env: U}, timeout: 2m}", "at most 1m")]
    [InlineData("a: {kind: slack, url: {env: U}, timeout: 10ms}", "timeout")]
    [InlineData("a: {kind: webhook}", "'url' is missing")]
    [InlineData("a: {kind: webhook, url: example.com}", "an address with http or https")]
    [InlineData("a: {kind: webhook, url: \"ftp://example.com\"}", "an address with http or https")]
    [InlineData("a: {kind: webhook, url: \"https://user:pass@example.com\"}", "an address with http or https")]
    [InlineData("a: {kind: webhook, url: \"https://example.com\", headers: {Authorization: Bearer x}}", "A secret stands in the file itself.")]
    [InlineData("a: {kind: webhook, url: \"https://example.com\", headers: {X-Api-Key: x}}", "A secret stands in the file itself.")]
    [InlineData("a: {kind: webhook, url: \"https://example.com\", headers: {Content-Length: 5}}", "the sender's own")]
    [InlineData("a: {kind: webhook, url: \"https://example.com\", headers: {Webhook-Id: 5}}", "the sender's own")]
    [InlineData("a: {kind: webhook, url: \"https://example.com\", headers: {\"a b\": 5}}", "no name of a header")]
    [InlineData("a: {kind: webhook, url: \"https://example.com\", headers: {X-Team: \"a\\nb\"}}", "printable ASCII")]
    [InlineData("a: {kind: webhook, url: \"https://example.com\", secrets: hunter2hunter2hunter2}", "A secret stands in the file itself.")]
    [InlineData("a: {kind: pagerduty}", "'routing_key' is missing")]
    [InlineData("a: {kind: pagerduty, routing_key: 0123456789abcdef}", "A secret stands in the file itself.")]
    [InlineData("a: {kind: pagerduty, routing_key: {env: K}, endpoint: \"http://example.com\"}", "an address with https")]
    [InlineData("a: {kind: pagerduty, routing_key: {env: K}, severity: bad}", "one of critical, error, warning, info")]
    [InlineData("a: {kind: email, from: a@example.com, to: b@example.com}", "'host' is missing")]
    [InlineData("a: {kind: email, host: h, to: b@example.com}", "'from' is missing")]
    [InlineData("a: {kind: email, host: h, from: b@example.com}", "'to' is missing")]
    [InlineData("a: {kind: email, host: \"h:25\", from: a@example.com, to: b@example.com}", "no name of a machine")]
    [InlineData("a: {kind: email, host: h, from: a, to: b@example.com}", "an address like")]
    [InlineData("a: {kind: email, host: h, from: a@example.com, to: \"b@example.com, c@example.com\"}", "an address like")]
    [InlineData("a: {kind: email, host: h, from: \"a@example.com\\r\\nBcc: c@example.com\", to: b@example.com}", "an address like")]
    [InlineData("a: {kind: email, host: h, from: a@example.com, to: []}", "There are 0 addresses")]
    [InlineData("a: {kind: email, host: h, from: a@example.com, to: [b@example.com, B@example.com]}", "stands twice")]
    [InlineData("a: {kind: email, tls: none, " + Mail + "}", "everybody on the way")]
    [InlineData("a: {kind: email, tls: ssl, " + Mail + "}", "one of starttls, implicit, none")]
    [InlineData("a: {kind: email, port: 70000, " + Mail + "}", "an integer from 1 to 65535")]
    [InlineData("a: {kind: email, user: u, " + Mail + "}", "A user has a password.")]
    [InlineData("a: {kind: email, password: {env: P}, " + Mail + "}", "A password is a user's.")]
    [InlineData("a: {kind: email, user: u, password: hunter2, " + Mail + "}", "A secret stands in the file itself.")]
    [InlineData("[a]", "a mapping of names to receivers")]
    [InlineData("a: [", "")]
    public void WhatIsWrong_IsTold_WithItsPlaceAndARemedy(string text, string what)
    {
        var (receivers, errors) = ReceiverFileReader.Read(text);

        Assert.Empty(receivers);
        var error = errors[0];
        Assert.Contains(what, $"{error.Path} {error.Message}", StringComparison.Ordinal);
        Assert.True(error.Line >= 1 && error.Remedy.Length > 0, error.ToString());
        Assert.DoesNotContain("hunter2", string.Concat(errors), StringComparison.Ordinal);
    }
}
