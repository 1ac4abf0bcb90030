namespace Fanfare.Gateway.Tests;

public sealed class AccessTests
{
    private const string Token = "a-token-of-enough-length";

    private static Task<Server> StartGuardedAsync() => Server.StartAsync(o => o with { AccessToken = Token });

    [Theory]
    [InlineData(null)]
    [InlineData("Bearer wrong")]
    [InlineData("Bearer ")]
    [InlineData("Basic " + Token)]
    [InlineData("Bearer " + Token + "x")]
    public async Task WithoutTheToken_NothingOfTheApiAnswers(string? header)
    {
        await using var server = await StartGuardedAsync();
        if (header is not null) server.Client.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", header);

        foreach (var path in new[] { "/api/v1/runs", "/api/v1/version", "/openapi/v1.json", "/nowhere", "/api/v1/runs?token=" + Token, "/" })
        {
            using var answer = await server.Client.GetAsync(path);

            await answer.ProblemAsync(HttpStatusCode.Unauthorized, "FAN0006");
            Assert.Equal("Bearer", answer.Headers.WwwAuthenticate.Single().Scheme);
        }
        using var post = await server.Client.PostAsync("/api/v1/flows/train/runs?token=" + Token, Answers.Json("{}"));
        await post.ProblemAsync(HttpStatusCode.Unauthorized, "FAN0006");
        Assert.Empty(server.Scheduler.Commands);
    }

    [Theory]
    [InlineData("/healthz")]
    [InlineData("/readyz")]
    [InlineData("/errors/FAN0006")]
    public async Task HealthAndErrorPages_NeedNoToken(string path)
    {
        await using var server = await StartGuardedAsync();

        using var answer = await server.Client.GetAsync(path);

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task TheBearerToken_LetsIn_WhateverTheOrigin()
    {
        await using var server = await StartGuardedAsync();
        server.Client.DefaultRequestHeaders.Add("Authorization", "bearer " + Token);
        server.Client.DefaultRequestHeaders.Add("Origin", "https://elsewhere.example");

        using var answer = await server.Client.PostAsync("/api/v1/flows/train/runs", Answers.Json("{}"));

        Assert.Equal(HttpStatusCode.Created, answer.StatusCode);
    }

    [Fact]
    public async Task ThePageOpenedWithTheToken_SetsACookie_AndTakesTheTokenOutOfTheAddress()
    {
        await using var server = await StartGuardedAsync();

        using var opened = await server.Client.GetAsync($"/runs/r1?status=failed&token={Token}");
        var cookie = opened.Headers.GetValues("Set-Cookie").Single();

        Assert.Equal(HttpStatusCode.Redirect, opened.StatusCode);
        Assert.Equal("/runs/r1?status=failed", opened.Headers.Location!.OriginalString);
        Assert.DoesNotContain(Token, cookie, StringComparison.Ordinal);
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=lax", cookie, StringComparison.OrdinalIgnoreCase);

        using var request = new HttpRequestMessage(HttpMethod.Get, "/api/v1/runs");
        request.Headers.Add("Cookie", cookie.Split(';')[0]);
        using var answer = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task ARedirectAfterTheToken_NeverLeavesTheServer()
    {
        await using var server = await StartGuardedAsync();

        using var opened = await server.Client.GetAsync(new Uri(server.Address + "/evil.example/?token=" + Token));

        Assert.StartsWith("/evil", opened.Headers.Location!.OriginalString, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithTheCookie_PostsFromForeignPagesAreRefused()
    {
        await using var server = await StartGuardedAsync();
        using var opened = await server.Client.GetAsync("/?token=" + Token);
        var cookie = opened.Headers.GetValues("Set-Cookie").Single().Split(';')[0];

        async Task<HttpStatusCode> PostAsync(string? origin)
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, "/api/v1/runs/r1:cancel");
            request.Headers.Add("Cookie", cookie);
            if (origin is not null) request.Headers.Add("Origin", origin);
            using var answer = await server.Client.SendAsync(request);
            return answer.StatusCode;
        }

        Assert.Equal(HttpStatusCode.Forbidden, await PostAsync("https://elsewhere.example"));
        Assert.Equal(HttpStatusCode.Forbidden, await PostAsync("null"));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(server.Address.GetLeftPart(UriPartial.Authority)));
        Assert.Equal(HttpStatusCode.OK, await PostAsync(null));
    }

    [Theory]
    [InlineData("attacker.example", HttpStatusCode.Forbidden)]
    [InlineData("127.0.0.1.attacker.example:80", HttpStatusCode.Forbidden)]
    [InlineData("10.0.0.1", HttpStatusCode.Forbidden)]
    [InlineData("localhost:1234", HttpStatusCode.OK)]
    [InlineData("[::1]:7433", HttpStatusCode.OK)]
    [InlineData("127.0.0.2", HttpStatusCode.OK)]
    public async Task WithoutAToken_OnlyLoopbackNamesAreAnswered(string host, HttpStatusCode status)
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.Host = host;

        using var answer = await server.Client.GetAsync("/api/v1/runs");

        Assert.Equal(status, answer.StatusCode);
        if (status != HttpStatusCode.OK) await answer.ProblemAsync(status, "FAN0013");
    }

    [Theory]
    [InlineData("Origin", "https://elsewhere.example")]
    [InlineData("Origin", "null")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    public async Task WithoutAToken_PostsFromForeignPagesAreRefused(string header, string value)
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.Add(header, value);

        using var answer = await server.Client.PostAsync("/api/v1/runs/r1:cancel", null);

        await answer.ProblemAsync(HttpStatusCode.Forbidden, "FAN0013");
        Assert.Empty(server.Scheduler.Commands);
    }

    [Fact]
    public async Task ABrowserWithoutTheToken_IsAskedForIt()
    {
        await using var server = await StartGuardedAsync();
        server.Client.DefaultRequestHeaders.Add("Accept", "text/html");

        using var answer = await server.Client.GetAsync("/runs/r1");

        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        Assert.Contains("name=\"token\"", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }
}
