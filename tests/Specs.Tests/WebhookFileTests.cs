using Fanfare.Contracts;

namespace Fanfare.Specs.Tests;

public sealed class WebhookFileTests
{
    [Fact]
    public void AFile_NamesWebhooks_TheirEvents_AndWhereTheirSecretsAre()
    {
        var (hooks, errors) = WebhookFileReader.Read("""
            orders:
              event: orders.loaded
              namespace: sales
              secrets: [{env: ORDERS_SECRET}, {file: secrets/orders}]
              tolerance: 1m
            push: {event: github.push, scheme: github, secrets: {file: /run/secrets/github}}
            """);

        Assert.Empty(errors);
        Assert.Equal(["orders default False", "push default True"], hooks.Select(hook => $"{hook.Name} {(hook.Name == "orders" ? "default" : hook.Namespace)} {hook.Scheme == WebhookScheme.GitHub}"));
        Assert.Equal(("sales", "orders.loaded", TimeSpan.FromMinutes(1)), (hooks[0].Namespace, hooks[0].Event, hooks[0].Tolerance));
        Assert.Equal([new SecretPlace("ORDERS_SECRET", null), new SecretPlace(null, "secrets/orders")], hooks[0].Secrets);
        Assert.Equal(TimeSpan.FromMinutes(5), hooks[1].Tolerance);
    }

    [Theory]
    [InlineData("a: {secrets: {env: S}}", "'event' is missing")]
    [InlineData("a: {event: x}", "'secrets' is missing")]
    [InlineData("a: {event: x, secrets: hunter2hunter2hunter2}", "A secret stands in the file itself.")]
    [InlineData("a: {event: x, secrets: {env: S, file: f}}", "A secret is in one place")]
    [InlineData("a: {event: x, secrets: {}}", "A secret is in one place")]
    [InlineData("a: {event: x, secrets: {env: S}, scheme: stripe}", "There is no scheme 'stripe'.")]
    [InlineData("a: {event: x, secrets: {env: S}, tolerence: 5m}", "'tolerence' is no field of a webhook.")]
    [InlineData("a: {event: x, secrets: {env: S}, tolerance: 0s}", "tolerance")]
    [InlineData("a: {event: x, secrets: {env: S}, namespace: ..}", "is no name of a namespace")]
    [InlineData("'a/b': {event: x, secrets: {env: S}}", "is no valid name of a webhook")]
    [InlineData("[a]", "a mapping of names to webhooks")]
    [InlineData("a: [", "")]
    public void WhatIsWrong_IsTold_WithItsPlaceAndARemedy(string text, string what)
    {
        var (hooks, errors) = WebhookFileReader.Read(text);

        Assert.Empty(hooks);
        var error = errors[0];
        Assert.Contains(what, $"{error.Path} {error.Message}", StringComparison.Ordinal);
        Assert.True(error.Line >= 1 && error.Remedy.Length > 0, error.ToString());
    }
}
