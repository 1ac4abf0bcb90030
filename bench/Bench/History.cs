using System.Diagnostics;
using System.Globalization;
using Fanfare.Bench.Bare;
using Fanfare.Postgres;
using Npgsql;

namespace Fanfare.Bench;

/// <summary>What a long history costs: the same foreach on two databases of one server, one of them with millions of old tasks, in turns.</summary>
internal static class History
{
    private const int TasksOfARun = 10_000, InFlight = 256, WarmUps = 3;

    public static async Task<int> RunAsync(int oldTasks, int tasks, int pairs)
    {
        await using var server = await PrivatePostgres.StartAsync();
        await Baselines.TuneAsync(server);
        var (empty, full) = (await server.CreateDatabaseAsync(), await server.CreateDatabaseAsync());
        var clock = Stopwatch.StartNew();
        await using var without = await LocalEngine.StartAsync(empty);
        await using var with = await LocalEngine.StartAsync(full, () => FillAsync(full, oldTasks / TasksOfARun));
        Console.WriteLine(Invariant($"a history of {oldTasks / TasksOfARun * TasksOfARun:N0} tasks, {await SizeAsync(full) / 1e6:N0} MB, inserted in {clock.Elapsed.TotalSeconds:0} s"));
        using var stop = new CancellationTokenSource();
        var (endedWithout, endedWith) = (new Completions(), new Completions());
        Task[] working =
        [
            .. Enumerable.Range(0, 2).Select(i => new NoOpWorker(without.Node, $"bench{i}", InFlight / 2, endedWithout).RunAsync(stop.Token)),
            .. Enumerable.Range(0, 2).Select(i => new NoOpWorker(with.Node, $"bench{i}", InFlight / 2, endedWith).RunAsync(stop.Token)),
        ];
        var measured = new Measured();
        for (var pair = -WarmUps; pair < pairs; pair++)
        {
            // The one that goes first takes turns, too.
            var firstWith = pair % 2 == 0;
            var first = firstWith ? await RateAsync(with, endedWith, tasks) : await RateAsync(without, endedWithout, tasks);
            var second = firstWith ? await RateAsync(without, endedWithout, tasks) : await RateAsync(with, endedWith, tasks);
            var (rateWith, rateWithout) = firstWith ? (first, second) : (second, first);
            Console.WriteLine(Invariant($"{(pair < 0 ? "warm-up" : "pair")}: {rateWithout:N0} tasks/s without, {rateWith:N0} with, ratio {rateWith / rateWithout:0.000}"));
            if (pair < 0) continue;
            measured.Add("foreach_tasks_per_s_without_history", rateWithout);
            measured.Add("foreach_tasks_per_s_with_history", rateWith);
            measured.Add("ratio", rateWith / rateWithout);
        }
        await stop.CancelAsync();
        await Task.WhenAll(working).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Json.WriteLine(measured);
        return 0;
    }

    private static async Task<double> RateAsync(LocalEngine engine, Completions ended, int tasks)
    {
        var clock = Stopwatch.StartNew();
        var done = ended.AfterAsync(tasks);
        await RunEnd.AwaitAsync(engine, await engine.StartRunAsync(Flows.Foreach(tasks, body: 1)), done);
        return tasks / clock.Elapsed.TotalSeconds;
    }

    private static async Task FillAsync(string database, int runs)
    {
        using var reader = new StreamReader(typeof(History).Assembly.GetManifestResourceStream("history.sql")!);
        var sql = await reader.ReadToEndAsync();
        await using var source = NpgsqlDataSource.Create(database + ";Search Path=bench;Command Timeout=0");
        foreach (var statement in sql.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            await using var command = source.CreateCommand(statement);
            if (statement.Contains("$1", StringComparison.Ordinal)) command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = runs });
            await command.ExecuteNonQueryAsync();
        }
    }

    private static async Task<double> SizeAsync(string database)
    {
        await using var source = NpgsqlDataSource.Create(database);
        await using var command = source.CreateCommand("SELECT pg_database_size(current_database())");
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
