namespace Fanfare.Gateway.Tests;

public sealed class PagesTests
{
    [Theory]
    [InlineData("/")]
    [InlineData("/?status=failed&flow=train&tag=nightly")]
    [InlineData("/?utm_source=elsewhere")]
    [InlineData("/runs/r1")]
    [InlineData("/runs/r1?step=train&status=failed")]
    [InlineData("/runs/r3")]
    [InlineData("/runs/r1/tasks/train%5B7%5D")]
    [InlineData("/runs/r1/tasks/train%5B7%5D?attempt=0")]
    [InlineData("/runs/r1/tasks/gather")]
    public async Task WhatUsersWrote_IsEncoded_AndThePolicyForbidsTheRest(string path)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync(path);
        var page = await answer.Content.ReadAsStringAsync();
        var policy = answer.Headers.GetValues("Content-Security-Policy").Single();

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.All(["<script>alert", "<i>tag", "<NaN>", "<b>2 workers"], markup => Assert.DoesNotContain(markup, page, StringComparison.Ordinal));
        Assert.DoesNotContain(" style=", page, StringComparison.Ordinal);
        Assert.DoesNotContain(" onclick", page, StringComparison.Ordinal);
        Assert.StartsWith("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", answer.Headers.GetValues("X-Content-Type-Options").Single());
    }

    [Fact]
    public async Task TheFirstPage_SaysWhyAWorkerDrains()
    {
        await using var server = await Server.StartAsync();

        Assert.Contains("drains: rebalance &lt;i&gt;tag", await server.Client.GetStringAsync("/"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheRunsPage_ShowsStepsFailuresAndTasks_AndFollowsItsEvents()
    {
        await using var server = await Server.StartAsync();

        var page = await server.Client.GetStringAsync("/runs/r1");

        Assert.Contains("data-fragment=\"/runs/r1/fragment\"", page, StringComparison.Ordinal);
        Assert.Contains("data-events=\"/api/v1/runs/r1/events?after=4\"", page, StringComparison.Ordinal);
        Assert.Contains("100,000", page, StringComparison.Ordinal);
        Assert.Contains("ValueError: could not convert &lt;NaN&gt; to int", page, StringComparison.Ordinal);
        Assert.Contains("href=\"/runs/r1/tasks/train%5B7%5D\"", page, StringComparison.Ordinal);
        Assert.Contains("aria-label=\"580 of 100000 done, 2 failed, 4 running\"", page, StringComparison.Ordinal);
        Assert.Contains("cursor=50", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnEndedRunsPage_FollowsNothing()
    {
        await using var server = await Server.StartAsync();

        Assert.DoesNotContain("data-events", await server.Client.GetStringAsync("/runs/r2"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheFragment_IsThePagesContentAlone()
    {
        await using var server = await Server.StartAsync();

        var fragment = await server.Client.GetStringAsync("/runs/r1/fragment?status=failed");

        Assert.DoesNotContain("<html", fragment, StringComparison.Ordinal);
        Assert.Contains("train[7]", fragment, StringComparison.Ordinal);
        Assert.DoesNotContain(">train[8]<", fragment, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheTasksPage_LinksArtifacts_AndItsLog()
    {
        await using var server = await Server.StartAsync();

        var page = await server.Client.GetStringAsync("/runs/r1/tasks/start");

        Assert.Contains("href=\"/api/v1/runs/r1/tasks/start/artifacts/plots/loss%201.txt\"", page, StringComparison.Ordinal);
        Assert.Contains("data-log=\"/api/v1/runs/r1/tasks/start/logs?attempt=0&amp;tail=1000&amp;follow=true\"", page, StringComparison.Ordinal);
    }

    [Fact]
    public async Task EveryNamedEvent_IsListenedTo()
    {
        await using var server = await Server.StartAsync();

        var page = await server.Client.GetStringAsync("/runs/r1");

        Assert.Contains("task_succeeded", page, StringComparison.Ordinal);
        Assert.Contains("run_started", page, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a **b** `<c>`", "<p>a **b** <code>&lt;c&gt;</code></p>")]
    [InlineData("# T\n\n- one\n  more\n- two\n\n```\nx < y\n```", "<h1>T</h1><ul><li>one more</li><li>two</li></ul><pre><code>x &lt; y</code></pre>")]
    [InlineData("[a](FAN0001.md) b", "<p><a href=\"FAN0001\">a</a> b</p>")]
    [InlineData("```\nnot closed", "<pre><code>not closed</code></pre>")]
    public void Markdown_BecomesPlainHtml(string markdown, string html) => Assert.Equal(html, Markdown.ToHtml(markdown).Text);
}
