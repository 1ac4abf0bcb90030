using System.Diagnostics;
using System.Text.Json;
using Xunit.Abstractions;

namespace Fanfare.EndToEnd.Standby;

/// <summary>A leader that is told to hand over.</summary>
[Collection(StandbySite.OneAfterAnother)]
public sealed class DrainTests(ITestOutputHelper output)
{
    [PostgresFact]
    public async Task RollingUpgrades_HandOverOneAfterAnother_AndNobodyNoticesMoreThanADelay()
    {
        var (tasks, rounds) = StandbyTests.IsLong ? (1500, 10) : (200, 2);
        await using var site = await StandbySite.StartAsync();
        var effects = site.In("effects");
        var run = await site.Members[0].Api.StartAsync(Flows.Wide(tasks, $"echo $FANFARE_TASK >> {effects}; sleep 0.1"));
        await Eventually.FileAsync(effects);
        var took = new List<double>();

        for (var round = 0; round < rounds; round++)
        {
            var leader = await site.LeaderAsync();
            var other = site.Other(leader);
            var clock = Stopwatch.StartNew();
            // Whichever leads, asked through any of them.
            var (status, body) = await (round % 2 == 0 ? leader : other).Api.AnswerAsync(HttpMethod.Post, "/api/v1/server:drain");
            Assert.True(status == 200, body);
            var done = await Flows.DoneAsync(other.Api, run);
            await Eventually.TrueAsync(async () => await Flows.DoneAsync(other.Api, run) is var now && (now > done || now == tasks), "Completions under the new leader");
            took.Add(clock.Elapsed.TotalSeconds);
            using var answer = JsonDocument.Parse(body);
            Assert.Equal((true, leader.Url, other.Url), (answer.RootElement.GetProperty("handed_over").GetBoolean(), answer.RootElement.GetProperty("server").GetString(), answer.RootElement.GetProperty("leader").GetString()));
            Assert.Same(other, await site.LeaderAsync(butNot: leader));
            // It goes on as one that stands by, until it is stopped.
            Assert.Equal(run, (await leader.Api.RunAsync(run)).Run);
            leader.Process.Terminate();
            Assert.Equal(0, await leader.Process.ExitAsync(Eventually.Limit));
            await site.StartAsync(leader);
        }
        output.WriteLine($"from the command to the next accepted completion: {string.Join(", ", took.Select(t => $"{t:0.00} s"))}");
        await site.Members[0].Api.SucceedRunAsync(run);

        // On a machine that is busy with much else nothing takes less than a second.
        Assert.True(took.Min() < (StandbyTests.IsLong ? 1 : 30), $"The fastest hand-over took {took.Min():0.00} s.");
        Assert.Equal(tasks, (await File.ReadAllLinesAsync(effects)).Length);
        Assert.DoesNotContain(await site.Members[0].Api.HistoryAsync(run), e => e.Type is "task_lost" or "result_refused");
    }

    [PostgresFact]
    public async Task AServerThatWasDrained_LeavesTheLeadToOthers_AndLeadsAgainWhereThereAreNone()
    {
        await using var site = await StandbySite.StartAsync();
        var first = await site.LeaderAsync();
        var second = site.Other(first);

        var byName = await CommandAsync(site, "drain", second.Url);
        var byAny = await CommandAsync(site, "drain", "--server", site.Urls, "--json");
        Assert.Same(second, await site.LeaderAsync(butNot: first));
        var again = await CommandAsync(site, "drain", "--server", site.Urls);
        await second.Process.KillAsync();
        Assert.Same(first, await site.LeaderAsync(butNot: second));
        var alone = await CommandAsync(site, "drain", first.Url);

        Assert.Equal((0, $"{second.Url} does not lead, {first.Url} does: there is nothing to hand over\n"), (byName.ExitCode, byName.Results));
        Assert.Equal(0, byAny.ExitCode);
        Assert.Contains("\"handed_over\": true", byAny.Results, StringComparison.Ordinal);
        // The one that could lead was drained itself.
        foreach (var refused in (FanfareProcess[])[again, alone])
        {
            Assert.Equal(2, refused.ExitCode);
            Assert.Contains("No other server waits to lead", refused.Output, StringComparison.Ordinal);
        }
        await first.Api.SucceedAsync("name: after\nsteps: {start: {run: \"true\"}}\n");
    }

    [Fact]
    public async Task AServerThatHasItsJournalToItself_SaysSo()
    {
        await using var site = await Site.StartAsync();
        var drain = site.Command("drain", site.Url);

        Assert.Equal(2, await drain.ExitAsync(Eventually.Limit));
        Assert.Contains("has its journal to itself", drain.Output, StringComparison.Ordinal);
        await site.Api.SucceedAsync("name: after\nsteps: {start: {run: \"true\"}}\n");
    }

    private static async Task<FanfareProcess> CommandAsync(StandbySite site, params string[] arguments)
    {
        var command = site.Command(arguments);
        await command.ExitAsync(Eventually.Limit);
        return command;
    }
}
