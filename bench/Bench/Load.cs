using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Fanfare.Contracts;
using Npgsql;

namespace Fanfare.Bench;

/// <summary>Load on one engine, round after round. The rounds in which the runtime still compiles what it runs are not counted.</summary>
internal sealed partial class Load(LocalEngine engine, int rounds, Measured measured, NpgsqlDataSource? database)
{
    /// <summary>Attempts held at any time, by all workers together.</summary>
    private const int InFlight = 256;

    /// <summary>Workers in this process. While one has its results settled, the other's are on their way.</summary>
    private const int Workers = 2;

    // Tasks that warm a process up: until then the runtime compiles beside what is measured, on the same two processors, and a task takes twice the processor time.
    private const int WarmUpTasks = 300_000;

    private const int WarmUps = 3;

    private static long _worked;

    /// <summary>One run of a foreach after another.</summary>
    public Task WideAsync(string name, FlowSpec spec, int completions) => WithWorkersAsync(Workers, InFlight, async ended =>
    {
        await RoundsAsync(name, spec, completions, () => ended.AfterAsync(completions));
    });

    /// <summary>One chain of no-op steps after another: how long a step takes from its predecessor's end to its own, as a worker sees it.</summary>
    public async Task ChainAsync(int steps)
    {
        var spec = Flows.Chain(steps);
        await WithWorkersAsync(1, 8, async ended =>
        {
            for (var round = -20; round < Math.Max(20, rounds); round++)
            {
                var clock = Stopwatch.StartNew();
                var done = ended.AfterAsync(steps);
                await RunEnd.AwaitAsync(engine, await engine.StartRunAsync(spec), done);
                if (round >= 0) measured.Add("chain_ms_per_step", clock.Elapsed.TotalMilliseconds / steps);
            }
        });
        Say($"chain: {measured.Of("chain_ms_per_step").Median:0.000} ms per step");
    }

    /// <summary>Runs of one task, started by 64 callers at a time and worked meanwhile.</summary>
    public async Task StartsAsync(int runs)
    {
        await engine.DeployAsync(Flows.Single());
        await WithWorkersAsync(Workers, InFlight, async ended =>
        {
            for (var round = -WarmUps; round < rounds; round++)
            {
                var clock = Stopwatch.StartNew();
                var done = ended.AfterAsync(runs);
                await Parallel.ForEachAsync(Enumerable.Range(0, runs), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (_, _) => await engine.StartRunAsync("single"));
                if (round >= 0) measured.Add("runs_started_per_s", runs / clock.Elapsed.TotalSeconds);
                await done;
                if (round >= 0) measured.Add("runs_of_one_task_per_s", runs / clock.Elapsed.TotalSeconds);
            }
        });
        Say($"runs: {measured.Of("runs_started_per_s").Median:0} started/s, {measured.Of("runs_of_one_task_per_s").Median:0} ended/s");
    }

    /// <summary>From the request that starts a run of one task to the worker's having its lease, at half of the rate at which such runs can be ended.</summary>
    public async Task LatencyAsync(int seconds)
    {
        if (!measured.ContainsKey("runs_of_one_task_per_s")) await StartsAsync(2000);
        await engine.DeployAsync(Flows.Single());
        var rate = measured.Of("runs_of_one_task_per_s").Median / 2;
        var asked = new ConcurrentDictionary<string, long>();
        var latencies = new ConcurrentBag<double>();
        using var stop = new CancellationTokenSource();
        var worker = new NoOpWorker(engine.Node, "latency", InFlight, new Completions())
        {
            Leased = lease => latencies.Add(Stopwatch.GetElapsedTime(asked[lease.Task.Run]).TotalMilliseconds),
        };
        var working = worker.RunAsync(stop.Token);
        var started = Stopwatch.StartNew();
        var starting = new List<Task>();
        for (var i = 0; started.Elapsed.TotalSeconds < seconds; i++)
        {
            var due = TimeSpan.FromSeconds(i / rate);
            while (started.Elapsed < due) await Task.Delay(1);
            starting.Add(engine.StartRunAsync("single", run => asked[run] = Stopwatch.GetTimestamp()));
        }
        await Task.WhenAll(starting);
        while (latencies.Count < starting.Count) await Task.Delay(10);
        await stop.CancelAsync();
        await working;
        var sorted = new Samples { Values = [.. latencies] };
        measured.Add("schedule_to_start_ms_p50", sorted.Quantile(0.5));
        measured.Add("schedule_to_start_ms_p99", sorted.Quantile(0.99));
        Say($"schedule to start at {rate:0} runs/s: p50 {sorted.Quantile(0.5):0.0} ms, p99 {sorted.Quantile(0.99):0.0} ms");
    }

