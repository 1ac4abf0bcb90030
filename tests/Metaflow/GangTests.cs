namespace Fanfare.Metaflow;

/// <summary><c>@parallel</c>: Metaflow's tasks that work together are a gang.</summary>
public sealed class GangTests
{
    [MetaflowFact]
    public async Task TasksOfAParallelStep_StartTogether_KnowEachOther_AndStartAgainTogether()
    {
        await using var site = await MetaflowSite.StartAsync(slots: 4);
        await site.DoneAsync("together", "fanfare", "create");

        var run = await site.TriggerAsync("together");
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);

        var end = (await site.ReadAsync($"Together/{run}", "nodes")).GetProperty("end");
        Assert.Equal(
            """[[[0, 1, "127.0.0.1", "train-0-0", 0, true, 0]], [[0, 3, "127.0.0.1", "train-1-0", 0, true, 1], [1, 3, "127.0.0.1", "train-1-0", 1, true, 1], [2, 3, "127.0.0.1", "train-1-0", 2, true, 1]]]""",
            end.GetProperty("nodes").GetRawText());
        var (code, said) = await site.PythonAsync(["control.py", $"Together/{run}/train"]);
        Assert.True(code == 0, said);
        Assert.Equal("train-0-0 train-1-0", said.Trim());
    }

    [MetaflowFact]
    public async Task AResumedRun_TakesAGangOverAsAWhole_OrRunsAllOfIt()
    {
        await using var site = await MetaflowSite.StartAsync(slots: 4);
        await site.DoneAsync("together", "fanfare", "create");
        await File.WriteAllTextAsync(site.In("broken"), "");
        var origin = await site.TriggerAsync("together", "--broken", site.In("broken"));
        Assert.Equal(RunStatus.Failed, (await site.Api.EndAsync(origin, Eventually.Limit)).Status);
        File.Delete(site.In("broken"));

        var run = await site.ResumeAsync("together", origin);
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);

        var ran = (await site.ReadAsync($"Together/{run}", "ran")).GetProperty("end").GetProperty("ran");
        var runs = ran.EnumerateArray().Select(gang => gang.EnumerateArray().Select(task => task[0].GetString()).Distinct().Single()).ToList();
        // The gang of one was done, unless the run ended before; of the three one at the most was, which is of no use by itself.
        Assert.Contains(runs[0], new[] { origin, run });
        Assert.Equal(run, runs[1]);
    }
}
