namespace Fanfare.Metaflow;

/// <summary><c>@exit_hook</c>: functions of the flow that are called when a run has ended.</summary>
public sealed class HookTests
{
    [MetaflowFact]
    public async Task AfterASuccess_ThoseForASuccessAreCalled_AndOneThatFailsChangesNothing()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync("hooks", "fanfare", "create");

        var run = await site.TriggerAsync("hooks", "--place", site.In(""));

        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        Assert.Equal($"Hooks/{run} True", await File.ReadAllTextAsync(site.In("well")));
        Assert.False(File.Exists(site.In("ill")));
        var tasks = (await site.Api.TasksAsync(run)).ToDictionary(task => task.Task, task => task.Status);
        Assert.Equal((TaskStatus.Caught, TaskStatus.Succeeded), (tasks["on-success-broken"], tasks["on-success-well"]));
        Assert.Contains("noted that it went well", await site.DoneAsync("hooks", "fanfare", "logs", run, "on-success-well"), StringComparison.Ordinal);
    }

    [MetaflowFact]
    public async Task AfterAFailure_ThoseForAFailureAreCalled()
    {
        await using var site = await MetaflowSite.StartAsync();
        await site.DoneAsync("hooks", "fanfare", "create");

        var run = await site.TriggerAsync("hooks", "--place", site.In(""), "--fails", "true");

        Assert.Equal(RunStatus.Failed, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        Assert.Equal($"Hooks/{run} False", await File.ReadAllTextAsync(site.In("ill")));
        Assert.False(File.Exists(site.In("well")));
        var (code, said) = await site.FlowAsync("hooks", "fanfare", "resume", "--origin-run-id", run, "--step-to-rerun", "on-error-ill");
        Assert.NotEqual(0, code);
        Assert.Contains("Its steps: start, end.", said, StringComparison.Ordinal);
    }
}
