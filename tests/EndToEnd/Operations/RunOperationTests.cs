namespace Fanfare.EndToEnd.Operations;

[Collection(SharedSiteGroup.Name)]
public sealed class RunOperationTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task Cancel_LeavesNoProcess_AndNothingStartsAfterwards()
    {
        var started = _site.In("cancel-started");
        var run = await _site.Api.StartAsync($$$"""
            name: cancel
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 50} } }
              work: {run: {{{Run.Shell($"echo x >> {started}; sleep 1000 & wait")}}}, max_parallel: 4, resources: {cpu: 0.5}, next: all}
              all: {join: all, run: ["true"]}
            """);
        await TaskProcesses.LiveAsync(run, 8); // a shell and a sleep for each of four

        await _site.Api.CommandAsync(run, "cancel", new { reason = "enough" });
        var view = await _site.Api.EndAsync(run, Eventually.Limit);

        Assert.Equal(RunStatus.Cancelled, view.Status);
        Assert.Empty(TaskProcesses.Of(run));
        // Another run goes through the same worker meanwhile: had anything of the cancelled one been ready, it would have been leased.
        await _site.Api.SucceedAsync("name: after-cancel\nsteps: {start: {run: [\"true\"]}}\n");
        Assert.Equal(4, (await File.ReadAllLinesAsync(started)).Length);
        var history = await _site.Api.HistoryAsync(run);
        Assert.Equal("run_ended", history[^1].Type);
        Assert.Equal(4, history.Count(e => e.Type == "task_leased" && Api.IsOf(e, "work")));
        Assert.Equal(RunStatus.Cancelled, (await _site.Api.CommandAsync(run, "cancel")).Status);
    }

    [Fact]
    public async Task Pause_LetsWhatRunsEnd_AndStartsNothingUntilResume()
    {
        var go = _site.In("pause-go");
        var run = await _site.Api.StartAsync($$$"""
            name: pause
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 2} } }
              work: {run: {{{Run.Shell(Run.Await(go))}}}, max_parallel: 1, next: all}
              all: {join: all, run: ["true"]}
            """);
        // The first step has a process, too.
        await _site.Api.EventAsync(run, "task_leased", "work");
        await TaskProcesses.LiveAsync(run, 1);

        Assert.Equal(RunStatus.Paused, (await _site.Api.CommandAsync(run, "pause")).Status);
        _site.Touch("pause-go");
        await _site.Api.EventAsync(run, "task_succeeded", "work");
        var why = await _site.Api.ExplainAsync(run, "work[1]");
        await _site.Api.SucceedAsync("name: while-paused\nsteps: {start: {run: [\"true\"]}}\n");
        var resumed = (await _site.Api.HistoryAsync(run))[^1].Id;
        Assert.Equal(RunStatus.Running, (await _site.Api.CommandAsync(run, "resume")).Status);
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal("waiting", why.State);
        Assert.Contains("paused", why.Reason, StringComparison.Ordinal);
        Assert.All((await _site.Api.HistoryAsync(run)).Where(e => e.Type == "task_leased" && Api.IsOf(e, "work") && e.Data.GetProperty("split").GetInt32() == 1), e => Assert.True(e.Id > resumed));
    }

    [Fact]
    public async Task Pause_HoldsBackTheStepThatOpensAfterIt()
    {
        var go = _site.In("hold-go");
        var run = await _site.Api.StartAsync($$$"""
            name: hold
            steps:
              start: {run: {{{Run.Shell(Run.Await(go))}}}, next: after}
              after: {run: ["true"]}
            """);
        await TaskProcesses.LiveAsync(run, 1);

        Assert.Equal(RunStatus.Paused, (await _site.Api.CommandAsync(run, "pause")).Status);
        _site.Touch("hold-go");
        await _site.Api.EventAsync(run, "task_succeeded", "start");
        await _site.Api.EventAsync(run, "splits_arrived", "after");
        var why = await _site.Api.ExplainAsync(run, "after");
        await _site.Api.SucceedAsync("name: while-held\nsteps: {start: {run: [\"true\"]}}\n");
        var resumed = (await _site.Api.HistoryAsync(run))[^1].Id;
        Assert.Equal(RunStatus.Running, (await _site.Api.CommandAsync(run, "resume")).Status);
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal("waiting", why.State);
        Assert.Contains("paused", why.Reason, StringComparison.Ordinal);
        Assert.All((await _site.Api.HistoryAsync(run)).Where(e => e.Type == "task_leased" && Api.IsOf(e, "after")), e => Assert.True(e.Id > resumed));
    }

    [Fact]
    public async Task RetryOfAFailedRun_RunsOnlyWhatDidNotSucceed()
    {
        var effects = _site.In("retry-effects");
        var run = await _site.Api.StartAsync($$$"""
            name: retry-run
            steps:
              start: {run: {{{Run.Shell($"echo start >> {effects}")}}}, next: {foreach: work, over: {range: 3} } }
              work: {run: {{{Run.Shell($"echo work >> {effects}")}}}, next: all}
              all: {join: all, run: {{{Run.Shell($"echo all >> {effects}; [ -e {effects}.fixed ]")}}}, next: last}
              last: {run: {{{Run.Shell($"echo last >> {effects}")}}} }
            """);
        Assert.Equal(1, (await _site.Api.FailRunAsync(run)).ExitCode);

        _site.Touch("retry-effects.fixed");
        await _site.Api.CommandAsync(run, "retry");
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal(["start", "work", "work", "work", "all", "all", "last"], await File.ReadAllLinesAsync(effects));
        Assert.Equal(1, (await _site.Api.RunAsync(run)).Generation);
        Assert.Equal([AttemptStatus.Failed, AttemptStatus.Succeeded], (await _site.Api.AttemptsAsync(run, "all")).Select(a => a.Status));
    }

    [Fact]
    public async Task RetryFromAStep_RunsThatStepAndAllAfterItAgain()
    {
        var effects = _site.In("restart-effects");
        var run = await _site.Api.SucceedAsync($$$"""
            name: restart
            steps:
              start: {run: {{{Run.Shell($"echo start >> {effects}")}}}, next: {foreach: work, over: {range: 2} } }
              work: {run: {{{Run.Shell($"echo work >> {effects}")}}}, next: all}
              all: {join: all, run: {{{Run.Shell($"echo all >> {effects}")}}}, next: last}
              last: {run: {{{Run.Shell($"echo last >> {effects}")}}} }
            """);

        var (none, _) = await _site.Api.AnswerAsync(HttpMethod.Post, $"/api/v1/runs/{run}:retry", new { });
        var (unknown, body) = await _site.Api.AnswerAsync(HttpMethod.Post, $"/api/v1/runs/{run}:retry", new { from_step = "alll" });
        await _site.Api.CommandAsync(run, "retry", new { from_step = "all" });
        await _site.Api.SucceedRunAsync(run);
        await _site.Api.CommandAsync(run, "retry", new { from_step = "work" });
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal(409, none);
        Assert.Equal(400, unknown);
        Assert.Contains("alll", body, StringComparison.Ordinal);
        Assert.Equal(["start", "work", "work", "all", "last", "all", "last", "work", "work", "all", "last"], await File.ReadAllLinesAsync(effects));
    }

    [Fact]
    public async Task AnIdempotencyKey_StartsOneRun_AndTheSameSpecIsOneDeployment()
    {
        const string flow = "name: once\nsteps: {start: {run: [\"true\"]}}\n";
        var first = await _site.Api.DeployAsync(flow);
        var again = await _site.Api.DeployAsync(flow);
        var changed = await _site.Api.DeployAsync(flow.Replace("true", "false", StringComparison.Ordinal));
        var started = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => _site.Api.StartDeployedAsync("once", "monday")));
        var other = await _site.Api.StartDeployedAsync("once", "tuesday");

        Assert.True(first.New && changed.New && !again.New);
        Assert.Equal((first.Deployment, first.Digest), (again.Deployment, again.Digest));
        Assert.Equal(first.Deployment + 1, changed.Deployment);
        Assert.Single(started.Select(s => s.Run).Distinct());
        Assert.Single(started, s => s.New);
        Assert.NotEqual(started[0].Run, other.Run);
    }
}
