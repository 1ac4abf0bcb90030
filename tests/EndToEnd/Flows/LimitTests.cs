using System.Globalization;

namespace Fanfare.EndToEnd.Flows;

[Collection(SharedSiteGroup.Name)]
public sealed class LimitTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task ATimeout_EndsTheTask_WithItsGrandchildren_EvenThoseThatIgnoreSigtermOrLeftTheGroup()
    {
        var ready = _site.In("timeout-ready");
        var run = await _site.Api.StartAsync($$$"""
            name: timeout
            steps:
              start:
                timeout: 2s
                grace: 200ms
                run: {{{Run.Shell($$$"""
                    sh -c 'trap "" TERM; sh -c "trap \"\" TERM; sleep 1000"; sleep 1000' &
                    setsid sleep 1000 &
                    touch '{{{ready}}}'
                    wait
                    """)}}}
            """);
        await TaskProcesses.LiveAsync(run, 4);

        var error = await _site.Api.FailRunAsync(run);

        Assert.Equal("timeout", error.Type);
        Assert.True(File.Exists(ready));
        Assert.Empty(TaskProcesses.Of(run));
    }

    [Fact]
    public async Task ARunsTimeout_EndsWhatRuns_AndStartsNothingMore()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: run-timeout
            timeout: 1500ms
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 20} } }
              work: {run: [sleep, "1000"], grace: 200ms, max_parallel: 3, resources: {cpu: 0.5}, next: all}
              all: {join: all, run: ["true"]}
            """);

        var error = await _site.Api.FailRunAsync(run);

        Assert.Equal("run_timeout", error.Type);
        Assert.Empty(TaskProcesses.Of(run));
        Assert.DoesNotContain(await _site.Api.TasksAsync(run), t => t.Step == "all" && t.Status != TaskStatus.Cancelled);
    }

    [Fact]
    public async Task AnOutputOverTheLimit_IsAClearFailure()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: too-large
            steps:
              start: {run: {{{Run.Python("put(text='x' * (256 * 1024))")}}} }
            """);

        var error = await _site.Api.FailRunAsync(run);

        Assert.Equal("output_too_large", error.Type);
        Assert.Contains(Limits.OutputBytes.ToString(CultureInfo.InvariantCulture), error.Message.Replace(",", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Null((await _site.Api.TaskAsync(run, "start")).Output);
    }

    [Fact]
    public async Task AnOutputAtTheLimit_IsTaken()
    {
        var run = await _site.Api.SucceedAsync($$$"""
            name: just-fits
            steps:
              start: {run: {{{Run.Python($"put(text='x' * ({Limits.OutputBytes} - 12))")}}} }
            """);

        Assert.Equal(Limits.OutputBytes - 12, (await _site.Api.OutputAsync(run, "start")).GetProperty("text").GetString()!.Length);
    }

    [Theory]
    [InlineData("not-json", "echo hello > $FANFARE_OUTPUT", "bad_output")]
    [InlineData("not-an-object", "echo '[1]' > $FANFARE_OUTPUT", "bad_output")]
    [InlineData("no-list", "true", "foreach_source")]
    public async Task AnUnfitOutput_FailsTheTask(string name, string script, string type)
    {
        var run = await _site.Api.StartAsync($$$"""
            name: {{{name}}}
            steps:
              start: {run: {{{Run.Shell(script)}}}, next: {foreach: each, over: items}}
              each: {run: ["true"], next: all}
              all: {join: all, run: ["true"]}
            """);

        Assert.Equal(type, (await _site.Api.FailRunAsync(run)).Type);
    }

    [Fact]
    public async Task InputsOverOneMiB_ComeAsAJsonLinesFile_InSplitOrder()
    {
        var run = await _site.Api.SucceedAsync($$$"""
            name: wide-join
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 8} } }
              work: {run: {{{Run.Python("put(n=task['item'], text='x' * 200_000)")}}}, resources: {cpu: 0.5}, next: all}
              all:
                join: all
                run: {{{Run.Python("""
                    lines = [json.loads(l) for l in open(task['inputs_file'])]
                    put(inline=inputs, order=[l['outputs']['n'] for l in lines], splits=[l['splits'] for l in lines], whole=all(len(l['outputs']['text']) == 200_000 for l in lines))
                    """)}}}
            """);

        Assert.Equal(
            """{"inline":null,"order":[0,1,2,3,4,5,6,7],"splits":[[0],[1],[2],[3],[4],[5],[6],[7]],"whole":true}""",
            Json.Compact(await _site.Api.OutputAsync(run, "all")));
    }
}
