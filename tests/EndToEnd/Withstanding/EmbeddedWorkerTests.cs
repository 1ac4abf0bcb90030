namespace Fanfare.EndToEnd.Withstanding;

/// <summary><c>fanfare serve</c> with the worker that it brings along.</summary>
public sealed class EmbeddedWorkerTests
{
    private static string Flow(Site site) =>
        $"name: own\nsteps: {{start: {{run: {Run.Shell($"echo x >> {site.In("started")}; [ $FANFARE_ATTEMPT = 1 ] && exit 0; setsid sleep 1000 & sleep 1000")}}}}}\n";

    [Theory]
    [InlineData("terminate")]
    [InlineData("interrupt")]
    [InlineData("kill")]
    public async Task ItsTasksEndWithIt_HoweverItEnds_AndRunAgainAtTheNextStart(string how)
    {
        await using var site = Site.Empty();
        await site.StartServerAsync(withWorker: true);
        var run = await site.Api.StartAsync(Flow(site));
        await TaskProcesses.LiveAsync(run, 3);

        if (how == "terminate") site.Server.Terminate();
        else if (how == "interrupt") site.Server.Interrupt();
        else await site.Server.KillAsync();
        var code = await site.Server.ExitAsync(Eventually.Limit);
        if (how == "kill") await TaskProcesses.GoneAsync(run);
        else Assert.Equal((0, 0), (code, TaskProcesses.Of(run).Count));
        await site.StartServerAsync(withWorker: true);
        await site.Api.SucceedRunAsync(run);

        Assert.Equal([AttemptStatus.Lost, AttemptStatus.Succeeded], (await site.Api.AttemptsAsync(run, "start")).Select(a => a.Status));
        Assert.Equal(2, (await File.ReadAllLinesAsync(site.In("started"))).Length);
    }
}
