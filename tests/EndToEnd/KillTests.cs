using System.Globalization;
using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.EndToEnd;

/// <summary>kill -9 of the server, of the worker and of both, at 50 random moments of one run of 300 real processes.</summary>
public sealed class KillTests : IDisposable
{
    private const int Tasks = 300, Kills = 50;

    private readonly string _home = Directory.CreateTempSubdirectory("fanfare-kill-").FullName;
    private readonly int _port = Api.FreePort();
    private FanfareProcess? _server;
    private FanfareProcess? _worker;

    public void Dispose()
    {
        _worker?.Dispose();
        _server?.Dispose();
        Directory.Delete(_home, recursive: true);
    }

    [Fact]
    public async Task ARunSurvives50KillsOfServerAndWorker_AndNothingCompletedRunsAgain()
    {
        var seed = Environment.GetEnvironmentVariable("FANFARE_SEED") is { } given ? int.Parse(given, CultureInfo.InvariantCulture) : Random.Shared.Next();
        var random = new Random(seed);
        var effects = Path.Combine(_home, "effects");
        using var api = new Api(_port);
        await StartServerAsync(api);
        StartWorker();
        var run = await api.StartAsync(Flow(effects));

        var killed = 0;
        for (; killed < Kills && !(await api.RunAsync(run)).Status.IsTerminal(); killed++)
        {
            // A random moment, counted from when everything answers: that is what is under test, so no event can stand for it.
            await Task.Delay(random.Next(0, 900));
            var whom = random.Next(3);
            if (whom != 0)
            {
                await _worker!.KillAsync();
                _worker.Dispose();
            }
            if (whom != 1)
            {
                await _server!.KillAsync();
                _server.Dispose();
                await StartServerAsync(api);
            }
            if (whom != 0) StartWorker();
        }
        var view = await api.EndAsync(run, TimeSpan.FromMinutes(5));

        var story = $"seed {seed}, {killed} kills";
        Assert.True(view.Status == RunStatus.Succeeded, $"{story}: {view.Status} {view.Error?.Message}");
        Assert.True(killed >= Kills, $"{story}: the run ended before all kills; make its tasks longer.");
        var history = await api.HistoryAsync(run);
        CheckCompletions(history, story);
        CheckEffects(effects, history, story);
        Assert.DoesNotContain(history, e => e.Type == "task_failed");
    }

    // Exactly one accepted completion a task; and no lease on a task after its completion.
    private static void CheckCompletions(List<EventView> history, string story)
    {
        var completed = new HashSet<(string, int)>();
        foreach (var e in history)
        {
            if (e.Type is not ("task_succeeded" or "task_leased")) continue;
            var task = (e.Stream, e.Data.GetProperty("split").GetInt32());
            if (e.Type == "task_leased") Assert.False(completed.Contains(task), $"{story}: {task} was leased again after it was done (event {e.Id}).");
            else Assert.True(completed.Add(task), $"{story}: {task} was completed twice (event {e.Id}).");
        }
        Assert.Equal(Tasks + 2, completed.Count);
    }

    // Each task appended a line a start; more lines than leases would be a process that nobody leased.
    private static void CheckEffects(string effects, List<EventView> history, string story)
    {
        var started = File.ReadAllLines(effects).GroupBy(l => l).ToDictionary(g => g.Key, g => g.Count());
        foreach (var (attempt, count) in started) Assert.True(count == 1, $"{story}: attempt {attempt} was started {count} times.");
        var leases = history.Count(e => e.Type == "task_leased" && e.Stream.EndsWith(":work", StringComparison.Ordinal));
        Assert.True(started.Count <= leases, $"{story}: {started.Count} attempts ran, {leases} were leased.");
        Assert.Equal(Tasks, started.Keys.Select(l => l.Split(' ')[0]).Distinct().Count());
    }

    private static string Flow(string effects) => $"""
        name: kills
        steps:
          start:
            run: ["true"]
            next: {"{"}foreach: work, over: {"{"}range: {Tasks}{"}"}{"}"}
          work:
            run: echo "$FANFARE_TASK $FANFARE_ATTEMPT" >> {effects}; sleep 0.6
            resources: {"{"}cpu: 0.25{"}"}
            retry: {"{"}max_attempts: 1, max_losses: 1000{"}"}
            next: done
          done:
            join: all
            run: ["true"]
        """;

    private async Task StartServerAsync(Api api)
    {
        _server = FanfareProcess.Start(_home, "serve", "--no-worker", "--data", Path.Combine(_home, "data"), "--port", _port.ToString(CultureInfo.InvariantCulture));
        await api.ReadyAsync(_server);
    }

    private void StartWorker() => _worker = FanfareProcess.Start(_home, "worker", "--server", $"http://127.0.0.1:{_port}", "--slots", "2", "--data", Path.Combine(_home, "worker"));
}
