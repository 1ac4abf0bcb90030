using System.Diagnostics;
using Xunit.Abstractions;

namespace Fanfare.EndToEnd.Standby;

/// <summary>Several servers on one PostgreSQL: one leads, the others forward, and take over.</summary>
[Collection(StandbySite.OneAfterAnother)]
public sealed class StandbyTests(ITestOutputHelper output)
{
    /// <summary>Generous: the machine may be busy with much else. What it takes on a quiet one is in docs/reliability.md.</summary>
    private static readonly TimeSpan _longestTakeover = TimeSpan.FromSeconds(30);

    /// <summary>What is measured by many takeovers, and takes minutes.</summary>
    internal static readonly bool IsLong = Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 };

    [PostgresFact]
    public async Task ALeaderThatIsKilledHangsOrIsCutOff_IsReplaced_AndNothingIsLostOrDoneTwice()
    {
        string[] ways = IsLong ? ["killed", "killed", "killed", "frozen", "cut off"] : ["killed", "frozen", "cut off"];
        var (tasks, takeovers) = IsLong ? (20_000, 17 * ways.Length) : (600, 6);
        await using var site = await StandbySite.StartAsync(wired: true);
        var effects = site.In("effects");
        var run = await site.Members[1].Api.StartAsync(Flows.Wide(tasks, $"echo $FANFARE_TASK >> {effects}; [ -e {site.In("fast")} ] || sleep 0.1"));
        await Eventually.FileAsync(effects);
        var took = new List<(string How, double Seconds)>();

        for (var i = 0; i < takeovers; i++)
        {
            var leader = await site.LeaderAsync();
            var other = site.Other(leader);
            var how = ways[i % ways.Length];
            var clock = Stopwatch.StartNew();
            if (how == "killed") await leader.Process.KillAsync();
            else if (how == "frozen") leader.Process.Freeze();
            else leader.Wire!.Break();
            // What the old one accepted at the last does not count.
            Assert.Same(other, await site.LeaderAsync(butNot: leader));
            var done = await Flows.DoneAsync(other.Api, run);
            await Eventually.TrueAsync(async () => await Flows.DoneAsync(other.Api, run) is var now && (now > done || now == tasks), "Completions under the new leader");
            took.Add((how, clock.Elapsed.TotalSeconds));
            Assert.True(clock.Elapsed < _longestTakeover, $"Takeover {i} ({how}) took {clock.Elapsed}.\n{other.Process.Output}");
            if (how == "killed")
            {
                await site.StartAsync(leader);
            }
            else
            {
                if (how == "frozen") leader.Process.Thaw();
                else leader.Wire!.Mend();
                await Eventually.TrueAsync(() => !leader.Leads, "The former leader's own insight");
            }
        }
        foreach (var way in took.GroupBy(t => t.How)) Report(way.Key, [.. way.Select(t => t.Seconds)]);
        Report("all", [.. took.Select(t => t.Seconds)]);
        await File.WriteAllTextAsync(site.In("fast"), "");
        var view = await site.Members[0].Api.EndAsync(run, TimeSpan.FromMinutes(5));

        Assert.True(view.Status == RunStatus.Succeeded, view.Error?.Message);
        Assert.Equal(tasks + 2, (await site.Members[1].Api.HistoryAsync(run)).Count(e => e.Type == "task_succeeded"));
        // Leases outlast a takeover, so that no task ran twice.
        Assert.Equal(tasks, (await File.ReadAllLinesAsync(effects)).Length);
        Assert.DoesNotContain(await site.Members[0].Api.HistoryAsync(run), e => e.Type == "task_lost");
    }

    [PostgresFact]
    public async Task ALeaderThatIsStopped_HandsOverAtOnce_AndTasksRunOn()
    {
        await using var site = await StandbySite.StartAsync();
        var run = await site.Members[0].Api.StartAsync(Flows.Wide(2, Run.Await(site.In("go"))));
        await TaskProcesses.LiveAsync(run, 2);
        var leader = await site.LeaderAsync();
        var other = site.Other(leader);

        var clock = Stopwatch.StartNew();
        leader.Process.Terminate();
        Assert.Same(other, await site.LeaderAsync(butNot: leader));
        output.WriteLine($"handed over in {clock.ElapsedMilliseconds} ms");
        Assert.Equal(0, await leader.Process.ExitAsync(Eventually.Limit));
        await File.WriteAllTextAsync(site.In("go"), "");
        await other.Api.SucceedRunAsync(run);

        Assert.DoesNotContain(await other.Api.HistoryAsync(run), e => e.Type == "task_lost");
    }

    [PostgresFact]
    public async Task AServerThatStandsBy_ServesAllOfTheApi()
    {
        await using var site = await StandbySite.StartAsync();
        var standby = site.Other(await site.LeaderAsync());
        var directory = Directory.CreateDirectory(site.In("flow")).FullName;
        await File.WriteAllTextAsync(Path.Combine(directory, "flow.yaml"), $$$"""
            name: through
            steps:
              start: {run: {{{Run.Shell("echo a line; printf result > $FANFARE_ARTIFACTS/out.txt; echo '{\"n\": 7}' > $FANFARE_OUTPUT")}}} }
            """);

        // Packages go up, live progress and logs come down, all of it through the server that stands by.
        var command = site.Command("run", Path.Combine(directory, "flow.yaml"), "--server", standby.Url);
        Assert.True(await command.ExitAsync(Eventually.Limit) == 0, command.Output);
        var run = (await standby.Api.RunsAsync()).Items.Single().Run;

        Assert.Equal("""{"n":7}""", Json.Compact(await standby.Api.OutputAsync(run, "start")));
        Assert.Equal("result", await standby.Api.ArtifactAsync(run, "start", "out.txt"));
        Assert.Contains("a line", await standby.Api.LogAsync(run, "start"), StringComparison.Ordinal);
        Assert.Equal(404, (await standby.Api.AnswerAsync(HttpMethod.Get, "/api/v1/runs/none")).Status);
        Assert.Contains("through", await standby.Api.GetTextAsync("/"), StringComparison.Ordinal);
    }

    [PostgresFact]
    public async Task ADatabaseThatIsAwayForAWhile_CostsNoTaskAndNoResult()
    {
        await using var site = await StandbySite.StartAsync();
        var run = await site.Members[0].Api.StartAsync(Flows.Wide(4, Run.Await(site.In("go"))));
        await TaskProcesses.LiveAsync(run, 4);

        await site.Postgres.KillAsync();
        var away = Stopwatch.StartNew();
        await Eventually.TrueAsync(async () => (await site.Members[0].Api.AnswerAsync(HttpMethod.Get, "/readyz")).Status == 503, "A server that says that it is not ready");
        var said = (await site.Members[0].Api.AnswerAsync(HttpMethod.Get, "/readyz")).Body;
        // Tasks end while nobody can write it down.
        await File.WriteAllTextAsync(site.In("go"), "");
        await TaskProcesses.GoneAsync(run);
        if (IsLong && TimeSpan.FromMinutes(3) - away.Elapsed is { Ticks: > 0 } rest) await Task.Delay(rest);
        await site.Postgres.StartAgainAsync();
        await site.Members[1].Api.SucceedRunAsync(run);

        Assert.Contains("database", said, StringComparison.Ordinal);
        Assert.All(await site.Members[0].Api.TasksAsync(run), t => Assert.Equal(0, t.Attempt));
        Assert.DoesNotContain(await site.Members[0].Api.HistoryAsync(run), e => e.Type == "task_lost");
    }

    [PostgresFact]
    public async Task ADatabaseThatCannotBeUsed_IsSaidClearly()
    {
        await using var site = Site.Empty();
        var refused = site.Command("serve", "--data", site.Data, "--port", "0", "--database", $"Host=127.0.0.1;Port={Api.FreePort()};Username=nobody;Database=none");
        var odd = site.Command("db", "status", "--database", "Hosts=nonsense");

        Assert.Equal(2, await refused.ExitAsync(Eventually.Limit));
        Assert.Equal(2, await odd.ExitAsync(Eventually.Limit));

        Assert.Contains("Check that PostgreSQL runs there", refused.Output, StringComparison.Ordinal);
        Assert.Contains("Write it as 'Host=", odd.Output, StringComparison.Ordinal);
    }

    private void Report(string what, double[] seconds)
    {
        Array.Sort(seconds);
        output.WriteLine($"{what}: {seconds.Length} takeovers, to the next accepted completion p50 {seconds[seconds.Length / 2]:0.00} s, p99 {seconds[(int)Math.Ceiling(seconds.Length * 0.99) - 1]:0.00} s, longest {seconds[^1]:0.00} s");
    }
}
