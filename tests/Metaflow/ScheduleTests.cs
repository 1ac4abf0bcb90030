using System.Text.Json;
using Fanfare.Contracts.Api;

namespace Fanfare.Metaflow;

/// <summary><c>@schedule</c>: the deployed flow starts by itself.</summary>
public sealed class ScheduleTests
{
    [MetaflowFact]
    public async Task AFlowWithASchedule_StartsByItself_UntilItIsDeployedWithout()
    {
        await using var site = await MetaflowSite.StartAsync();
        var said = await site.DoneAsync("scheduled", "fanfare", "create");
        Assert.Contains("Its schedule: * * * * ? * (Europe/Berlin).", said, StringComparison.Ordinal);
        var schedule = Assert.Single(await SchedulesAsync(site));
        Assert.Equal(("Scheduled", "schedule", "* * * * ? *", CronDialect.EventBridge, "Europe/Berlin"),
            (schedule.Flow, schedule.Schedule, schedule.Standing.Spec.Cron, schedule.Standing.Spec.Dialect, schedule.Standing.Spec.TimeZone));

        // At the next full minute.
        await Eventually.TrueAsync(async () => (await site.Api.RunsAsync()).Items.Count > 0, "A run");
        var run = (await site.Api.RunsAsync()).Items[^1].Run;
        Assert.Equal(RunStatus.Succeeded, (await site.Api.EndAsync(run, Eventually.Limit)).Status);
        Assert.Equal($"""["{run}", 3]""", (await site.ReadAsync($"Scheduled/{run}", "seen")).GetProperty("end").GetProperty("seen").GetRawText());

        await site.DoneAsync("scheduled", "fanfare", "create", "--no-triggers");
        await Eventually.TrueAsync(async () => (await SchedulesAsync(site)).Count == 0, "No schedule");
    }

    private static async Task<IReadOnlyList<ScheduleView>> SchedulesAsync(MetaflowSite site) =>
        JsonSerializer.Deserialize(await site.Api.GetTextAsync("/api/v1/schedules"), ContractsJson.Default.ListResponseScheduleView)!.Items;
}
