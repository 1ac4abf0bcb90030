using System.Globalization;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.EndToEnd.Flows;

/// <summary>What starts by itself, on the built program: each time starts one run, whatever happens to the server.</summary>
public sealed class ScheduleTests : IAsyncLifetime
{
    private Site _site = null!;

    public async Task InitializeAsync() => _site = await Site.StartAsync();

    public async Task DisposeAsync() => await _site.DisposeAsync();

    private static string Flow(string name, string schedule) => $$$"""
        name: {{{name}}}
        parameters: {from: {default: ""}, until: {default: ""}}
        schedules:
          often: {{{{schedule}}}, interval_start: from, interval_end: until}
        steps:
          start: {run: {{{Run.Python("put(at=os.environ['FANFARE_PARAM_FROM'] + ' ' + os.environ['FANFARE_PARAM_UNTIL'])")}}}}
        """;

    [Fact]
    public async Task EachTime_StartsOneRun_ThoughTheServerIsKilledAgainAndAgain_AndNoneIsLost()
    {
        await _site.Api.DeployAsync(Flow("steady", "every: 1s, missed: all, overlap: queue_all"));
        for (var kills = 0; kills < 5; kills++)
        {
            var begun = await BegunAsync("steady");
            await Eventually.TrueAsync(async () => await BegunAsync("steady") >= begun + 2, "Two more runs");
            await _site.Server!.KillAsync();
            await _site.StartServerAsync();
        }
        await PauseAsync("steady", "enough");
        await Eventually.TrueAsync(async () => (await ScheduleAsync("steady")).Standing.ActiveCount == 0, "The end of all runs");

        var standing = (await ScheduleAsync("steady")).Standing;
        var runs = await RunsAsync("steady");
        var intervals = new List<(DateTimeOffset From, DateTimeOffset Until)>();
        foreach (var run in runs)
        {
            Assert.Equal((RunStatus.Succeeded, "schedule:often"), (run.Status, run.Actor));
            var at = (await _site.Api.OutputAsync(run.Run, "start")).GetProperty("at").GetString()!.Split(' ');
            intervals.Add((DateTimeOffset.Parse(at[0], CultureInfo.InvariantCulture), DateTimeOffset.Parse(at[1], CultureInfo.InvariantCulture)));
        }
        // One after another without a gap, up to what still waited at the pause.
        var times = intervals.Select(interval => interval.Until).Order().ToList();
        Assert.Equal(Enumerable.Range(0, times.Count).Select(i => times[0].AddSeconds(i)), times);
        Assert.All(intervals, interval => Assert.Equal(TimeSpan.FromSeconds(1), interval.Until - interval.From));
        Assert.Equal((runs.Count, 0L), ((int)standing.Begun, standing.Skipped));
        Assert.Equal(("enough", true), (standing.Pause!.Reason, standing.Pause.Actor.Length > 0));
    }

    [Fact]
    public async Task WhatADeploymentHasNoMore_IsGone_AndADeletionTakesAllAway()
    {
        await _site.Api.DeployAsync(Flow("changing", "every: 1s"));
        await Eventually.TrueAsync(async () => await BegunAsync("changing") >= 1, "A run");
        await _site.Api.DeployAsync(Flow("changing", "every: 1h").Replace("often:", "seldom:", StringComparison.Ordinal));
        await Eventually.TrueAsync(async () => (await ListAsync()).Select(s => s.Schedule).SequenceEqual(["seldom"]), "The other schedule alone");
        Assert.Equal(2, (await ListAsync()).Single().Standing.Deployment);

        Assert.Equal(200, (await _site.Api.AnswerAsync(HttpMethod.Delete, "/api/v1/flows/changing")).Status);

        await Eventually.TrueAsync(async () => (await ListAsync()).Count == 0, "No schedule");
    }

