using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Fanfare.Bench.Bare;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Postgres;

namespace Fanfare.Bench;

/// <summary>Many schedules: how long a start takes that has them all, and how late runs begin of which many are due within one minute, as many in each of its seconds.</summary>
internal static class Schedules
{
    private const int PerFlow = Limits.Schedules, AtOnce = 32;

    /// <param name="count">Schedules in all; whole hundreds.</param>
    /// <param name="due">Of these, how many are due in the minute; whole hundreds.</param>
    /// <param name="inPostgres">On a private PostgreSQL server; otherwise SQLite.</param>
    public static async Task<int> RunAsync(int count, int due, bool inPostgres)
    {
        await using var server = inPostgres ? await PrivatePostgres.StartAsync() : null;
        if (server is not null) await Baselines.TuneAsync(server);
        var engine = await LocalEngine.StartAsync(server is null ? null : await server.CreateDatabaseAsync());
        try
        {
            var clock = Stopwatch.StartNew();
            await DeployAsync(engine, Enumerable.Range(0, (count - due) / PerFlow).Select(i => Spec($"never{i}", "0 0 0 1 1 ? 2099")));
            var each = count > due ? clock.Elapsed / (count - due) : TimeSpan.FromMilliseconds(1);
            // The minute lies behind the rest of the deployments, and a start.
            var minute = DateTimeOffset.UtcNow + (each * due * 3) + TimeSpan.FromSeconds(60);
            minute = new DateTimeOffset(minute.Year, minute.Month, minute.Day, minute.Hour, minute.Minute, 0, TimeSpan.Zero);
            await DeployAsync(engine, Enumerable.Range(0, due / PerFlow).Select(i => Spec($"due{i}", string.Create(CultureInfo.InvariantCulture, $"{{0}} {minute.Minute} {minute.Hour} {minute.Day} {minute.Month} ? {minute.Year}"))));
            await SettledAsync(engine, count);
            Console.Error.WriteLine($"{count:N0} schedules were deployed in {clock.Elapsed.TotalSeconds:0} s.");

            clock.Restart();
            engine = await engine.RestartAsync();
            var start = clock.Elapsed;
            var left = minute - DateTimeOffset.UtcNow;
            if (left < TimeSpan.Zero) throw new InvalidOperationException($"The schedules were due {-left.TotalSeconds:0} s before all was ready: this machine needs a later minute.");
            Console.Error.WriteLine($"The engine was stopped and started in {start.TotalSeconds:0.00} s; {left.TotalSeconds:0} s are left until they are due.");

            using var delays = new Delays();
            await delays.UntilAsync(due, minute.AddMinutes(30));
            var sorted = delays.All.Order().ToArray();
            Json.WriteLine(new Dictionary<string, double>
            {
                ["schedules"] = count,
                ["due"] = due,
                ["start_s"] = start.TotalSeconds,
                ["skew_p50_s"] = sorted[sorted.Length / 2],
                ["skew_p99_s"] = sorted[(int)(sorted.Length * 0.99)],
                ["skew_max_s"] = sorted[^1],
                ["peak_memory_mb"] = Process.GetCurrentProcess().PeakWorkingSet64 / 1e6,
            });
            return 0;
        }
        finally
        {
            await engine.DisposeAsync();
        }
    }

    private static FlowSpec Spec(string name, string cron) => Flows.Single() with
    {
        Name = name,
        Schedules = [.. Enumerable.Range(0, PerFlow).Select(i => new ScheduleSpec { Name = $"s{i}", Cron = cron.Replace("{0}", $"{i % 60}", StringComparison.Ordinal), Dialect = CronDialect.Quartz })],
    };

    private static Task DeployAsync(LocalEngine engine, IEnumerable<FlowSpec> flows) =>
        Parallel.ForEachAsync(flows, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (flow, _) => await engine.DeployAsync(flow));

    // A flow tells its schedules of a deployment after that was answered.
    private static async Task SettledAsync(LocalEngine engine, int count)
    {
        while (true)
        {
            var (set, cursor) = (0, (string?)null);
            do
            {
                var page = await engine.ReadModel.ListSchedulesAsync("default", null, cursor, 1000, default);
                (set, cursor) = (set + page.Items.Count, page.Next);
            }
            while (cursor is not null);
            if (set == count) return;
            await Task.Delay(500);
        }
    }

    /// <summary>How much later than at their times runs of schedules began, in seconds, from now on.</summary>
    private sealed class Delays : IDisposable
    {
        private readonly MeterListener _listener = new();
        private readonly ConcurrentQueue<double> _all = new();

        public Delays()
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Name is "fanfare.schedule.delay" or "fanfare.engine.events") listener.EnableMeasurementEvents(instrument);
            };
            _listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => _all.Enqueue(value));
            _listener.Start();
        }

        public IReadOnlyCollection<double> All => _all;

        public async Task UntilAsync(int count, DateTimeOffset limit)
        {
            while (_all.Count < count)
            {
                if (DateTimeOffset.UtcNow > limit) throw new TimeoutException($"{_all.Count:N0} of {count:N0} runs have begun.");
                await Task.Delay(100);
            }
        }

        public void Dispose() => _listener.Dispose();
    }
}
