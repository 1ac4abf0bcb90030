using System.Globalization;

namespace Fanfare.EndToEnd.Flows;

/// <summary>Gangs on two workers with two slots each: all of their tasks start together, start again together, and go on together.</summary>
public sealed class GangTests : IAsyncLifetime
{
    private Site _site = null!;

    public async Task InitializeAsync()
    {
        _site = await Site.StartAsync(slots: 2);
        _site.Command("worker", "--server", _site.Url, "--name", "second", "--slots", "2", "--data", _site.In("second"), "--address", "second.example");
        await Eventually.TrueAsync(async () => (await _site.Api.GetTextAsync("/api/v1/workers")).Contains("\"second\"", StringComparison.Ordinal), "Both workers");
    }

    public async Task DisposeAsync() => await _site.DisposeAsync();

    // Each waits for all: where they did not run side by side, none would ever end.
    private string Meet(int size) => $"touch {_site.In("met")}.$FANFARE_RUN.$FANFARE_GANG_INDEX.$FANFARE_ATTEMPT; until [ $(ls {_site.In("met")}.$FANFARE_RUN.*.$FANFARE_ATTEMPT | wc -l) = {size} ]; do sleep 0.05; done; ";

    private string Gang(string name, int size, string then = "", string more = "") => $$$"""
        name: {{{name}}}
        steps:
          start: {run: ["true"], next: {foreach: work, over: {range: {{{size}}} } } }
          work:
            run: {{{Run.Shell(Meet(size) + then + """printf '{"at":"%s %s %s"}' $FANFARE_GANG_INDEX $FANFARE_GANG_SIZE $FANFARE_GANG_FIRST > $FANFARE_OUTPUT""")}}}
            gang: true
            {{{more}}}
            next: all
          all: {join: all, run: {{{Run.Python("put(at=[i['outputs']['at'] for i in inputs])")}}} }
        """;

    [Fact]
    public async Task AllOfAGang_RunSideBySide_OnSeveralWorkers_AndKnowEachOther()
    {
        var run = await _site.Api.SucceedAsync(Gang("meet", 4));

        var at = (await _site.Api.OutputAsync(run, "all")).GetProperty("at").EnumerateArray().Select(each => each.GetString()!.Split(' ')).ToList();
        Assert.Equal(["0", "1", "2", "3"], at.Select(each => each[0]));
        Assert.All(at, each => Assert.Equal("4", each[1]));
        var first = (await _site.Api.TaskAsync(run, "work[0]")).Worker;
        Assert.Equal([first == "second" ? "second.example" : "127.0.0.1"], at.Select(each => each[2]).Distinct());
        Assert.Equal(2, (await _site.Api.TasksAsync(run)).Where(task => task.Step == "work").Select(task => task.Worker).Distinct().Count());
    }

    [Fact]
    public async Task GangsThatCompete_AllStart_NoneInParts_AndWhatElseRunsDoesNotHoldThemUpForEver()
    {
        var others = await _site.Api.StartAsync("""
            name: others
            steps:
              start: {run: ["true"], next: {foreach: small, over: {range: 4000} } }
              small: {run: [sleep, "0.3"], next: all}
              all: {join: all, run: ["true"]}
            """);
        await _site.Api.EventAsync(others, "task_leased", "small", count: 4);
        var gangs = new List<string>();
        for (var i = 0; i < 8; i++) gangs.Add(await _site.Api.StartAsync(Gang($"compete-{i}", 3 + (i % 2))));

        foreach (var gang in gangs) await _site.Api.SucceedRunAsync(gang);

        Assert.False((await _site.Api.RunAsync(others)).Status.IsTerminal());
        foreach (var gang in gangs) await CheckStartedTogetherAsync(gang);
        await _site.Api.CommandAsync(others, "cancel");
    }

    [Fact]
    public async Task WhenOneFails_AllStartAgain_ThoseThatWereDoneToo_AndItCountsOnce()
    {
        // Number 0 is done at once; 1 fails when it sees that, and 2 and 3 would run for ever.
        var then = """if [ $FANFARE_ATTEMPT != 2 ]; then case $FANFARE_GANG_INDEX in 0) ;; 1) sleep 1; exit 7;; *) sleep 1000 & wait;; esac; fi; """;
        var run = await _site.Api.SucceedAsync(Gang("again", 4, then, "retry: {max_attempts: 3, backoff: {initial: 10ms}}\n    grace: 200ms"));

        for (var split = 0; split < 4; split++)
        {
            var attempts = await _site.Api.AttemptsAsync(run, $"work[{split}]");
            Assert.Equal([0, 1, 2], attempts.Select(attempt => attempt.Attempt));
            Assert.Equal(AttemptStatus.Succeeded, attempts[2].Status);
            Assert.All(attempts.Take(2), attempt => Assert.Equal(split switch { 0 => AttemptStatus.Succeeded, 1 => AttemptStatus.Failed, _ => AttemptStatus.Lost }, attempt.Status));
        }
        await CheckStartedTogetherAsync(run);
    }

