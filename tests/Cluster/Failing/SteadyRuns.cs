using Fanfare.Nodes;

namespace Fanfare.Cluster.Failing;

/// <summary>Runs that go on all the time, each with one task after another.</summary>
internal static class SteadyRuns
{
    /// <param name="tasks">How many tasks each run has.</param>
    public static async Task<IReadOnlyList<string>> StartAsync(SiloSite site, int runs, int tasks)
    {
        // One task at a time: a run that does not go on is seen at once.
        await site.Silos[0].Api.DeployAsync($$$"""
            name: steady
            steps:
              start: {run: ["true"], next: {foreach: each, over: {range: {{{tasks}}} } } }
              each: {run: ["true"], max_parallel: 1, next: all}
              all: {join: all, run: ["true"]}
            """);
        var started = new List<string>();
        foreach (var some in Enumerable.Range(0, runs).Chunk(50))
            started.AddRange(await Task.WhenAll(some.Select(async i => (await site.Silos[i % site.Silos.Count].Api.StartDeployedAsync("steady")).Run)));
        return started;
    }

    /// <summary>Cancels them, ends the silos, and has all histories judged.</summary>
    public static async Task EndAsync(SiloSite site, Crowd crowd, IReadOnlyList<string> runs)
    {
        foreach (var some in runs.Chunk(50)) await Task.WhenAll(some.Select((run, i) => CancelAsync(site.Silos[i % site.Silos.Count], run)));
        foreach (var run in runs) Assert.Equal(RunStatus.Cancelled, (await site.Silos[0].Api.EndAsync(run, Eventually.Limit)).Status);
        var succeeded = 0;
        foreach (var some in runs.Chunk(20))
        {
            foreach (var history in await Task.WhenAll(some.Select((run, i) => site.Silos[i % site.Silos.Count].Api.HistoryAsync(run))))
            {
                succeeded += history.Count(each => each.Type == "task_succeeded");
                // Leases outlast whatever befell a silo. One that it granted in its last moment may find the worker full when it is known again, and is handed back unstarted.
                if (history.FirstOrDefault(each => each.Type == "task_lost" && !each.Data.GetProperty("reason").GetString()!.Contains("had no room", StringComparison.Ordinal)) is { } lost) Assert.Fail($"{lost}\n{string.Join('\n', history.Where(each => each.Stream == lost.Stream).TakeLast(30))}");
            }
        }
        // Each end that a worker reported was accepted once; those of the last moment may have been too late for the cancel.
        Assert.InRange(succeeded, crowd.Ended - (2 * runs.Count), crowd.Ended);
        foreach (var silo in site.Silos) silo.Process.Terminate();
        foreach (var silo in site.Silos) Assert.Equal(0, await silo.Process.ExitAsync(Eventually.Limit));
        await Histories.CheckAsync(site.Database, "default", ["steady"], runs);
    }

    private static async Task CancelAsync(SiloProcess silo, string run)
    {
        try
        {
            await silo.Api.CommandAsync(run, "cancel");
        }
        catch (HttpRequestException refused)
        {
            throw new InvalidOperationException($"{refused.Message}\n{silo.Process.Output}", refused);
        }
    }
}
