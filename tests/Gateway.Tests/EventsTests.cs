namespace Fanfare.Gateway.Tests;

public sealed class EventsTests
{
    private static async Task<(HttpResponseMessage Answer, StreamReader Reader)> OpenAsync(Server server, string path, string? lastId = null)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        if (lastId is not null) request.Headers.Add("Last-Event-ID", lastId);
        var answer = await server.Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
        return (answer, new StreamReader(await answer.Content.ReadAsStreamAsync()));
    }

    /// <summary>The next event or comment, as its lines; null at the end.</summary>
    private static async Task<string?> NextAsync(StreamReader reader)
    {
        var lines = new List<string>();
        while (await reader.ReadLineAsync().WaitAsync(Server.Patience) is { } line)
        {
            if (line.Length > 0) lines.Add(line);
            else if (lines.Count > 0 && !lines[0].StartsWith("retry", StringComparison.Ordinal)) return string.Join('\n', lines);
            else lines.Clear();
        }
        return null;
    }

    [Fact]
    public async Task AnEndedRun_SendsItsHistory_ThenEnd_ThenCloses()
    {
        await using var server = await Server.StartAsync();

        var (answer, reader) = await OpenAsync(server, "/api/v1/runs/r2/events");
        var first = await NextAsync(reader);
        var second = await NextAsync(reader);
        var end = await NextAsync(reader);

        Assert.Equal("text/event-stream", answer.Content.Headers.ContentType!.MediaType);
        Assert.StartsWith("id: 2\nevent: run_started\ndata: {\"id\":2,\"stream\":\"default/run/r2\"", first, StringComparison.Ordinal);
        Assert.StartsWith("id: 4\nevent: run_ended\n", second, StringComparison.Ordinal);
        Assert.Equal("id: 4\nevent: end\ndata: {\"run\":\"r2\",\"status\":\"succeeded\"}", end);
        Assert.Null(await NextAsync(reader));
    }

    [Theory]
    [InlineData("?after=2", null, 4)]
    [InlineData("", "2", 4)]
    [InlineData("?after=0", "2", 4)]
    public async Task AStream_GoesOnAfterTheLastEventReceived(string query, string? lastId, int id)
    {
        await using var server = await Server.StartAsync();

        var (_, reader) = await OpenAsync(server, "/api/v1/runs/r2/events" + query, lastId);

        Assert.StartsWith($"id: {id}\n", await NextAsync(reader), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x")]
    [InlineData("-1")]
    public async Task ABadLastEventId_IsRefused(string id)
    {
        await using var server = await Server.StartAsync();

        server.Client.DefaultRequestHeaders.Add("Last-Event-ID", id);
        using var answer = await server.Client.GetAsync("/api/v1/runs/r1/events");

        Assert.Equal("Last-Event-ID", (await answer.ProblemAsync(HttpStatusCode.BadRequest, "FAN0001")).Field());
    }

    [Fact]
    public async Task ACommit_WakesTheStream_UntilTheRunEnds()
    {
        await using var server = await Server.StartAsync();
        var (_, reader) = await OpenAsync(server, "/api/v1/runs/r1/events?after=3");

        var position = server.Reads.Append(StreamId.Run("default", "r1"), new RunPaused());
        server.Journal.Commit(position, "default", "r1");
        Assert.StartsWith($"id: {position}\nevent: run_paused\n", await NextAsync(reader), StringComparison.Ordinal);

        position = server.Reads.Append(StreamId.Run("default", "r1"), new RunEnded(RunStatus.Cancelled, null));
        server.Reads.Change(() => server.Reads.Runs["r1"] = server.Reads.Runs["r1"] with { Status = RunStatus.Cancelled });
        server.Journal.Commit(position, "default", "r1");
        Assert.StartsWith($"id: {position}\nevent: run_ended\n", await NextAsync(reader), StringComparison.Ordinal);
        Assert.StartsWith($"id: {position}\nevent: end\n", await NextAsync(reader), StringComparison.Ordinal);
        Assert.Null(await NextAsync(reader));
    }

    [Fact]
    public async Task ALongHistory_ComesWhole_AndResumesAnywhere()
    {
        await using var server = await Server.StartAsync();
        for (var i = 0; i < 950; i++) server.Reads.Append(StreamId.Run("default", "r2"), new RunPaused());

        async Task<List<string>> IdsAsync(string? lastId)
        {
            var (_, reader) = await OpenAsync(server, "/api/v1/runs/r2/events", lastId);
            var ids = new List<string>();
            while (await NextAsync(reader) is { } next) ids.Add(next.Split('\n')[0]);
            return ids;
        }

        var all = await IdsAsync(null);
        Assert.Equal(953, all.Count);
        Assert.Equal(all[401..], await IdsAsync(all[400]["id: ".Length..]));
    }

    [Fact]
    public async Task WhenNothingHappens_CommentsKeepTheStreamAlive()
    {
        await using var server = await Server.StartAsync(o => o with { Heartbeat = TimeSpan.FromMilliseconds(50) });
        var (_, reader) = await OpenAsync(server, "/api/v1/runs/r1/events?after=3");

        Assert.Equal(": still here", await NextAsync(reader));
        Assert.Equal(": still here", await NextAsync(reader));
    }

    [Fact]
    public async Task AStoppingServer_EndsStreamsAndParkedPolls_AtOnce()
    {
        await using var server = await Server.StartAsync();
        server.Scheduler.ParkPolls = true;
        var (_, reader) = await OpenAsync(server, "/api/v1/runs/r1/events?after=3");
        // Its headers are the sign that it is followed: a request that is still on its way when the server stops is refused instead.
        using var followed = await server.Client.GetAsync("/api/v1/runs/r1/tasks/fold[3,1]/logs?follow=true", HttpCompletionOption.ResponseHeadersRead).WaitAsync(Server.Patience);
        var logs = followed.Content.ReadAsStringAsync();
        var poll = server.Client.PostAsync("/api/v1/workers/w1:poll", Answers.Json(PollTests.Poll));
        await server.Scheduler.Entered.Task.WaitAsync(Server.Patience);

        var watch = System.Diagnostics.Stopwatch.StartNew();
        await server.StopAsync().WaitAsync(Server.Patience);

        Assert.InRange(watch.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Null(await NextAsync(reader));
        Assert.Equal("", await logs);
        using var released = await poll;
        await released.ProblemAsync(HttpStatusCode.ServiceUnavailable, "FAN0008");
        Assert.NotNull(released.Headers.RetryAfter);
    }
}
