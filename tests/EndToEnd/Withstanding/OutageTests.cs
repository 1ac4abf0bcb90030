namespace Fanfare.EndToEnd.Withstanding;

/// <summary>A server, a worker, or the way between them is away for a while.</summary>
public sealed class OutageTests
{
    private const string Hold = "name: hold\nsteps: {start: {run: RUN, retry: {max_attempts: 1}, next: last}, last: {run: [\"true\"]}}\n";

    private static string Flow(string script) => Hold.Replace("RUN", Run.Shell(script), StringComparison.Ordinal);

    [Fact]
    public async Task AServerThatIsStopped_LeavesTasksToTheirWorker_AndTakesTheResultAtItsNextStart()
    {
        await using var site = await Site.StartAsync();
        var run = await site.Api.StartAsync(Flow($"{Run.Await(site.In("go"))}; echo done; touch {site.In("ended")}"));
        await TaskProcesses.LiveAsync(run, 1);

        site.Server.Terminate();
        Assert.Equal(0, await site.Server.ExitAsync(Eventually.Limit));
        Assert.NotEmpty(TaskProcesses.Of(run));
        site.Touch("go");
        await Eventually.FileAsync(site.In("ended"));
        await TaskProcesses.GoneAsync(run);
        await site.StartServerAsync();
        await site.Api.SucceedRunAsync(run);

        Assert.Single(await site.Api.AttemptsAsync(run, "start"));
        Assert.Contains("done", await site.Api.LogAsync(run, "start"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AServerThatIsFrozenForAWhile_CostsNoAttempt()
    {
        await using var site = await Site.StartAsync();
        var run = await site.Api.StartAsync(Flow($"{Run.Await(site.In("go"))}; touch {site.In("ended")}"));
        await TaskProcesses.LiveAsync(run, 1);

        site.Server.Freeze();
        site.Touch("go");
        await Eventually.FileAsync(site.In("ended"));
        await TaskProcesses.GoneAsync(run);
        site.Server.Thaw();
        await site.Api.SucceedRunAsync(run);

        Assert.Single(await site.Api.AttemptsAsync(run, "start"));
    }

    [Fact]
    public async Task AWorkerThatIsKilled_TakesItsProcessesAlong_AndItsTaskRunsAgain_WithoutCostToTheUser()
    {
        await using var site = await Site.StartAsync();
        var run = await site.Api.StartAsync(Flow("[ $FANFARE_ATTEMPT = 1 ] && exit 0; setsid sleep 1000 & trap '' TERM; sleep 1000"));
        await TaskProcesses.LiveAsync(run, 3);

        await site.Worker.KillAsync();
        await TaskProcesses.GoneAsync(run);
        site.StartWorker();
        await site.Api.SucceedRunAsync(run);

        Assert.Equal([AttemptStatus.Lost, AttemptStatus.Succeeded], (await site.Api.AttemptsAsync(run, "start")).Select(a => a.Status));
        var history = await site.Api.HistoryAsync(run);
        Assert.DoesNotContain(history, e => e.Type == "task_failed");
        Assert.Single(history, e => e.Type == "task_lost");
    }

    [Fact]
    public async Task AWorkerThatIsStopped_EndsItsTasks_AndSaysSo()
    {
        await using var site = await Site.StartAsync();
        var run = await site.Api.StartAsync(Flow("[ $FANFARE_ATTEMPT = 1 ] && exit 0; sleep 1000 & wait"));
        await TaskProcesses.LiveAsync(run, 2);

        site.Worker.Terminate();
        await site.Worker.ExitAsync(Eventually.Limit);
        Assert.Empty(TaskProcesses.Of(run));
        await site.Api.EventAsync(run, "task_lost", "start");
        site.StartWorker();
        await site.Api.SucceedRunAsync(run);

        Assert.Equal([AttemptStatus.Lost, AttemptStatus.Succeeded], (await site.Api.AttemptsAsync(run, "start")).Select(a => a.Status));
    }

    [Fact]
    public async Task ABackoff_SurvivesTheDeathOfTheServer_AndFiresOnce()
    {
        await using var site = await Site.StartAsync();
        var started = site.In("started");
        var run = await site.Api.StartAsync($$$"""
            name: backoff
            steps:
              start: {run: {{{Run.Shell($"echo $FANFARE_ATTEMPT >> {started}; [ $FANFARE_ATTEMPT = 1 ]")}}}, retry: {max_attempts: 5, exit_codes: [1], backoff: {initial: 8s, jitter: 0} } }
            """);
        var failed = await site.Api.EventAsync(run, "task_failed", "start");
        var due = failed.Data.GetProperty("retry_at").GetDateTimeOffset();

        await site.Server.KillAsync();
        await site.StartServerAsync();
        Assert.True(DateTimeOffset.UtcNow < due, "The server came back too late for this test to say anything.");
        await site.Api.SucceedRunAsync(run);

        var attempts = await site.Api.AttemptsAsync(run, "start");
        Assert.Equal([AttemptStatus.Failed, AttemptStatus.Succeeded], attempts.Select(a => a.Status));
        Assert.True(attempts[1].LeasedAt >= due, $"The attempt was leased at {attempts[1].LeasedAt:O}, before {due:O}.");
        Assert.Equal(["0", "1"], await File.ReadAllLinesAsync(started));
    }

    [Fact]
    public async Task AForeachFileThatIsGoneFromTheStore_FailsItsTasksInPlainWords_AndKeepsNoWorkerFromOtherWork()
    {
        await using var site = await Site.StartAsync(slots: 1);
        var run = await site.Api.StartAsync($$$"""
            name: lines
            steps:
              start:
                run: {{{Run.Python("keep('items.jsonl', ''.join(str(n) + chr(10) for n in range(3)))")}}}
                next: {foreach: each, over: {file: items.jsonl}}
              each: {run: {{{Run.Shell($"touch {site.In("first")}; {Run.Await(site.In("go"))}")}}}, next: all}
              all: {join: {tolerate: 2}, run: ["true"]}
            """);
        await Eventually.FileAsync(site.In("first"));

        // Started anew, the server has no lines in memory.
        await site.Server.KillAsync();
        Directory.Delete(Path.Combine(site.Data, "blobs"), recursive: true);
        await site.StartServerAsync();
        site.Touch("go");
        await site.Api.SucceedRunAsync(run);

        var each = (await site.Api.TasksAsync(run)).Where(t => t.Step == "each").OrderBy(t => t.Task, StringComparer.Ordinal).ToList();
        Assert.Equal([TaskStatus.Succeeded, TaskStatus.Failed, TaskStatus.Failed], each.Select(t => t.Status));
        Assert.All(each.Skip(1), t =>
        {
            Assert.Equal("input_missing", t.Error!.Type);
            Assert.Contains("Restore the blob store", t.Error.Message, StringComparison.Ordinal);
        });
    }

    [Fact]
    public async Task ARunsTimeout_SurvivesTheDeathOfTheServer()
    {
        await using var site = await Site.StartAsync();
        var run = await site.Api.StartAsync("name: timed\ntimeout: 6s\nsteps: {start: {run: [sleep, \"1000\"], grace: 100ms}}\n");
        await TaskProcesses.LiveAsync(run, 1);

        await site.Server.KillAsync();
        await site.StartServerAsync();

        Assert.Equal("run_timeout", (await site.Api.FailRunAsync(run)).Type);
        Assert.Empty(TaskProcesses.Of(run));
    }
}
