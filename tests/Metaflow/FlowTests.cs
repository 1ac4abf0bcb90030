using System.Text.RegularExpressions;

namespace Fanfare.Metaflow;

/// <summary>Unmodified flows: deployed and started from the command line, run by a real server and worker, and read with Metaflow's client.</summary>
public sealed class FlowTests
{
    [MetaflowFact]
    public async Task EveryShape_RunsAsMetaflowRunsIt()
    {
        await using var site = await MetaflowSite.StartAsync();
        var said = await site.DoneAsync("shapes", "fanfare", "create", "--tag", "nightly");
        Assert.Contains("production:shapes-0-", said, StringComparison.Ordinal);
        Assert.Contains("deployment 1", said, StringComparison.Ordinal);

        var near = await site.TriggerAsync("shapes", "--width", "2", "--a-note", "a note");
        var far = await site.TriggerAsync("shapes", "--grid", """{"a": [7]}""");
        foreach (var run in new[] { near, far }) Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);

        var read = await site.ReadAsync($"Shapes/{near}", "words", "ways", "rounds", "tries", "grid", "note");
        Assert.True(read.GetProperty("successful").GetBoolean());
        Assert.Contains("nightly", read.GetProperty("tags").EnumerateArray().Select(tag => tag.GetString()));
        var end = read.GetProperty("end");
        Assert.Equal("""["x0", "y0", "x1", "y1"]""", end.GetProperty("words").GetRawText());
        Assert.Equal("""["plain", "chosen"]""", end.GetProperty("ways").GetRawText());
        Assert.Equal((3, 3, "a note"), (end.GetProperty("rounds").GetInt32(), end.GetProperty("tries").GetInt32(), end.GetProperty("note").GetString()));
        Assert.Equal("""{"a": [1, 2]}""", end.GetProperty("grid").GetRawText());
        var tasks = read.GetProperty("tasks");
        Assert.Equal("came to the end with x0 y0 x1 y1\n", tasks.EnumerateObject().Single(task => task.Name.StartsWith("end/", StringComparison.Ordinal)).Value.GetProperty("out").GetString());
        Assert.Equal(["inner/inner-0-0", "inner/inner-0-1", "inner/inner-1-0", "inner/inner-1-1"], tasks.EnumerateObject().Select(task => task.Name).Where(name => name.StartsWith("inner/", StringComparison.Ordinal)).Order());
        // The loop's rounds are tasks of their own.
        Assert.Equal(["loop/loop", "loop/loop.l1", "loop/loop.l2"], tasks.EnumerateObject().Select(task => task.Name).Where(name => name.StartsWith("loop/", StringComparison.Ordinal)).Order());

        var other = await site.ReadAsync($"Shapes/{far}", "words", "ways");
        Assert.Equal("""["plain", "detour"]""", other.GetProperty("end").GetProperty("ways").GetRawText());
        Assert.Equal(6, other.GetProperty("end").GetProperty("words").GetArrayLength());

