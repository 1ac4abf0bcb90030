namespace Fanfare.EndToEnd.Flows;

[Collection(SharedSiteGroup.Name)]
public sealed class SwitchTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    // Counts up round by round; good from `enough` on.
    private static string Loop(string name, int maxLoops) => $$$"""
        name: {{{name}}}
        parameters: {enough: {type: int, default: 3}}
        steps:
          start: {run: {{{Run.Put("""{"n":0}""")}}}, next: train}
          train: {run: {{{Run.Python("put(n=inputs[0]['outputs']['n'] + 1)")}}}, next: judge}
          judge:
            run: {{{Run.Python("n = inputs[0]['outputs']['n']; put(n=n, good=n >= task['parameters']['enough'])")}}}
            next: {switch: good, cases: {true: publish, false: train}, max_loops: {{{maxLoops}}} }
          publish: {run: {{{Run.Python("put(n=inputs[0]['outputs']['n'])")}}} }
        """;

    [Fact]
    public async Task ALoop_GoesRoundUntilItsSwitchLeavesIt()
    {
        var run = await _site.Api.SucceedAsync(Loop("loop", maxLoops: 5));

        Assert.Equal("""{"n":3}""", Json.Compact(await _site.Api.OutputAsync(run, "publish#2")));
        Assert.Equal("""{"n":2,"good":false}""", Json.Compact(await _site.Api.OutputAsync(run, "judge#1")));
        Assert.Equal(["train", "train#1", "train#2"], (await _site.Api.StepsAsync(run)).Where(s => s.Step == "train").Select(s => s.Key));
    }

    [Fact]
    public async Task ALoop_BeyondItsBound_FailsTheTaskThatWantsAnotherRound()
    {
        var run = await _site.Api.StartAsync(Loop("endless", maxLoops: 2), parameters: new() { ["enough"] = 100 });

        var error = await _site.Api.FailRunAsync(run);

        Assert.Equal("loop_bound", error.Type);
        Assert.Contains("max_loops", error.Message, StringComparison.Ordinal);
        Assert.Equal(3, (await _site.Api.StepsAsync(run)).Count(s => s.Step == "train"));
        Assert.Equal(TaskStatus.Failed, (await _site.Api.TaskAsync(run, "judge#2")).Status);
    }

    [Fact]
    public async Task MembersThatCameByDifferentSteps_AreInputsInTheOrderOfTheirSplits()
    {
        // None of them puts anything out.
        var run = await _site.Api.SucceedAsync($$$"""
            name: sides
            steps:
              start: {run: ["true"], next: {foreach: pick, over: {range: 6} } }
              pick: {run: {{{Run.Python("put(side='even' if task['item'] % 2 == 0 else 'odd')")}}}, next: {switch: side, cases: {even: even, odd: odd} } }
              even: {run: ["true"], next: all}
              odd: {run: ["true"], next: all}
              all: {join: all, run: {{{Run.Python("put(order=[each['splits'][0] for each in inputs])")}}} }
            """);

        Assert.Equal("""{"order":[0,1,2,3,4,5]}""", Json.Compact(await _site.Api.OutputAsync(run, "all")));
    }

    [Fact]
    public async Task ASwitch_WithoutAMatchingCase_TakesItsDefault_ElseFailsTheTask()
    {
        static string Flow(string name, string rest) => $$$"""
            name: {{{name}}}
            steps:
              start: {run: {{{Run.Put("""{"colour":"green"}""")}}}, next: {switch: colour, cases: {red: stop{{{rest}}} }
              stop: {run: ["true"]}
              go: {run: ["true"]}
            """;

        var run = await _site.Api.SucceedAsync(Flow("switch-default", "}, default: go}"));
        var error = await _site.Api.FailRunAsync(await _site.Api.StartAsync(Flow("switch-none", ", blue: go}}")));

        Assert.Equal(["start", "go"], (await _site.Api.StepsAsync(run)).Select(s => s.Step));
        Assert.Equal("switch_no_case", error.Type);
        Assert.Contains("'green'", error.Message, StringComparison.Ordinal);
    }
}
