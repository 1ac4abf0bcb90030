namespace Fanfare.EndToEnd.Flows;

[Collection(SharedSiteGroup.Name)]
public sealed class FailureTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task Catch_TurnsTheLastFailureIntoAnOutput_AndTheFlowGoesOn()
    {
        var run = await _site.Api.SucceedAsync($$$"""
            name: catch
            steps:
              start: {run: {{{Run.Shell("echo no such thing >&2; exit 65")}}}, retry: {max_attempts: 2, backoff: {initial: 10ms}}, catch: {output: problem}, next: after}
              after: {run: {{{Run.Python("put(problem=inputs[0]['outputs']['problem'])")}}} }
            """);

        var problem = (await _site.Api.OutputAsync(run, "after")).GetProperty("problem");
        Assert.Equal("exit", problem.GetProperty("type").GetString());
        Assert.Equal(65, problem.GetProperty("exit_code").GetInt32());
        Assert.Equal(TaskStatus.Caught, (await _site.Api.TaskAsync(run, "start")).Status);
        Assert.Equal([AttemptStatus.Failed, AttemptStatus.Failed], (await _site.Api.AttemptsAsync(run, "start")).Select(a => a.Status));
    }

    [Fact]
    public async Task Retry_TriesAgainOnlyTheExitCodesThatItNames()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: exit-codes
            steps:
              start: {run: {{{Run.Shell("[ $FANFARE_ATTEMPT = 0 ] && exit 75; exit 66")}}}, retry: {max_attempts: 5, exit_codes: [75], backoff: {initial: 10ms} }}
            """);

        var error = await _site.Api.FailRunAsync(run);

        Assert.Equal(66, error.ExitCode);
        Assert.Equal([75, 66], (await _site.Api.AttemptsAsync(run, "start")).Select(a => a.Error?.ExitCode));
    }

    [Fact]
    public async Task MaxParallel_IsTheMostThatRunAtATime()
    {
        var here = Directory.CreateDirectory(_site.In("parallel")).FullName;
        var run = await _site.Api.SucceedAsync($$$"""
            name: parallel
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 10} } }
              work:
                max_parallel: 2
                resources: {cpu: 0.5}
                run: {{{Run.Shell($$$"""touch {{{here}}}/$FANFARE_SPLIT; sleep 0.1; printf '{"n":%d}' $(ls {{{here}}} | wc -l) > "$FANFARE_OUTPUT"; sleep 0.1; rm {{{here}}}/$FANFARE_SPLIT""")}}}
                next: all
              all: {join: all, run: {{{Run.Python("put(most=max(i['outputs']['n'] for i in inputs))")}}} }
            """);

        Assert.Equal("""{"most":2}""", Json.Compact(await _site.Api.OutputAsync(run, "all")));
    }

    [Fact]
    public async Task AfterAFailure_OnFailureRuns_ThenFinally_AndTheRunHasFailed()
    {
        var order = _site.In("handlers");
        var run = await _site.Api.StartAsync($$$"""
            name: handlers
            on_failure: tell
            finally: [sweep, lock]
            steps:
              start: {run: {{{Run.Shell("exit 3")}}} }
              tell: {run: {{{Run.Python($"put(error=task['error']); open('{order}', 'a').write('tell ')")}}} }
              sweep: {run: {{{Run.Shell($"printf 'sweep ' >> {order}; exit 1")}}} }
              lock: {run: {{{Run.Shell($"printf 'lock ' >> {order}")}}} }
            """);

        var error = await _site.Api.FailRunAsync(run);

        Assert.Equal(3, error.ExitCode);
        Assert.Equal("tell sweep lock ", await File.ReadAllTextAsync(order));
        Assert.Equal(3, (await _site.Api.OutputAsync(run, "tell")).GetProperty("error").GetProperty("exit_code").GetInt32());
    }

    [Fact]
    public async Task AfterASuccess_OnlyFinallyRuns()
    {
        var run = await _site.Api.SucceedAsync("""
            name: finally
            on_failure: tell
            finally: sweep
            steps:
              start: {run: ["true"]}
              tell: {run: ["true"]}
              sweep: {run: ["true"]}
            """);

        Assert.Equal(["start", "sweep"], (await _site.Api.TasksAsync(run)).Select(t => t.Step).Order());
    }
}