        // The same again is the same deployment.
        Assert.Contains("deployment 1 (unchanged)", await site.DoneAsync("shapes", "fanfare", "create", "--tag", "nightly"), StringComparison.Ordinal);
    }

    [MetaflowFact]
    public async Task ARunThatFailed_IsRunAgainWhereItFailed_AndOnALaptop()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync("held", "fanfare", "create");
        foreach (var file in new[] { "go", "broken" }) await File.WriteAllTextAsync(site.In(file), "");
        var run = await site.TriggerAsync("held", "--place", site.In(""));
        Assert.Equal(RunStatus.Failed, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        var said = await site.DoneAsync("held", "fanfare", "status", run);
        Assert.Contains("FAILED", said, StringComparison.Ordinal);
        Assert.Contains("RuntimeError: broken", said, StringComparison.Ordinal);
        Assert.Contains($"{run}", await site.DoneAsync("held", "fanfare", "list-runs", "--failed"), StringComparison.Ordinal);
        Assert.DoesNotContain(run, await site.DoneAsync("held", "fanfare", "list-runs", "--succeeded"), StringComparison.Ordinal);

        File.Delete(site.In("broken"));
        Assert.Contains("Done!", await site.DoneAsync("held", "resume", "--origin-run-id", run), StringComparison.Ordinal);

        var before = await DoneAtAsync(site, run);
        await site.DoneAsync("held", "fanfare", "retry", run);
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        var after = await DoneAtAsync(site, run);
        // What had succeeded did not run again.
        Assert.All(before, task => Assert.Equal(task.Value, after[task.Key]));
        Assert.Equal(3, (await site.ReadAsync($"Held/{run}", "pids")).GetProperty("end").GetProperty("pids").GetArrayLength());
    }

    [MetaflowFact]
    public async Task ARun_IsSuspendedUnsuspendedAndTerminated()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync("held", "fanfare", "create");
        var first = await site.TriggerAsync("held", "--place", site.In(""));
        await Eventually.TrueAsync(async () => (await site.Api.StepsAsync(first)).Any(step => step is { Step: "work", Running: > 0 }), "Tasks that wait");
        var second = await site.TriggerAsync("held", "--place", site.In(""));

        Assert.Contains("SUSPENDED", await site.DoneAsync("held", "fanfare", "suspend", first), StringComparison.Ordinal);
        await site.DoneAsync("held", "fanfare", "terminate", second);
        Assert.Equal(RunStatus.Cancelled, (await site.Api.EndAsync(second, Eventually.Limit)).Status);
        Assert.Contains("ABORTED", await site.DoneAsync("held", "fanfare", "status", second), StringComparison.Ordinal);
        var held = await site.Api.RunAsync(first);
        Assert.True(held.Status == RunStatus.Paused, $"{held.Status}: {held.Error?.Message}");
        await File.WriteAllTextAsync(site.In("go"), "");
        await site.DoneAsync("held", "fanfare", "unsuspend", first);
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(first, Eventually.Limit)).Status);
    }

    [MetaflowFact]
    public async Task ADeletedFlow_IsTriggeredNoMore_ItsRunsGoOn_AndItsNameIsFree()
    {
        await using var site = await MetaflowSite.StartAsync();
        var first = TokenIn(await site.DoneAsync("held", "fanfare", "create"));
        var token = TokenIn(await site.DoneAsync("held", "fanfare", "create", "--generate-new-token"));
        var run = await site.TriggerAsync("held", "--place", site.In(""));
        await Eventually.TrueAsync(async () => (await site.Api.StepsAsync(run)).Any(step => step is { Step: "work", Running: > 0 }), "Tasks that wait");

        site.User = "stranger";
        var (code, said) = await site.FlowAsync("held", "fanfare", "delete");
        Assert.NotEqual(0, code);
        Assert.Contains("fanfare delete --authorize MY_TOKEN", said, StringComparison.Ordinal);
        Assert.Contains("Flow Held deleted from Fanfare", await site.DoneAsync("held", "fanfare", "delete", "--authorize", token), StringComparison.Ordinal);
        (code, said) = await site.FlowAsync("held", "fanfare", "trigger", "--place", site.In(""));
        Assert.NotEqual(0, code);
        Assert.Contains("FAN0002", said, StringComparison.Ordinal);
        (code, said) = await site.FlowAsync("held", "fanfare", "delete");
        Assert.NotEqual(0, code);
        Assert.Contains("There is no flow Held on Fanfare", said, StringComparison.Ordinal);

        // Whoever deploys it now begins with the first token; the run goes by the one that its deployment had.
        said = await site.DoneAsync("held", "fanfare", "create");
        Assert.Contains("deployment 3", said, StringComparison.Ordinal);
        Assert.Equal(first, TokenIn(said));
        Assert.NotEqual(0, (await site.FlowAsync("held", "fanfare", "terminate", run)).Code);
        site.User = "tester";
        Assert.Contains("SUSPENDED", await site.DoneAsync("held", "fanfare", "suspend", run), StringComparison.Ordinal);
        await site.DoneAsync("held", "fanfare", "unsuspend", run);
        await File.WriteAllTextAsync(site.In("go"), "");
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        Assert.Equal(3, (await site.ReadAsync($"Held/{run}", "pids")).GetProperty("end").GetProperty("pids").GetArrayLength());

        (code, said) = await site.PythonAsync(["deleting.py", "Held"]);
        Assert.True(code == 0, said);
        Assert.Contains("deleted: True, there: []", said, StringComparison.Ordinal);
        Assert.Contains(run, await site.DoneAsync("held", "fanfare", "list-runs", "--succeeded"), StringComparison.Ordinal);
    }

    [MetaflowFact]
    public async Task WhatCannotRun_IsRefusedAtTheDeployment_WithTheStepAndTheRemedy()
    {
        await using var site = await MetaflowSite.StartAsync();

        var (code, said) = await site.FlowAsync("unfit", "fanfare", "create");

        Assert.NotEqual(0, code);
        Assert.Contains("@trigger (line 4): the option reset_at is not known to Fanfare", said, StringComparison.Ordinal);
        Assert.Contains("options={'within': '12h'}", said, StringComparison.Ordinal);
        Assert.Contains("(line 11)", said, StringComparison.Ordinal);
        Assert.Contains("at most 64 letters", said, StringComparison.Ordinal);
        Assert.Contains("\"items\":[]", await site.Api.GetTextAsync("/api/v1/flows"), StringComparison.Ordinal);
        var (unknown, there) = await site.FlowAsync("shapes", "fanfare", "status", "r-none");
        Assert.NotEqual(0, unknown);
        Assert.Contains("There is no run r-none of Shapes on Fanfare", there, StringComparison.Ordinal);
    }

    private static string TokenIn(string said) => Regex.Match(said, "--authorize (held-[0-9]+-[a-z]+)").Groups[1].Value;

    private static async Task<IReadOnlyDictionary<string, DateTimeOffset?>> DoneAtAsync(MetaflowSite site, string run) =>
        (await site.Api.TasksAsync(run)).Where(task => task.Status == TaskStatus.Succeeded).ToDictionary(task => task.Task, task => task.EndedAt);
}
