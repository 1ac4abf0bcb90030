namespace Fanfare.Gateway.Tests;

public sealed class ProblemTests
{
    [Theory]
    [InlineData("GET", "/nowhere", HttpStatusCode.NotFound, "FAN0002")]
    [InlineData("GET", "/api/v1/nowhere", HttpStatusCode.NotFound, "FAN0002")]
    [InlineData("DELETE", "/api/v1/runs/r1", HttpStatusCode.MethodNotAllowed, "FAN0010")]
    [InlineData("GET", "/api/v1/runs/r1:cancel", HttpStatusCode.NotFound, "FAN0002")]
    [InlineData("GET", "/errors/FAN9999", HttpStatusCode.NotFound, "FAN0002")]
    [InlineData("GET", "/api/v1/version?x=1", HttpStatusCode.BadRequest, "FAN0001")]
    public async Task WhatRoutingRefuses_IsProblemDetailsToo(string method, string path, HttpStatusCode status, string code)
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.SendAsync(new HttpRequestMessage(new HttpMethod(method), path));

        var problem = await answer.ProblemAsync(status, code);
        Assert.Equal(path.Split('?')[0], problem.GetProperty("instance").GetString());
        if (status == HttpStatusCode.MethodNotAllowed) Assert.NotEmpty(answer.Content.Headers.Allow);
    }

    [Fact]
    public async Task ADamagedJournal_Is500_WithItsMessage()
    {
        await using var server = await Server.StartAsync();
        server.Reads.Trouble = new JournalFormatException("Event 12 has version 2.");

        using var answer = await server.Client.GetAsync("/api/v1/runs");

        var problem = await answer.ProblemAsync(HttpStatusCode.InternalServerError, "FAN0014");
        Assert.Equal("Event 12 has version 2.", problem.GetProperty("detail").GetString());
    }

    [Fact]
    public async Task ADefect_Is500_WithoutItsInsides()
    {
        await using var server = await Server.StartAsync();
        server.Reads.Trouble = new InvalidOperationException("secret detail");

        using var answer = await server.Client.GetAsync("/api/v1/runs");

        var problem = await answer.ProblemAsync(HttpStatusCode.InternalServerError, "FAN0015");
        Assert.DoesNotContain("secret", problem.GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task StorageThatFails_Is503()
    {
        await using var server = await Server.StartAsync();
        server.Reads.Trouble = new IOException("No space left on device.");

        using var answer = await server.Client.GetAsync("/api/v1/runs");

        await answer.ProblemAsync(HttpStatusCode.ServiceUnavailable, "FAN0008");
    }

    [Fact]
    public async Task Readiness_IsTheJournalsHealth()
    {
        await using var server = await Server.StartAsync();

        using var ready = await server.Client.GetAsync("/readyz");
        server.Journal.Health = "The disk is full. Free some space.";
        using var unready = await server.Client.GetAsync("/readyz");
        using var alive = await server.Client.GetAsync("/healthz");

        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
        Assert.Equal("The disk is full. Free some space.", (await unready.ProblemAsync(HttpStatusCode.ServiceUnavailable, "FAN0008")).GetProperty("detail").GetString());
        Assert.Equal(HttpStatusCode.OK, alive.StatusCode);
    }

    [Fact]
    public async Task ACommandThatIsNotDurableInTime_Is503_WithTheJournalsHealth()
    {
        await using var server = await Server.StartAsync(o => o with { CommandTimeout = TimeSpan.FromMilliseconds(100) });
        server.Scheduler.Gate = new TaskCompletionSource();
        server.Journal.Health = "The disk is full.";

        using var answer = await server.Client.PostAsync("/api/v1/runs/r1:pause", null);

        var problem = await answer.ProblemAsync(HttpStatusCode.ServiceUnavailable, "FAN0008");
        Assert.Contains("The disk is full.", problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.NotNull(answer.Headers.RetryAfter);
    }

    [Fact]
    public async Task BeyondTheWaitingLine_CommandsAre429_AndQueriesGoOn()
    {
        await using var server = await Server.StartAsync(o => o with { Concurrency = 1, Waiting = 1 });
        var gate = server.Scheduler.Gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

        var commands = Enumerable.Range(0, 6).Select(_ => server.Client.PostAsync("/api/v1/runs/r1:pause", null)).ToList();
        // Two are taken (one runs, one waits), so four are refused at once.
        var refused = 0;
        while (refused < 4)
        {
            var done = await Task.WhenAny(commands).WaitAsync(Server.Patience);
            commands.Remove(done);
            await (await done).ProblemAsync(HttpStatusCode.TooManyRequests, "FAN0012");
            Assert.NotNull((await done).Headers.RetryAfter);
            refused++;
        }
        using var query = await server.Client.GetAsync("/api/v1/runs");
        Assert.Equal(HttpStatusCode.OK, query.StatusCode);

        gate.SetResult();
        foreach (var answer in await Task.WhenAll(commands).WaitAsync(Server.Patience)) Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Fact]
    public async Task EventStreams_AreBounded_AndFreeTheirPlace()
    {
        await using var server = await Server.StartAsync(o => o with { Streams = 1 });

        var open = await server.Client.GetAsync("/api/v1/runs/r1/events", HttpCompletionOption.ResponseHeadersRead);
        using var refused = await server.Client.GetAsync("/api/v1/runs/r1/events");
        await refused.ProblemAsync(HttpStatusCode.TooManyRequests, "FAN0012");
        open.Dispose();

        using var patience = new CancellationTokenSource(Server.Patience);
        HttpStatusCode status;
        do
        {
            using var answer = await server.Client.GetAsync("/api/v1/runs/r1/events", HttpCompletionOption.ResponseHeadersRead, patience.Token);
            status = answer.StatusCode;
        }
        while (status != HttpStatusCode.OK);
    }

    [Fact]
    public async Task ErrorPages_ExistForEveryCode_AndSayWhatToDo()
    {
        await using var server = await Server.StartAsync();

        foreach (var code in ErrorCodes.All)
        {
            var page = await server.Client.GetStringAsync(code.Page);

            Assert.Contains($"<h1>{code.Code}: {System.Text.Encodings.Web.HtmlEncoder.Default.Encode(code.Title)}</h1>", page, StringComparison.Ordinal);
            Assert.All(["<h2>Why</h2>", "<h2>What to do</h2>", "<h2>Example</h2>", "<pre><code>"], part => Assert.Contains(part, page, StringComparison.Ordinal));
        }
        var files = Directory.GetFiles(Repository.Path("docs/errors"), "*.md").Select(Path.GetFileNameWithoutExtension).Order();
        Assert.Equal(ErrorCodes.All.Select(c => c.Code).Order(), files);
    }

    [Fact]
    public async Task ABrowser_GetsARefusalAsAPage()
    {
        await using var server = await Server.StartAsync();
        server.Client.DefaultRequestHeaders.Add("Accept", "text/html,*/*");

        using var answer = await server.Client.GetAsync("/runs/%3Cb%3E");
        var page = await answer.Content.ReadAsStringAsync();

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("text/html", answer.Content.Headers.ContentType!.MediaType);
        Assert.Contains("/errors/FAN0002", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", page, StringComparison.Ordinal);
    }
}