    /// <summary>What waits costs: a split of an open step, and a run that nothing happens to.</summary>
    public async Task MemoryAsync(int splits, int parked)
    {
        var before = Heap();
        await engine.StartRunAsync(Flows.Foreach(splits, body: 1));
        using (var stop = new CancellationTokenSource())
        {
            var ended = new Completions();
            var opened = ended.AfterAsync(10);
            var working = new NoOpWorker(engine.Node, "opener", 1, ended).RunAsync(stop.Token);
            await opened;
            await stop.CancelAsync();
            await working;
        }
        measured.Add("heap_bytes_per_open_task", (Heap() - before) / (double)splits);
        await engine.DeployAsync(Flows.Single());
        before = Heap();
        await Parallel.ForEachAsync(Enumerable.Range(0, parked), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (_, _) => await engine.StartRunAsync("single"));
        measured.Add("heap_bytes_per_waiting_run", (Heap() - before) / (double)parked);
        Say($"memory: {measured.Of("heap_bytes_per_open_task").Median:0.0} bytes per open task, {measured.Of("heap_bytes_per_waiting_run").Median:0} per run that waits for a worker");
    }

    private async Task RoundsAsync(string name, FlowSpec spec, int completions, Func<Task> afterAll)
    {
        for (var round = -WarmUps; round < rounds; round++)
        {
            var (log, commits) = await CountersAsync();
            var cpu = Process.GetCurrentProcess().TotalProcessorTime;
            var pause = GC.GetTotalPauseDuration();
            var clock = Stopwatch.StartNew();
            var done = afterAll();
            await RunEnd.AwaitAsync(engine, await engine.StartRunAsync(spec), done);
            _worked += completions;
            if (round == -1 && _worked < WarmUpTasks) round--;
            var seconds = clock.Elapsed.TotalSeconds;
            cpu = Process.GetCurrentProcess().TotalProcessorTime - cpu;
            var (logAfter, commitsAfter) = await CountersAsync();
            if (round < 0) continue;
            measured.Add(name + "_tasks_per_s", completions / seconds);
            measured.Add(name + "_gc_pause_share", (GC.GetTotalPauseDuration() - pause).TotalSeconds / seconds);
            measured.Add(name + "_cpu_s_per_1000_tasks", cpu.TotalSeconds / completions * 1000);
            if (database is null) continue;
            measured.Add(name + "_log_bytes_per_task", (logAfter - log) / completions);
            // Each task is leased and ends.
            measured.Add(name + "_transitions_per_commit", 2.0 * completions / Math.Max(1, commitsAfter - commits));
        }
        Say($"{name}: {measured.Of(name + "_tasks_per_s").Median:0} tasks/s, {measured.Of(name + "_cpu_s_per_1000_tasks").Median * 1000:0.0} us of CPU each");
    }

    /// <summary>Bytes written to the write-ahead log, and batches that the engine has committed.</summary>
    private async Task<(double Log, double Commits)> CountersAsync()
    {
        if (database is null) return default;
        await using var command = database.CreateCommand("SELECT pg_current_wal_insert_lsn() - '0/0', (SELECT coalesce(sum(batch), 0) FROM bench.writers)");
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        return ((double)row.GetDecimal(0), (double)row.GetDecimal(1));
    }

    private async Task WithWorkersAsync(int workers, int inFlight, Func<Completions, Task> measure)
    {
        using var stop = new CancellationTokenSource();
        var ended = new Completions();
        var working = Enumerable.Range(0, workers).Select(i => new NoOpWorker(engine.Node, $"bench{i}", inFlight / workers, ended).RunAsync(stop.Token)).ToList();
        await measure(ended);
        await stop.CancelAsync();
        await Task.WhenAll(working);
    }

    private static double Heap() => GC.GetTotalMemory(forceFullCollection: true);

    private static void Say(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
