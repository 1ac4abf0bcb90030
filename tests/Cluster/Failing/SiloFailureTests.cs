using System.Diagnostics;
using System.Globalization;
using Fanfare.Postgres;
using Fanfare.Processes;
using Xunit.Abstractions;

namespace Fanfare.Cluster.Failing;

/// <summary>Silos as real processes, under runs that go on all the time, while one of them is killed, hangs, is cut off or stopped, and while the database is away.</summary>
public sealed class SiloFailureTests(ITestOutputHelper output)
{
    /// <summary>Generous: the machine may be busy with much else. What it takes on a quiet one is in docs/scaling.md.</summary>
    private static readonly TimeSpan _longestStall = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan _promised = TimeSpan.FromSeconds(3);

    private static readonly bool _isLong = Environment.GetEnvironmentVariable("FANFARE_LONG") is { Length: > 0 };

    // For trying one way alone, or other sizes.
    private static string Setting(string name, string otherwise) => Environment.GetEnvironmentVariable($"FANFARE_CLUSTER_{name}") is { Length: > 0 } given ? given : otherwise;

    [PostgresFact]
    public async Task ASiloThatIsKilledHangsIsCutOffOrStopped_CostsAMoment_AndNothingElse()
    {
        var ways = Setting("WAYS", "killed,frozen,isolated,cut off,stopped").Split(',');
        var rounds = int.Parse(Setting("ROUNDS", _isLong ? "50" : "1"), CultureInfo.InvariantCulture) * ways.Length;
        var runs = int.Parse(Setting("RUNS", _isLong ? "10000" : "200"), CultureInfo.InvariantCulture);
        var pause = TimeSpan.FromSeconds(int.Parse(Setting("PAUSE", _isLong ? "15" : "0"), CultureInfo.InvariantCulture));
        // Such as ./fanfare builds, which are compiled ahead.
        await using var site = await SiloSite.StartAsync(programs: Setting("PROGRAMS", AppContext.BaseDirectory));
        await using var crowd = new Crowd(site.Silos, workers: _isLong ? 300 : 9, capacity: runs * 5 / 4, each: TimeSpan.FromSeconds(_isLong ? 120 : 2));
        var started = await SteadyRuns.StartAsync(site, runs, tasks: _isLong ? 10_000 : 500);
        // Each has ended its first step; and some the first of the tasks that take their time.
        await Eventually.TrueAsync(() => crowd.Ended > runs + (runs / 20), "Runs that go on");
        await crowd.CaughtUpAsync(_longestStall, site.ExplainAsync);
        var stalls = new List<(string How, TimeSpan Stall)>();

        for (var i = 0; i < rounds; i++)
        {
            var (how, victim) = (ways[i % ways.Length], site.Silos[i / ways.Length % site.Silos.Count]);
            var since = Stopwatch.GetTimestamp();
            switch (how)
            {
                case "killed":
                    await victim.Process.KillAsync();
                    break;
                case "frozen":
                    victim.Process.Freeze();
                    break;
                case "isolated":
                    site.Isolate(victim);
                    break;
                case "cut off":
                    victim.Wire.Break();
                    break;
                case "stopped":
                    victim.Process.Terminate();
                    Assert.Equal(0, await victim.Process.ExitAsync(Eventually.Limit));
                    break;
                default:
                    throw new ArgumentException($"There is no way '{how}'.");
            }
            await site.SharedAsync(without: victim);
            await crowd.CaughtUpAsync(_longestStall, site.ExplainAsync);
            var longest = crowd.LongestSince(since)!;
            stalls.Add((how, longest.Length));
            output.WriteLine($"{i} {how} {victim.Number}: {longest.Length.TotalSeconds:0.00} s, {Shares(crowd, since)} ({await WhereAsync(site.Silos.First(silo => silo != victim), longest)})");
            if (longest.Length > _promised)
                foreach (var said in new[] { longest.By, longest.To }.Distinct().SelectMany(worker => crowd.Said(worker, longest.From, longest.Until))) output.WriteLine($"  {said}");
            var back = Stopwatch.GetTimestamp();
            if (how is "killed" or "stopped") await site.StartAsync(victim);
            else if (how == "frozen") victim.Process.Thaw();
            else if (how == "isolated") site.Reunite(victim);
            else victim.Wire.Mend();
            await site.SharedAsync();
            await crowd.CaughtUpAsync(_longestStall, site.ExplainAsync);
            if (crowd.LongestSince(back) is { } moved)
            {
                stalls.Add(("back after it was " + how, moved.Length));
                output.WriteLine($"  back: {moved.Length.TotalSeconds:0.00} s ({await WhereAsync(victim, moved)})");
            }
            // With so many runs, what a silo that has just begun has to compile takes the processors from the others for a while.
            await Task.Delay(pause);
        }
        foreach (var way in stalls.GroupBy(stall => stall.How)) Report(way.Key, [.. way.Select(stall => stall.Stall.TotalSeconds)]);

        await SteadyRuns.EndAsync(site, crowd, started);
    }

