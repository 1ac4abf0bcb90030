namespace Fanfare.EndToEnd.Withstanding;

public sealed class DiskFullTests
{
    [MountFact]
    public async Task AFullDisk_StopsNothingForGood_AndLosesNothingAcknowledged()
    {
        var data = Directory.CreateTempSubdirectory("fanfare-disk-").FullName;
        using (var disk = SmallDisk.Mount(data, "size=32m"))
        {
            await using var site = await Site.StartAsync(slots: 2, data);
            var go = site.In("go");
            var run = await site.Api.StartAsync($$$"""
                name: full
                steps:
                  start: {run: ["true"], next: {foreach: work, over: {range: 20} } }
                  work: {run: {{{Run.Shell($"{Run.Await(go)}; echo $FANFARE_TASK")}}}, resources: {cpu: 0.5}, next: all}
                  all: {join: all, run: {{{Run.Python("put(n=len(inputs))")}}} }
                """);
            await TaskProcesses.LiveAsync(run, 4);

            Fill(data);
            var asked = site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/flows/full/runs", new { idempotency_key = "while full" });
            site.Touch("go");
            var (_, reason) = await Eventually.GetAsync(async () =>
                await site.Api.AnswerAsync(HttpMethod.Get, "/readyz") is { Status: 503 } answer ? Tuple.Create(answer.Status, answer.Body) : null, "Status 503 of /readyz");
            var healthy = await site.Api.AnswerAsync(HttpMethod.Get, "/healthz");
            var readable = await site.Api.RunAsync(run);
            File.Delete(Path.Combine(data, "fill"));
            await Eventually.TrueAsync(async () => (await site.Api.AnswerAsync(HttpMethod.Get, "/readyz")).Status == 200, "Status 200 of /readyz");
            await site.Api.SucceedRunAsync(run);

            Assert.Contains("space", reason, StringComparison.OrdinalIgnoreCase);
            Assert.Contains(data, reason, StringComparison.Ordinal);
            Assert.Equal(200, healthy.Status);
            Assert.Equal(RunStatus.Running, readable.Status);
            Assert.Equal("""{"n":20}""", Json.Compact(await site.Api.OutputAsync(run, "all")));
            var history = await site.Api.HistoryAsync(run);
            Assert.Equal(22, history.Count(e => e.Type == "task_succeeded"));
            Assert.DoesNotContain(history, e => e.Type is "task_lost" or "task_failed");
            Assert.Equal(201, (await asked).Status);
            Assert.False((await site.Api.StartDeployedAsync("full", "while full")).New);
        }
        Directory.Delete(data);
    }

    // Down to the last byte.
    private static void Fill(string directory)
    {
        using var file = new FileStream(Path.Combine(directory, "fill"), FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        for (var size = 1 << 20; size > 0;)
        {
            try
            {
                file.Write(new byte[size]);
            }
            catch (IOException)
            {
                size /= 2;
            }
        }
    }
}
