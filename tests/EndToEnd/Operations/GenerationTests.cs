namespace Fanfare.EndToEnd.Operations;

/// <summary>Runs that are retried more than once, or from the middle of a loop or a split.</summary>
[Collection(SharedSiteGroup.Name)]
public sealed class GenerationTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task ARunThatFailsAgain_CanBeRetriedAgain_AndRunsItsHandlersEachTime()
    {
        var effects = _site.In("generations");
        var run = await _site.Api.StartAsync($$$"""
            name: generations
            on_failure: tell
            finally: sweep
            steps:
              start: {run: {{{Run.Shell($"echo start >> {effects}")}}}, next: work}
              work: {run: {{{Run.Shell($"echo work >> {effects}; [ $(grep -c work {effects}) = 3 ]")}}} }
              tell: {run: {{{Run.Shell($"echo tell >> {effects}")}}} }
              sweep: {run: {{{Run.Shell($"echo sweep >> {effects}")}}} }
            """);
        await _site.Api.FailRunAsync(run);
        await _site.Api.CommandAsync(run, "retry");
        await _site.Api.FailRunAsync(run);
        await _site.Api.CommandAsync(run, "retry");
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal(["start", "work", "tell", "sweep", "work", "tell", "sweep", "work", "sweep"], await File.ReadAllLinesAsync(effects));
        Assert.Equal(2, (await _site.Api.RunAsync(run)).Generation);
    }

    [Fact]
    public async Task ARetryFromAStepOfALoop_GoesRoundItAnew()
    {
        var effects = _site.In("loop-generations");
        var run = await _site.Api.SucceedAsync($$$"""
            name: loop-generations
            steps:
              start: {run: {{{Run.Put("""{"n":0}""")}}}, next: train}
              train: {run: {{{Run.Python($"open('{effects}', 'a').write('t'); put(n=inputs[0]['outputs']['n'] + 1)")}}}, next: judge}
              judge:
                run: {{{Run.Python("n = inputs[0]['outputs']['n']; put(n=n, good=n == 3)")}}}
                next: {switch: good, cases: {true: publish, false: train}, max_loops: 2}
              publish: {run: {{{Run.Python("put(n=inputs[0]['outputs']['n'])")}}} }
            """);
        await _site.Api.CommandAsync(run, "retry", new { from_step = "train" });
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal("tttttt", await File.ReadAllTextAsync(effects));
        Assert.Equal("""{"n":3}""", Json.Compact(await _site.Api.OutputAsync(run, "publish#2")));
    }

    [Fact]
    public async Task ARetryOfACancelledRun_GoesOnWithWhatWasCancelled_AndAJoinOfAnyStillTakesTheFirst()
    {
        var go = _site.In("any-again");
        var run = await _site.Api.StartAsync($$$"""
            name: any-again
            steps:
              start: {run: ["true"], next: [quick, slow]}
              quick: {run: {{{Run.Shell($"{Run.Await(go)}")}}}, next: first}
              slow: {run: {{{Run.Shell("sleep 1000 & wait")}}}, next: first}
              first: {join: {any: 1}, run: {{{Run.Python("put(steps=[i['step'] for i in inputs])")}}} }
            """);
        await TaskProcesses.LiveAsync(run, 3);
        await _site.Api.CommandAsync(run, "cancel");
        Assert.Equal(RunStatus.Cancelled, (await _site.Api.EndAsync(run, Eventually.Limit)).Status);

        await _site.Api.CommandAsync(run, "retry");
        await TaskProcesses.LiveAsync(run, 3);
        _site.Touch("any-again");
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal("""{"steps":["quick"]}""", Json.Compact(await _site.Api.OutputAsync(run, "first")));
        Assert.Empty(TaskProcesses.Of(run));
        Assert.Equal(TaskStatus.Cancelled, (await _site.Api.TaskAsync(run, "slow")).Status);
    }

    [Fact]
    public async Task ARetryFromAStepInsideAForeach_RunsTheBodyAgain_ForEverySplit()
    {
        var effects = _site.In("body-again");
        var run = await _site.Api.SucceedAsync($$$"""
            name: body-again
            steps:
              start: {run: {{{Run.Put("""{"items":["x","y"]}""")}}}, next: {foreach: first, over: items} }
              first: {run: {{{Run.Python($"open('{effects}', 'a').write('1'); put(v=task['item'])")}}}, max_parallel: 1, next: second}
              second: {run: {{{Run.Python($"open('{effects}', 'a').write('2'); put(v=inputs[0]['outputs']['v'] + task['item'])")}}}, next: all}
              all: {join: all, run: {{{Run.Python("put(v=[i['outputs']['v'] for i in inputs], attempt=task['attempt'])")}}} }
            """);
        await _site.Api.CommandAsync(run, "retry", new { from_step = "second" });
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal(["1", "1", "2", "2", "2", "2"], (await File.ReadAllTextAsync(effects)).Select(c => $"{c}").Order());
        Assert.Equal("""{"v":["xx","yy"],"attempt":1}""", Json.Compact(await _site.Api.OutputAsync(run, "all")));
    }
}
