namespace Fanfare.EndToEnd.Withstanding;

/// <summary>What was answered holds, though the server is killed the moment after.</summary>
public sealed class CommandDurabilityTests : IAsyncLifetime
{
    private Site _site = null!;

    public async Task InitializeAsync() => _site = await Site.StartAsync();

    public async Task DisposeAsync() => await _site.DisposeAsync();

    [Fact]
    public async Task ACancel_IsCarriedOut()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: cancelled
            finally: sweep
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 30} } }
              work: {run: {{{Run.Shell($"echo x >> {_site.In("started")}; sleep 1000 & wait")}}}, resources: {cpu: 1}, next: all}
              all: {join: all, run: ["true"]}
              sweep: {run: {{{Run.Shell($"touch {_site.In("swept")}")}}} }
            """);
        await TaskProcesses.LiveAsync(run, 8);

        await _site.Api.CommandAsync(run, "cancel");
        await RestartAsync();
        var view = await _site.Api.EndAsync(run, Eventually.Limit);

        Assert.Equal(RunStatus.Cancelled, view.Status);
        Assert.Empty(TaskProcesses.Of(run));
        Assert.True(File.Exists(_site.In("swept")));
        Assert.Equal(4, (await File.ReadAllLinesAsync(_site.In("started"))).Length);
    }

    [Fact]
    public async Task APause_Lasts()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: paused
            steps:
              start: {run: {{{Run.Shell(Run.Await(_site.In("go")))}}}, next: last}
              last: {run: ["true"]}
            """);
        await TaskProcesses.LiveAsync(run, 1);

        await _site.Api.CommandAsync(run, "pause");
        await RestartAsync();
        _site.Touch("go");
        await _site.Api.EventAsync(run, "step_paused", "last");
        await _site.Api.SucceedAsync("name: other\nsteps: {start: {run: [\"true\"]}}\n");
        Assert.Equal(RunStatus.Paused, (await _site.Api.RunAsync(run)).Status);
        Assert.DoesNotContain(await _site.Api.TasksAsync(run), t => t.Step == "last");
        await _site.Api.CommandAsync(run, "resume");
        await RestartAsync();

        await _site.Api.SucceedRunAsync(run);
    }

    [Fact]
    public async Task AKey_StartsNoSecondRun_AndADeploymentIsTheSame()
    {
        const string flow = "name: keyed\nsteps: {start: {run: [\"true\"]}}\n";
        var deployed = await _site.Api.DeployAsync(flow);
        var run = (await _site.Api.StartDeployedAsync("keyed", "k")).Run;
        await RestartAsync();

        var again = await _site.Api.StartDeployedAsync("keyed", "k");

        Assert.Equal((run, false), (again.Run, again.New));
        Assert.Equal(deployed with { New = false }, await _site.Api.DeployAsync(flow));
    }

    [Fact]
    public async Task ARetryOfARun_WhoseOtherSplitsWereCancelled_FinishesThemAll_EachOnce()
    {
        var done = Directory.CreateDirectory(_site.In("done")).FullName;
        var run = await _site.Api.StartAsync($$$"""
            name: retried
            steps:
              start: {run: ["true"], next: {foreach: outer, over: {range: 3} } }
              outer: {run: ["true"], next: {foreach: inner, over: {range: 4} } }
              inner:
                resources: {cpu: 0.5}
                run: {{{Run.Shell($"[ $FANFARE_TASK != 'inner[1,2]' ] || [ -e {_site.In("fixed")} ] || exit 4; [ -e {_site.In("fixed")} ] || [ ${{FANFARE_SPLIT%,*}} = 0 ] || sleep 1000; echo x >> {done}/$FANFARE_TASK")}}}
                next: row
              row: {join: all, run: {{{Run.Python("put(n=len(inputs))")}}}, next: table}
              table: {join: all, run: {{{Run.Python("put(rows=[i['outputs']['n'] for i in inputs])")}}} }
            """);
        Assert.Equal(4, (await _site.Api.FailRunAsync(run)).ExitCode);
        var before = (await _site.Api.TasksAsync(run)).Where(t => t.Status == TaskStatus.Succeeded).Select(t => t.Task).ToHashSet();
        var last = (await _site.Api.HistoryAsync(run))[^1].Id;

        _site.Touch("fixed");
        await _site.Api.CommandAsync(run, "retry");
        await RestartAsync();
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal("""{"rows":[4,4,4]}""", Json.Compact(await _site.Api.OutputAsync(run, "table")));
        // One that was ended between its line and its end runs again.
        Assert.All(Directory.GetFiles(done), f => Assert.InRange(File.ReadAllLines(f).Length, 1, before.Contains(Path.GetFileName(f)) || !Path.GetFileName(f).StartsWith("inner[0,", StringComparison.Ordinal) ? 1 : 2));
        Assert.Equal(12, Directory.GetFiles(done).Length);
        var again = (await _site.Api.HistoryAsync(run)).Where(e => e.Id > last && e.Type == "task_leased").Select(e => (e.Stream, e.Data.GetProperty("split").GetInt32())).ToHashSet();
        Assert.Equal(1 + 3 + 12 + 3 + 1, before.Count + again.Count);
    }

    private async Task RestartAsync()
    {
        await _site.Server.KillAsync();
        await _site.StartServerAsync();
    }
}
