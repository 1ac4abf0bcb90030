namespace Fanfare.Gateway.Tests;

public sealed class LogsTests
{
    private const string Path = "/api/v1/runs/r1/tasks/train[7]/logs", Growing = "/api/v1/runs/r1/tasks/fold[3,1]/logs";

    private static readonly string Blob = BlobNames.Log(World.Task("train", 7), 1), GrowingBlob = BlobNames.Log(World.Task("fold", 1, 3), 0);

    private static byte[] Lines(int from, int to) => Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(from, to - from)
        .Select(i => JsonSerializer.Serialize(new LogLine(World.T0, i % 2 == 0 ? "out" : "err", $"line {i}"), ContractsJson.Default.LogLine) + "\n")));

    private static string Text(params IEnumerable<int> lines) => string.Concat(lines.Select(i => $"line {i}\n"));

    [Fact]
    public async Task TheLog_IsPlainText_OrJsonLinesWhenAskedFor()
    {
        await using var server = await Server.StartAsync();
        server.Blobs.All[Blob] = Lines(0, 10);

        using var plain = await server.Client.GetAsync(Path);
        using var request = new HttpRequestMessage(HttpMethod.Get, Path);
        request.Headers.Add("Accept", "application/x-ndjson");
        using var raw = await server.Client.SendAsync(request);

        Assert.Equal("text/plain", plain.Content.Headers.ContentType!.MediaType);
        Assert.Equal(Text(Enumerable.Range(0, 10)), await plain.Content.ReadAsStringAsync());
        Assert.Equal("application/x-ndjson", raw.Content.Headers.ContentType!.MediaType);
        Assert.Equal(Lines(0, 10), await raw.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("tail=3", new[] { 97, 98, 99 })]
    [InlineData("tail=2&stream=out", new[] { 96, 98 })]
    [InlineData("tail=0", new int[0])]
    [InlineData("attempt=0", new int[0])]
    [InlineData("tail=1&attempt=1", new[] { 99 })]
    public async Task TheTail_CountsTheLinesThatAreShown(string query, int[] lines)
    {
        await using var server = await Server.StartAsync();
        server.Blobs.All[Blob] = Lines(0, 100);

        Assert.Equal(Text(lines), await server.Client.GetStringAsync($"{Path}?{query}"));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(700)]
    [InlineData(2500)]
    [InlineData(9999)]
    [InlineData(100_000)]
    public async Task TheTail_IsRightAcrossBlocks(int tail)
    {
        await using var server = await Server.StartAsync();
        server.Blobs.All[Blob] = Lines(0, 10_000);

        var expected = Text(Enumerable.Range(Math.Max(0, 10_000 - tail), Math.Min(10_000, tail)));
        Assert.Equal(expected, await server.Client.GetStringAsync($"{Path}?tail={tail}"));
    }

    [Fact]
    public async Task ReadingGoesOn_WhereTheAnswerBeforeSaidSo()
    {
        await using var server = await Server.StartAsync();
        // A chunk may end in the middle of a line.
        server.Blobs.All[GrowingBlob] = Lines(0, 6)[..^5];
        using var first = await server.Client.GetAsync(Growing);
        server.Blobs.All[GrowingBlob] = Lines(0, 8);
        using var second = await server.Client.GetAsync($"{Growing}?from={first.Headers.GetValues("Fanfare-Log-Next").Single()}");
        using var beyond = await server.Client.GetAsync($"{Growing}?from=999999");
        using var both = await server.Client.GetAsync($"{Growing}?from=1&tail=1");

        Assert.Equal(Text(0, 1, 2, 3, 4), await first.Content.ReadAsStringAsync());
        Assert.Equal(Text(5, 6, 7), await second.Content.ReadAsStringAsync());
        await beyond.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
        await both.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001");
    }

    [Fact]
    public async Task ATornLastLine_IsShownOnceTheAttemptHasEnded()
    {
        await using var server = await Server.StartAsync();
        server.Blobs.All[Blob] = [.. Lines(0, 1), .. "{\"at\":\"20"u8];

        Assert.Equal("line 0\n{\"at\":\"20", await server.Client.GetStringAsync(Path));
    }

    [Fact]
    public async Task Following_BringsNewLines_AndEndsWithTheAttempt()
    {
        await using var server = await Server.StartAsync();
        server.Blobs.All[GrowingBlob] = Lines(0, 2);

        using var answer = await server.Client.GetAsync($"{Growing}?follow=true", HttpCompletionOption.ResponseHeadersRead);
        using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync());
        Assert.Equal("line 0", await reader.ReadLineAsync().WaitAsync(Server.Patience));
        Assert.Equal("line 1", await reader.ReadLineAsync().WaitAsync(Server.Patience));

        server.Scheduler.Tokens["3.0.a"] = 0;
        var lease = new HeldLease(World.Task("fold", 1, 3), "3.0.a");
        using var upload = await server.Client.PutAsync(WorkerRoutes.Log(lease, server.Blobs.All[GrowingBlob].Length), new ByteArrayContent(Lines(2, 4)));
        Assert.Equal(HttpStatusCode.OK, upload.StatusCode);
        Assert.Equal("line 2", await reader.ReadLineAsync().WaitAsync(Server.Patience));

        server.Reads.Change(() =>
        {
            var at = server.Reads.Attempts.FindIndex(a => a.Key.Step == "fold");
            server.Reads.Attempts[at] = server.Reads.Attempts[at] with { Status = AttemptStatus.Succeeded };
        });
        server.Journal.Commit(9, "default", "r1");
        Assert.Equal("line 3\n", await reader.ReadToEndAsync().WaitAsync(Server.Patience));
    }

    [Fact]
    public async Task FollowingATaskThatWaits_BeginsWithItsFirstAttempt()
    {
        await using var server = await Server.StartAsync();
        using var none = await server.Client.GetAsync("/api/v1/runs/r1/tasks/gather/logs");
        await none.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");

        var following = server.Client.GetStringAsync("/api/v1/runs/r1/tasks/gather/logs?follow=true");
        var task = World.Task("gather", 0);
        server.Blobs.All[BlobNames.Log(task, 0)] = Lines(0, 1);
        server.Reads.Change(() =>
        {
            server.Reads.Tasks.Add(new TaskRow("default", "r1", task.Step, 0, TaskStatus.Succeeded, 0, "w1", World.T0, World.T0, World.T0, null, null, null));
            server.Reads.Attempts.Add(new AttemptRow("default", "r1", task.Step, 0, 0, AttemptStatus.Succeeded, "w1", "t", World.T0, World.T0, World.T0, null));
        });
        server.Journal.Commit(9, "default", "r1");

        Assert.Equal("line 0\n", await following.WaitAsync(Server.Patience));
    }

    [Fact]
    public async Task AnAttemptThatIsNotThere_Is404()
    {
        await using var server = await Server.StartAsync();

        using var answer = await server.Client.GetAsync(Path + "?attempt=5");

        await answer.ProblemAsync(HttpStatusCode.NotFound, "FAN0002");
    }
}
