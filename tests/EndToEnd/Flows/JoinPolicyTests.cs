namespace Fanfare.EndToEnd.Flows;

[Collection(SharedSiteGroup.Name)]
public sealed class JoinPolicyTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task AJoinOfAny_RunsWithTheFirst_AndEndsTheProcessesOfTheRest()
    {
        var others = _site.In("any-others");
        var run = await _site.Api.StartAsync($$$"""
            name: any
            steps:
              start: {run: ["true"], next: {foreach: race, over: {range: 3} } }
              race:
                resources: {cpu: 1}
                run: {{{Run.Shell($$$"""
                    if [ "$FANFARE_SPLIT" != 1 ]; then echo x >> '{{{others}}}'; sleep 1000 & wait; fi
                    while [ "$(wc -l < '{{{others}}}')" != 2 ]; do sleep 0.05; done
                    printf '{"who":1}' > "$FANFARE_OUTPUT"
                    """)}}}
                next: first
              first: {join: {any: 1}, run: {{{Run.Python("put(splits=[i['splits'] for i in inputs], who=inputs[0]['outputs']['who'])")}}} }
            """);
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal("""{"splits":[[1]],"who":1}""", Json.Compact(await _site.Api.OutputAsync(run, "first")));
        Assert.Empty(TaskProcesses.Of(run));
        Assert.Equal([TaskStatus.Cancelled, TaskStatus.Succeeded, TaskStatus.Cancelled], (await _site.Api.TasksAsync(run)).Where(t => t.Step == "race").Select(t => t.Status));
    }

    private static string Tolerant(string name, int tolerate) => $$$"""
        name: {{{name}}}
        steps:
          start: {run: ["true"], next: {foreach: work, over: {range: 4} } }
          work: {run: {{{Run.Shell("""[ "$FANFARE_SPLIT" != 1 ] && [ "$FANFARE_SPLIT" != 2 ] && printf '{}' > "$FANFARE_OUTPUT" """)}}}, next: all}
          all: {join: {tolerate: {{{tolerate}}} }, run: {{{Run.Python("put(splits=[i['splits'][0] for i in inputs])")}}} }
        """;

    [Fact]
    public async Task AJoinThatTolerates_LeavesOutWhatFailed()
    {
        var run = await _site.Api.SucceedAsync(Tolerant("tolerate-2", 2));

        Assert.Equal("""{"splits":[0,3]}""", Json.Compact(await _site.Api.OutputAsync(run, "all")));
        Assert.Equal(2, (await _site.Api.TasksAsync(run)).Count(t => t.Status == TaskStatus.Failed));
    }

    [Fact]
    public async Task AJoinThatTolerates_FailsTheRun_WhenMoreFail()
    {
        var error = await _site.Api.FailRunAsync(await _site.Api.StartAsync(Tolerant("tolerate-1", 1)));

        Assert.Equal("join", error.Type);
        Assert.Contains("2 of 4", error.Message, StringComparison.Ordinal);
    }
}