    [Fact]
    public async Task WhenOneFailsForGood_TheOthersAreEnded_AndARetryOfTheRunStartsAll()
    {
        var run = await _site.Api.StartAsync(Gang("fails", 4, $"""[ -e {_site.In("mended")} ] || case $FANFARE_GANG_INDEX in 0) ;; 1) sleep 1; exit 7;; *) sleep 1000 & wait;; esac; """, "grace: 200ms"));
        var error = await _site.Api.FailRunAsync(run);
        Assert.Empty(TaskProcesses.Of(run));
        _site.Touch("mended");

        var (status, refusal) = await _site.Api.AnswerAsync(HttpMethod.Post, $"/api/v1/runs/{run}/tasks/work[1]:retry");
        await _site.Api.CommandAsync(run, "retry");
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal(7, error.ExitCode);
        Assert.Equal(409, status);
        Assert.Contains("retry the run instead", refusal, StringComparison.Ordinal);
        for (var split = 0; split < 4; split++) Assert.Equal([0, 1], (await _site.Api.AttemptsAsync(run, $"work[{split}]")).Select(attempt => attempt.Attempt));
    }

    [Fact]
    public async Task WhenAWorkerDies_TheWholeGangStartsAgain_WithoutBeingChargedForIt()
    {
        var run = await _site.Api.StartAsync(Gang("dies", 4, $"[ $FANFARE_ATTEMPT != 0 ] || sleep 1000 & wait; ", "grace: 200ms"));
        await TaskProcesses.LiveAsync(run, 4);

        await _site.Worker.KillAsync();
        _site.StartWorker(slots: 2);
        await _site.Api.SucceedRunAsync(run);

        for (var split = 0; split < 4; split++)
            Assert.Equal([AttemptStatus.Lost, AttemptStatus.Succeeded], (await _site.Api.AttemptsAsync(run, $"work[{split}]")).Select(attempt => attempt.Status));
        await CheckStartedTogetherAsync(run);
    }

    [Fact]
    public async Task AGangThatIsTooLarge_HoldsUpNobody_AndSaysWhatItLacks()
    {
        var large = await _site.Api.StartAsync(Gang("too-large", 5));
        await _site.Api.EventAsync(large, "foreach_opened", "work");

        await _site.Api.SucceedAsync(Gang("fits", 4));
        var why = await _site.Api.ExplainAsync(large, "work[3]");
        _site.Command("worker", "--server", _site.Url, "--name", "third", "--slots", "1", "--data", _site.In("third"));
        await _site.Api.SucceedRunAsync(large);

        Assert.Equal("waiting", why.State);
        var details = string.Join(' ', why.Details);
        Assert.Contains("one of a gang of 5 tasks, which start together", details, StringComparison.Ordinal);
        Assert.Contains("for 4 when nothing else runs", details, StringComparison.Ordinal);
        Assert.Contains("start more workers", details, StringComparison.Ordinal);
    }

    // By the history: between the first lease of a round and the last there is nothing else in the step's stream, and the next round begins after the last has ended.
    private async Task CheckStartedTogetherAsync(string run)
    {
        var (live, size) = (new HashSet<int>(), 0);
        foreach (var e in (await _site.Api.HistoryAsync(run)).Where(e => e.Stream.Contains("work", StringComparison.Ordinal)))
        {
            if (e.Type == "foreach_opened") size = e.Data.GetProperty("count").GetInt32();
            if (e.Type == "task_leased")
            {
                Assert.True(live.Add(e.Data.GetProperty("split").GetInt32()), $"event {e.Id.ToString(CultureInfo.InvariantCulture)} leases what is leased");
            }
            else if (e.Data.TryGetProperty("split", out var split) && e.Type.StartsWith("task_", StringComparison.Ordinal))
            {
                if (live.Count == size) live = [.. live, -1];
                Assert.True(live.Contains(-1), $"event {e.Id.ToString(CultureInfo.InvariantCulture)} comes when {live.Count} of {size} were leased");
                Assert.True(live.Remove(split.GetInt32()));
                if (live.SetEquals([-1])) live.Clear();
            }
        }
        Assert.Empty(live);
    }
}
