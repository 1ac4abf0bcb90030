using Npgsql;

namespace Fanfare.Bench;

/// <summary>All measurements of Fanfare on one store, each on an engine of its own, in a process that does nothing else.</summary>
internal static class Measurement
{
    public static async Task<Measured> RunAsync(string? database, int tasks, int rounds, string[] only)
    {
        var measured = new Measured();
        var nested = Math.Max(1, tasks / 1000);
        (string Name, Func<Load, Task> Measure)[] all =
        [
            ("foreach", load => load.WideAsync("foreach", Flows.Foreach(tasks, body: 1), tasks)),
            ("body3", load => load.WideAsync("body3", Flows.Foreach(tasks, body: 3), tasks * 3)),
            ("nested", load => load.WideAsync("nested", Flows.Nested(1000, nested), 1000 * nested)),
            ("chain", load => load.ChainAsync(steps: 40)),
            ("starts", load => load.StartsAsync(runs: Math.Min(tasks, 5000))),
            ("latency", load => load.LatencyAsync(seconds: 5)),
            ("http1", load => load.HttpAsync(workers: 1, Flows.Foreach(tasks, body: 1), tasks)),
            ("http8", load => load.HttpAsync(workers: 8, Flows.Foreach(tasks, body: 1), tasks)),
            ("memory", load => load.MemoryAsync(splits: tasks * 20, parked: Math.Min(tasks, 20_000))),
        ];
        foreach (var (name, measure) in all)
        {
            if (only.Length > 0 && !only.Contains(name)) continue;
            await using var engine = await LocalEngine.StartAsync(database);
            await using var counters = database is null ? null : NpgsqlDataSource.Create(database);
            await measure(new Load(engine, rounds, measured, counters));
        }
        return measured;
    }
}