    [Fact]
    public async Task TheCommand_ShowsWhatComes_AndPauses()
    {
        await _site.Api.DeployAsync(Flow("nightly", "cron: 0 2 * * *, timezone: Europe/Berlin"));
        await Eventually.TrueAsync(async () => (await ListAsync()).Count == 1, "The schedule");

        var next = await CommandAsync("schedule", "next", "nightly", "--count", "3");
        var paused = await CommandAsync("schedule", "pause", "nightly", "often", "--reason", "the source is down");
        var listed = await CommandAsync("schedule", "list");
        var resumed = await CommandAsync("schedule", "resume", "nightly", "often");

        Assert.Equal(3, next.Split('\n').Count(line => line.Contains("nightly  often", StringComparison.Ordinal)));
        Assert.Contains("the source is down", paused, StringComparison.Ordinal);
        Assert.Contains("paused", listed, StringComparison.Ordinal);
        Assert.Contains("0 2 * * * Europe/Berlin", listed, StringComparison.Ordinal);
        Assert.DoesNotContain("paused", resumed, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ABackfill_RunsEachIntervalOnce_BesideItsSchedule_ThoughTheServerIsKilledAgainAndAgain()
    {
        await _site.Api.DeployAsync(Flow("past", "every: 1s, overlap: allow"));
        await Eventually.TrueAsync(async () => await BegunAsync("past") >= 2, "Two runs");
        // Some of them had a run by the schedule, which goes on; and the other backfill wants the same.
        var from = DateTimeOffset.UtcNow.AddSeconds(-40);
        var ids = new List<string>();
        foreach (var newest in new[] { true, false })
            ids.Add(await StartedAsync(new { from = from.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture), to = DateTimeOffset.UtcNow.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture), newest_first = newest, parallel = 3 }));
        for (var kills = 0; kills < 3; kills++)
        {
            var taken = (await BackfillAsync(ids[0])).Standing.Taken;
            await Eventually.TrueAsync(async () => (await BackfillAsync(ids[0])).Standing is { } now && (now.Taken >= taken + 4 || now.State == BackfillState.Done), "Some more intervals");
            await _site.Server!.KillAsync();
            await _site.StartServerAsync();
        }
        foreach (var id in ids) await Eventually.TrueAsync(async () => (await BackfillAsync(id)).Standing.State == BackfillState.Done, "The end of the backfill");
        await PauseAsync("past", "enough");
        await Eventually.TrueAsync(async () => (await RunsAsync("past")).All(run => run.Status == RunStatus.Succeeded), "The end of all runs");

        var runs = await RunsAsync("past");
        var times = new List<string>();
        foreach (var run in runs) times.Add((await _site.Api.OutputAsync(run.Run, "start")).GetProperty("at").GetString()!);
        Assert.Equal(times.Count, times.Distinct().Count());
        var standings = new List<BackfillStanding>();
        foreach (var id in ids) standings.Add((await BackfillAsync(id)).Standing);
        Assert.All(standings, standing => Assert.Equal((standing.Plan.Total, standing.Plan.Total), (standing.Taken, standing.Succeeded + standing.Present)));
        Assert.Equal(runs.Count(run => run.Tags.Any(tag => tag.StartsWith("backfill:", StringComparison.Ordinal))), standings.Sum(standing => standing.Succeeded));
        var first = runs.Min(run => run.Parameters.GetProperty("from").GetString());
        Assert.True(standings[0].Plan.Total >= 38 && string.CompareOrdinal(first, from.AddSeconds(2).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture)) <= 0, $"{standings[0].Plan.Total} {first}");
    }

    [Fact]
    public async Task TheCommand_BackfillsAndRunsAgain()
    {
        await _site.Api.DeployAsync(Flow("again", "cron: 30 2 * * *, timezone: Europe/Berlin"));
        await Eventually.TrueAsync(async () => (await ListAsync()).Count == 1, "The schedule");

        var started = await CommandAsync("backfill", "start", "again", "often", "--from", "2026-03-28", "--to", "2026-03-31", "--parallel", "2", "--key", "k");
        var id = started.Split(',')[0].Trim();
        await Eventually.TrueAsync(async () => (await BackfillAsync(id)).Standing.State == BackfillState.Done, "The end of the backfill");
        var shown = await CommandAsync("backfill", "show", id);
        var rerun = await CommandAsync("schedule", "rerun", "again", "often", "2026-03-30T02:30");
        var listed = await CommandAsync("backfill", "list", "again");
        var refused = _site.Command("backfill", "cancel", id, "--server", _site.Url);

        Assert.Contains("taken up 2 of 2 intervals", shown, StringComparison.Ordinal);
        Assert.Contains("2 succeeded, 0 failed", shown, StringComparison.Ordinal);
        Assert.Contains("of 1 interval", rerun, StringComparison.Ordinal);
        Assert.Equal(2, listed.Split('\n').Count(line => line.Contains("again  often", StringComparison.Ordinal)));
        Assert.NotEqual(0, await refused.ExitAsync(TimeSpan.FromSeconds(30)));
        await Eventually.TrueAsync(async () => (await RunsAsync("again")) is { Count: 3 } runs && runs.All(run => run.Status == RunStatus.Succeeded), "Three runs");
        // The day of the gap has no 02:30.
        Assert.Equal(
            ["2026-03-28T01:30:00Z 2026-03-29T01:00:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z", "2026-03-29T01:00:00Z 2026-03-30T00:30:00Z"],
            (await RunsAsync("again")).Select(run => $"{run.Parameters.GetProperty("from").GetString()} {run.Parameters.GetProperty("until").GetString()}").Order());
        // The pages lead from one to another.
        var one = (await RunsAsync("again")).First(run => run.Tags.Contains($"backfill:{id}")).Run;
        Assert.Contains($"href=\"/backfills/{id}\"", await _site.Api.GetTextAsync("/schedules/again/often"), StringComparison.Ordinal);
        Assert.Contains($"href=\"/runs/{one}\"", await _site.Api.GetTextAsync($"/backfills/{id}"), StringComparison.Ordinal);
        var page = await _site.Api.GetTextAsync($"/runs/{one}");
        Assert.Contains("href=\"/schedules/again/often\"", page, StringComparison.Ordinal);
        Assert.Contains($"href=\"/backfills/{id}\"", page, StringComparison.Ordinal);
        Assert.Contains("<dt>Interval</dt>", page, StringComparison.Ordinal);
    }

    private async Task<string> StartedAsync(object request)
    {
        var answer = await _site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/flows/past/schedules/often:backfill", request);
        Assert.True(answer.Status == 201, answer.Body);
        return Read<BackfillView>(answer.Body).Backfill;
    }

    private async Task<BackfillView> BackfillAsync(string id) => Read<BackfillView>(await _site.Api.GetTextAsync($"/api/v1/backfills/{id}"));

    private async Task<string> CommandAsync(params string[] arguments)
    {
        var command = _site.Command([.. arguments, "--server", _site.Url]);
        Assert.Equal(0, await command.ExitAsync(TimeSpan.FromSeconds(30)));
        return command.Output;
    }

    private async Task<ScheduleView> ScheduleAsync(string flow) => (await ListAsync()).Single(schedule => schedule.Flow == flow);

    private async Task<long> BegunAsync(string flow) => (await ListAsync()).SingleOrDefault(schedule => schedule.Flow == flow)?.Standing.Begun ?? 0;

    private async Task<IReadOnlyList<ScheduleView>> ListAsync() => Read<ListResponse<ScheduleView>>(await _site.Api.GetTextAsync("/api/v1/schedules")).Items;

    private async Task<IReadOnlyList<RunView>> RunsAsync(string flow) => Read<ListResponse<RunView>>(await _site.Api.GetTextAsync($"/api/v1/runs?flow={flow}&limit=1000")).Items;

    private async Task PauseAsync(string flow, string reason) => Assert.Equal(200, (await _site.Api.AnswerAsync(HttpMethod.Post, $"/api/v1/flows/{flow}/schedules/often:pause", new { reason })).Status);

    private static T Read<T>(string json) => (T)JsonSerializer.Deserialize(json, ContractsJson.Default.Options.GetTypeInfo(typeof(T)))!;
}
