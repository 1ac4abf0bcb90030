using System.Text.Json;

namespace Fanfare.EndToEnd.Operations;

public sealed class RetentionTests
{
    private const string Flow = """
        name: keeps
        steps:
          start: {run: ["echo", "hello"], next: {foreach: each, over: {range: 40} } }
          each: {run: ["true"], next: all}
          all: {join: all, run: ["true"]}
        """;

    [Fact]
    public async Task AnOldRun_GoesToItsArchive_AndNothingBringsItBack()
    {
        await using var site = Site.Empty();
        await site.StartServerAsync();
        site.StartWorker();
        var run = await site.Api.StartAsync(Flow, key: "monday");
        await site.Api.SucceedRunAsync(run);
        var history = await site.Api.HistoryAsync(run);
        var leased = history.First(e => e.Type == "task_leased" && Api.IsOf(e, "each")).Data;

        // Killed again and again on its way: whatever was begun goes on with the next start.
        site.Server.Terminate();
        await site.Server.ExitAsync(Eventually.Limit);
        for (var kill = 0; kill < 3; kill++)
        {
            await site.StartServerAsync(more: ["--retain", "1s"]);
            // All of it is read in one answer, or nothing: it may go between two.
            var (status, page) = await site.Api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{run}/history?limit=1000");
            if (status == 200) Assert.Equal(history.Count, JsonDocument.Parse(page).RootElement.GetProperty("items").GetArrayLength());
            await site.Server.KillAsync();
        }
        await site.StartServerAsync(more: ["--retain", "1s"]);
        var gone = await Eventually.GetAsync(async () => await site.Api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{run}") is (410, var body) ? body : null, "The run's archive");

        Assert.Contains("FAN0017", gone, StringComparison.Ordinal);
        Assert.Contains("archives/default/", gone, StringComparison.Ordinal);
        Assert.Equal(410, (await site.Api.AnswerAsync(HttpMethod.Post, $"/api/v1/runs/{run}:retry", new { from_step = "start" })).Status);
        await Eventually.TrueAsync(() => !Directory.Exists(Path.Combine(site.Data, "blobs", "runs", "default", run)), "The end of the run's logs");
        var lines = await ArchiveAsync(site, run);
        Assert.Equal(history.Select(e => (e.Id, e.Stream, e.Sequence, e.Type)), lines.Where(l => l.Event is not null).Select(l => (l.Event!.Position, l.Event.Stream.ToString(), l.Event.Sequence, l.Event.Payload.GetProperty("t").GetString()!)));
        Assert.Equal(42, lines.Count(l => l.Task is not null));
        Assert.Contains("run_ended", await TextAsync(site, "archive", "show", run, "--server", site.Url), StringComparison.Ordinal);

        // The key stands for the run that it started, and a worker that was away for long changes nothing.
        var again = await site.Api.StartDeployedAsync("keeps", "monday");
        Assert.Equal((run, false), (again.Run, again.New));
        var poll = new
        {
            worker = "late",
            boot = "b",
            sequence = 1,
            capacity = new { cpu = 1, memory_bytes = 1, gpu = 0, disk_bytes = 0 },
            free = new { cpu = 1, memory_bytes = 1, gpu = 0, disk_bytes = 0 },
            finished = new[] { new { task = new { @namespace = "default", run, step = "2:each", split = 0 }, token = leased.GetProperty("token").GetString(), outcome = "succeeded", ended_at = DateTimeOffset.UtcNow } },
            held = new[] { new { task = new { @namespace = "default", run, step = "2:each", split = 1 }, token = "a" } },
        };
        var (polled, settled) = await site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/workers/late:poll", poll);
        Assert.True(polled == 200, settled);
        Assert.Contains(leased.GetProperty("token").GetString()!, settled, StringComparison.Ordinal);
        Assert.Contains("\"void\":true", settled, StringComparison.Ordinal);
        Assert.Equal(410, (await site.Api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{run}/history")).Status);
        Assert.Empty((await site.Api.RunsAsync()).Items);
        // A new run of the flow goes as any.
        Assert.NotEqual(run, (await site.Api.StartDeployedAsync("keeps", "tuesday")).Run);
    }

    private static async Task<List<ArchiveLine>> ArchiveAsync(Site site, string run)
    {
        var command = site.Command("archive", "show", run, "--json", "--server", site.Url);
        Assert.Equal(0, await command.ExitAsync(Eventually.Limit));
        // The line of the end comes once all is read.
        var lines = await Eventually.GetAsync(() => Task.FromResult(command.Results is var text && text.Contains("\"sha256\"", StringComparison.Ordinal) ? text : null), "The archive's end");
        return [.. lines.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonSerializer.Deserialize(line, ArchiveJson.Default.ArchiveLine)!)];
    }

    private static async Task<string> TextAsync(Site site, params string[] arguments)
    {
        var command = site.Command(arguments);
        Assert.Equal(0, await command.ExitAsync(Eventually.Limit));
        return await Eventually.GetAsync(() => Task.FromResult(command.Results is var text && text.Contains("whole:", StringComparison.Ordinal) ? text : null), "The archive's end");
    }
}
