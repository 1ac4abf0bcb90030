using System.Text.Json;

namespace Fanfare.Metaflow;

/// <summary>Local runs whose single steps go to a real server and worker: <c>run --with fanfare</c>, and <c>@fanfare</c> on some steps.</summary>
public sealed class ComputeTests
{
    [MetaflowFact]
    public async Task StepsWithTheDecorator_RunOnWorkers_AndTheOthersHere()
    {
        await using var site = await MetaflowSite.StartAsync();

        var said = await site.DoneAsync("mixed", "run", "--width", "3", "--run-id-file", site.In("run"));

        Assert.Contains("square of 2 is 4", said, StringComparison.Ordinal);
        Assert.Contains("Task failed with exit code 1", said, StringComparison.Ordinal);
        var read = await site.ReadAsync($"Mixed/{await File.ReadAllTextAsync(site.In("run"))}", "squares", "places", "colours", "tries", "where", "caught");
        Assert.True(read.GetProperty("successful").GetBoolean());
        var end = read.GetProperty("end");
        Assert.Equal(("[0, 1, 4]", "[1, 2, 1]", "'never'"), (end.GetProperty("squares").GetRawText(), end.GetProperty("tries").GetRawText(), end.GetProperty("caught").GetString()));
        Assert.Equal(["red", "red", "red"], end.GetProperty("colours").EnumerateArray().Select(colour => colour.GetString()));
        Assert.Equal(JsonValueKind.Null, end.GetProperty("where").ValueKind);
        // What a task printed there is where Metaflow looks for it, once.
        Assert.Equal(["square of 0 is 0\n", "square of 1 is 1\n", "square of 2 is 4\n"],
            read.GetProperty("tasks").EnumerateObject().Where(task => task.Name.StartsWith("work/", StringComparison.Ordinal)).Select(task => task.Value.GetProperty("out").GetString()).Order());

        // One deployment of each step; a run for each attempt, whose failure is the user's and tried again from here alone.
        var runs = (await site.Api.RunsAsync()).Items;
        Assert.All(runs, run => Assert.Equal(1, run.Deployment));
        Assert.Equal(5, runs.Count);
        Assert.Equal(4, runs.Count(run => run.Flow == "Mixed--work"));
        Assert.Equal(["Mixed--work"], runs.Where(run => run.Status == RunStatus.Failed).Select(run => run.Flow));
        Assert.Equal(
            runs.Where(run => run is { Flow: "Mixed--work", Status: RunStatus.Succeeded }).Select(run => run.Run).Order(),
            end.GetProperty("places").EnumerateArray().Select(place => place.GetString()).Order());
        Assert.Single(await site.Api.AttemptsAsync(runs.Single(run => run.Status == RunStatus.Failed).Run, "work"));
    }

    [MetaflowFact]
    public async Task AStepThatIsCancelledThere_FailsTheRunHere_AndIsNotTriedAgain()
    {
        await using var site = await MetaflowSite.StartAsync();
        var running = site.FlowAsync("held", "run", "--with", "fanfare", "--with", "retry:times=3,minutes_between_retries=0", "--place", site.In(""));
        var held = await RunningAsync(site, 2);

        await site.Api.CommandAsync(held[0], "cancel");
        await File.WriteAllTextAsync(site.In("go"), "");
        var (code, said) = await running;

        Assert.NotEqual(0, code);
        Assert.Contains($"Task was cancelled on Fanfare (run {held[0]})", said, StringComparison.Ordinal);
        Assert.Contains("This failed task will not be retried", said, StringComparison.Ordinal);
    }

    [MetaflowFact]
    public async Task ARunThatIsKilledHere_IsCancelledThere()
    {
        await using var site = await MetaflowSite.StartAsync();
        using var local = site.StartFlow("held", "run", "--with", "fanfare", "--place", site.In(""));
        var held = await RunningAsync(site, 2);

        local.Kill();

        foreach (var run in held) Assert.Equal(RunStatus.Cancelled, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
    }

    [MetaflowFact]
    public async Task WhatCannotBeSent_IsRefusedBeforeTheRun_WithTheFieldTheRuleAndTheRemedy()
    {
        await using var site = await MetaflowSite.StartAsync();

        var (code, said) = await site.FlowAsync("held", "run", "--with", "fanfare:memory=4GiB", "--place", site.In(""));

        Assert.NotEqual(0, code);
        Assert.Contains("memory is '4GiB'; it is a whole number of MB. Write memory=4096.", said, StringComparison.Ordinal);
        Assert.DoesNotContain("Task is starting", said, StringComparison.Ordinal);
    }

    /// <summary>The runs that stand for tasks of the held step, once so many of them run.</summary>
    private static async Task<IReadOnlyList<string>> RunningAsync(MetaflowSite site, int count)
    {
        List<string> found = [];
        await Eventually.TrueAsync(
            async () =>
            {
                found.Clear();
                foreach (var run in (await site.Api.RunsAsync()).Items.Where(run => run is { Flow: "Held--work", Status: RunStatus.Running }))
                    if ((await site.Api.StepsAsync(run.Run)).Any(step => step.Running > 0)) found.Add(run.Run);
                return found.Count >= count;
            },
            "Tasks that wait");
        return found;
    }
}
