using System.Diagnostics;
using System.Globalization;
using Fanfare.Bench.Bare;
using Fanfare.Postgres;
using Fanfare.Storage.Retaining;
using Npgsql;

namespace Fanfare.Bench;

/// <summary>A steady load whose runs are archived and removed soon after their end: do the tables stop growing?</summary>
internal static class Steady
{
    private const string Sizes = """
        SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables WHERE schemaname = 'bench'
            AND relname IN ('tasks', 'events', 'runs', 'steps', 'streams', 'attempts', 'grants', 'wakes', 'retired_runs')
        """;

    /// <param name="seconds">How long; 3600 for the hour that is promised.</param>
    /// <param name="age">After which runs go, in seconds.</param>
    /// <param name="rate">Tasks a second.</param>
    /// <param name="width">Tasks of one run.</param>
    public static async Task<int> RunAsync(int seconds, int age, int rate, int width)
    {
        await using var server = await PrivatePostgres.StartAsync();
        await Baselines.TuneAsync(server);
        var database = await server.CreateDatabaseAsync();
        await using var engine = await LocalEngine.StartAsync(database);
        await using var counters = NpgsqlDataSource.Create(database);
        using var stop = new CancellationTokenSource();
        var options = RetentionOptions.For(TimeSpan.FromSeconds(age)) with { Grace = TimeSpan.FromSeconds(1) };
        var retention = Task.Run(() => new Retention(engine.Store, engine.Blobs, options, TimeProvider.System, Console.Error.WriteLine).RunAsync(stop.Token));
        var ended = new Completions();
        var working = Enumerable.Range(0, 2).Select(i => new NoOpWorker(engine.Node, $"bench{i}", 128, ended).RunAsync(stop.Token)).ToArray();
        await engine.DeployAsync(Flows.Foreach(width, body: 1));
        var clock = Stopwatch.StartNew();
        var starting = StartAsync(engine, rate / (double)width, clock, TimeSpan.FromSeconds(seconds));
        var samples = new List<(double At, double Tables, double Tombstones)>();
        var every = Math.Max(5, seconds / 30);
        Console.WriteLine("   s  tasks/s    runs  removed  tables MB of which tasks, events, others; tombstones MB");
        for (var sample = 1; sample * every <= seconds; sample++)
        {
            var before = ended.Count;
            await Task.Delay(TimeSpan.FromSeconds(Math.Max(0, (sample * every) - clock.Elapsed.TotalSeconds)));
            var sizes = await SizesAsync(counters);
            var (runs, removed) = await CountsAsync(counters);
            // Tombstones are to stay for weeks: they and the heads of their runs are counted apart.
            var tombstones = sizes["retired_runs"] + sizes["streams"];
            var tables = sizes.Values.Sum() - tombstones;
            samples.Add((clock.Elapsed.TotalSeconds, tables, tombstones));
            Console.WriteLine(Invariant($"{clock.Elapsed.TotalSeconds,4:0} {(ended.Count - before) / (double)every,8:0} {runs,7} {removed,8} {tables,10:0.0} {sizes["tasks"],9:0.0} {sizes["events"],8:0.0} {tables - sizes["tasks"] - sizes["events"],7:0.0} {tombstones,10:0.0}"));
        }
        await starting;
        await stop.CancelAsync();
        await Task.WhenAll([retention, .. working]).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        var growth = Mean(samples, 0.8, 1) / Mean(samples, 0.5, 0.7);
        var (_, gone) = await CountsAsync(counters);
        Json.WriteLine(new Dictionary<string, double>
        {
            ["seconds"] = seconds,
            ["tasks"] = ended.Count,
            ["runs_removed"] = gone,
            ["table_mb_middle"] = Mean(samples, 0.5, 0.7),
            ["table_mb_end"] = Mean(samples, 0.8, 1),
            ["end_over_middle"] = growth,
            ["tombstone_bytes_per_run"] = samples[^1].Tombstones * 1e6 / Math.Max(1, gone),
        });
        return growth < 1.1 ? 0 : 1;
    }

    private static async Task StartAsync(LocalEngine engine, double perSecond, Stopwatch clock, TimeSpan until)
    {
        for (var i = 0; clock.Elapsed < until; i++)
        {
            var wait = TimeSpan.FromSeconds(i / perSecond) - clock.Elapsed;
            if (wait > TimeSpan.Zero) await Task.Delay(wait);
            await engine.StartRunAsync("foreach");
        }
    }

    private static async Task<Dictionary<string, double>> SizesAsync(NpgsqlDataSource counters)
    {
        var sizes = new Dictionary<string, double>();
        await using var command = counters.CreateCommand(Sizes);
        await using var row = await command.ExecuteReaderAsync();
        while (await row.ReadAsync()) sizes[row.GetString(0)] = row.GetInt64(1) / 1e6;
        return sizes;
    }

    private static async Task<(long Runs, long Removed)> CountsAsync(NpgsqlDataSource counters)
    {
        await using var command = counters.CreateCommand("SELECT (SELECT count(*) FROM bench.runs), (SELECT count(*) FROM bench.retired_runs WHERE removed_us IS NOT NULL)");
        await using var row = await command.ExecuteReaderAsync();
        await row.ReadAsync();
        return (row.GetInt64(0), row.GetInt64(1));
    }

    private static double Mean(List<(double At, double Tables, double Tombstones)> samples, double from, double to) =>
        samples.Where((_, i) => i >= samples.Count * from && i < Math.Max(samples.Count * to, (samples.Count * from) + 1)).Average(s => s.Tables);

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
