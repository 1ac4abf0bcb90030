using System.Globalization;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.EndToEnd.Pools;

/// <summary>Pools of real worker processes: they come when tasks wait, go when none do, and lose nothing by whatever becomes of a machine or the server.</summary>
public sealed class PoolTests : IAsyncLifetime
{
    private const int Tasks = 2000;

    private readonly Site _site = Site.Empty();

    public Task InitializeAsync() => _site.StartServerAsync();

    public async Task DisposeAsync()
    {
        // First the one that would put others in their place.
        await _site.Server.KillAsync();
        foreach (var (_, process) in Machines()) Signals.Send(process, Signals.Kill);
        await _site.DisposeAsync();
    }

    [Fact]
    public async Task FromZeroToTwenty_AndBack_WithMachinesKilledOnTheWay_NothingFails_AndNothingIsLeft()
    {
        await SetAsync("burst", "machine: {cpu: 1}\nmax: 20\nidle: 2s\n");
        var run = await _site.Api.StartAsync($$$"""
            name: wide
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: {{{Tasks}}} } } }
              work: {run: ["sleep", "0.05"], next: all}
              all: {join: all, run: ["true"]}
            """);
        await Eventually.TrueAsync(async () => (await PoolAsync("burst")).Machines.Count == 20, "Twenty machines");
        // One after the other, as the work goes on: half of them by surprise, half with time to hand in what they have.
        var killed = new HashSet<string>();
        for (var i = 0; i < 6; i++)
        {
            var done = (i + 1) * 150;
            await Eventually.TrueAsync(async () => await DoneAsync(run) >= done, $"{done} tasks done");
            var (machine, process) = Machines().First(each => !killed.Contains(each.Key));
            killed.Add(machine);
            Signals.Send(process, i % 2 == 0 ? Signals.Kill : Signals.Terminate);
        }
        await _site.Api.SucceedRunAsync(run);
        await Eventually.TrueAsync(async () => (await PoolAsync("burst")).Machines.Count == 0 && Machines().Count == 0, "The end of all machines");

        var history = await _site.Api.HistoryAsync(run);
        Assert.DoesNotContain(history, e => e.Type == "task_failed");
        Assert.Equal(Tasks + 2, history.Count(e => e.Type == "task_succeeded"));
        Assert.Contains(history, e => e.Type == "task_lost" && e.Data.GetProperty("reason").GetString()!.Contains("has ended, on which it ran", StringComparison.Ordinal));
        // What a machine had that was killed did not wait for its lease, which lasts for five minutes.
        Assert.True((await _site.Api.RunAsync(run)).EndedAt - history[0].At < TimeSpan.FromMinutes(4));
        Assert.Empty(TaskProcesses.Of(run));
    }

    [Fact]
    public async Task AServerThatIsKilled_FindsItsMachinesAgain_AndWhatTheyRunGoesOn()
    {
        await SetAsync("burst", "machine: {cpu: 1}\nmax: 3\nidle: 1s\n");
        var run = await _site.Api.StartAsync($$$"""
            name: held
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 4} } }
              work: {run: {{{Run.Shell($"touch {_site.In("began")}-$FANFARE_SPLIT-$FANFARE_ATTEMPT; {Run.Await(_site.In("go")).Replace('\'', '"')}")}}}, next: all}
              all: {join: all, run: ["true"]}
            """);
        await Eventually.TrueAsync(() => Directory.GetFiles(_site.Home, "began-*").Length == 3, "Three tasks that run");
        var before = Machines();

        await _site.Server.KillAsync();
        await _site.StartServerAsync();

        var killedAt = DateTimeOffset.UtcNow;
        await Eventually.TrueAsync(async () => (await PoolAsync("burst")).Machines.Count(machine => machine.State == MachineState.Busy) == 3, "Three machines at work");
        Assert.True(DateTimeOffset.UtcNow - killedAt < TimeSpan.FromSeconds(10), $"It took {DateTimeOffset.UtcNow - killedAt} to find them.");
        Assert.Equal(before.Keys.Order(), Machines().Keys.Order());
        Assert.Equal(before.Values.Order(), Machines().Values.Order());
        _site.Touch("go");
        await _site.Api.SucceedRunAsync(run);
        Assert.DoesNotContain(await _site.Api.HistoryAsync(run), e => e.Type is "task_lost" or "task_failed");
        var deleted = _site.Command("pool", "delete", "burst", "--server", _site.Url);
        Assert.Equal(0, await deleted.ExitAsync(Eventually.Limit));
        await Eventually.TrueAsync(() => Machines().Count == 0, "The end of all machines");
        await Eventually.TrueAsync(async () => (await _site.Api.AnswerAsync(HttpMethod.Get, "/api/v1/pools/burst")).Status == 404, "A pool that is no more");
    }

    [Fact]
    public async Task WhatWaits_IsToldWhichPoolIsForIt_AndWhichIsTooSmall()
    {
        await SetAsync("small", "queues: [gpu]\nmachine: {cpu: 1}\nmax: 2\n");
        await SetAsync("other", "queues: [else]\nmachine: {cpu: 1}\nmax: 2\n");
        var run = await _site.Api.StartAsync("name: large\nsteps: {start: {run: [\"true\"], queue: gpu, resources: {cpu: 2}}}\n");

        await Eventually.TrueAsync(async () => string.Join(' ', (await _site.Api.ExplainAsync(run, "start")).Details).Contains("A machine of pool 'small' is too small for it.", StringComparison.Ordinal), "The pool's word");

        Assert.DoesNotContain("other", string.Join(' ', (await _site.Api.ExplainAsync(run, "start")).Details), StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => (await PoolAsync("small")).Why.Contains("1 task of queue 'gpu' needs more than a machine of the pool has."), "Why it has none");
        Assert.Empty(Machines());
        await SetAsync("small", "queues: [gpu]\nmachine: {cpu: 2}\nmax: 2\n");
        await _site.Api.SucceedRunAsync(run);
    }

    private async Task SetAsync(string name, string rest)
    {
        var file = _site.In($"{name}.yaml");
        await File.WriteAllTextAsync(file, $"name: {name}\n{rest}");
        var set = _site.Command("pool", "set", file, "--server", _site.Url);
        Assert.True(await set.ExitAsync(Eventually.Limit) == 0, set.Output);
    }

    private async Task<PoolInfo> PoolAsync(string name) => JsonSerializer.Deserialize(await _site.Api.GetTextAsync($"/api/v1/pools/{name}"), ContractsJson.Default.PoolInfo)!;

    private async Task<int> DoneAsync(string run) => (await _site.Api.StepsAsync(run)).FirstOrDefault(step => step.Step == "work")?.Succeeded ?? 0;

    /// <summary>Worker processes of this site's machines, by the machine's id.</summary>
    private Dictionary<string, int> Machines()
    {
        var found = new Dictionary<string, int>();
        foreach (var directory in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(directory), NumberStyles.None, CultureInfo.InvariantCulture, out var id) || Arguments(directory) is not { } arguments) continue;
            var at = arguments.IndexOf("--name");
            if (at > 0 && arguments.Contains("worker") && arguments.Any(argument => argument.StartsWith(Path.Combine(_site.Data, "pools"), StringComparison.Ordinal))) found[arguments[at + 1]] = id;
        }
        return found;
    }

    private static List<string>? Arguments(string directory)
    {
        try
        {
            return [.. Encoding.UTF8.GetString(File.ReadAllBytes(directory + "/cmdline")).Split('\0')];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null; // It ended meanwhile, or is another user's.
        }
    }
}