    [PostgresFact]
    public async Task ADatabaseThatIsAway_HoldsUpWhatItMust_AndNobodyIsPutOut()
    {
        var rounds = int.Parse(Setting("ROUNDS", _isLong ? "50" : "1"), CultureInfo.InvariantCulture);
        var away = TimeSpan.FromSeconds(_isLong ? 30 : 5);
        await using var site = await SiloSite.StartAsync();
        await using var crowd = new Crowd(site.Silos, workers: 9, capacity: 300, each: TimeSpan.FromSeconds(2));
        var started = await SteadyRuns.StartAsync(site, 200, tasks: _isLong ? 10_000 : 500);
        await Eventually.TrueAsync(() => crowd.Ended > 200, "Runs that go on");
        var stalls = new List<double>();

        for (var i = 0; i < rounds; i++)
        {
            await site.Postgres.KillAsync();
            await Task.Delay(away);
            await site.Postgres.StartAgainAsync();
            var since = Stopwatch.GetTimestamp();
            await site.SharedAsync();
            await crowd.CaughtUpAsync(_longestStall, site.ExplainAsync);
            stalls.Add(Stopwatch.GetElapsedTime(since).TotalSeconds);
        }
        Report("after the database was back", [.. stalls]);

        // All were away from it at the same time, so that none could judge the others.
        Assert.All(site.Silos, silo => Assert.DoesNotContain("put out", silo.Process.Output, StringComparison.Ordinal));
        await SteadyRuns.EndAsync(site, crowd, started);
    }

    private static string Shares(Crowd crowd, long since)
    {
        var waits = crowd.WaitsSince(since);
        return FormattableString.Invariant($"p99 of {waits.Count} waits {waits[(int)Math.Ceiling(waits.Count * 0.99) - 1].TotalSeconds:0.00} s, {waits.Count(wait => wait > _promised)} above {_promised.TotalSeconds:0} s");
    }

    // What of a wait was on which way: the end to the journal, there, and the lease to the worker.
    private static async Task<string> WhereAsync(SiloProcess silo, Wait wait)
    {
        var history = await silo.Api.HistoryAsync(wait.Ended.Run);
        double? After(string type, TaskRef task) => history.FirstOrDefault(each => each.Type == type && each.Stream == $"{task.Stream}" && each.Data.GetProperty("split").GetInt32() == task.Split) is { } found
            ? (found.At - wait.From).TotalSeconds : null;
        return FormattableString.Invariant($"its end written after {After("task_succeeded", wait.Ended):0.00} s, the next leased after {After("task_leased", wait.Next):0.00} s");
    }

    private void Report(string what, double[] seconds)
    {
        Array.Sort(seconds);
        output.WriteLine($"{what}: {seconds.Length} rounds, longest wait of any run in each: p50 {seconds[seconds.Length / 2]:0.00} s, p99 {seconds[(int)Math.Ceiling(seconds.Length * 0.99) - 1]:0.00} s, longest {seconds[^1]:0.00} s");
    }
}
