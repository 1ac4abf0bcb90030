using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Fanfare.Bench.Bare;
using Fanfare.Contracts;
using Fanfare.Gateway;
using Fanfare.Postgres;
using Fanfare.Storage;
using Npgsql;

namespace Fanfare.Bench.Metaflow;

/// <summary>Posts of five rows of metadata a second, with both stores in turns: the server in this process, the clients in another, the rows counted again by SQL.</summary>
internal static class MetadataPosts
{
    public const string Flow = "BenchFlow", Run = "bench-1", Step = "train";

    public static async Task<int> RunAsync(int[] clients, int tasks, int seconds, int rounds)
    {
        await using var server = await PrivatePostgres.StartAsync();
        await Baselines.TuneAsync(server);
        for (var round = 1; round <= rounds; round++)
        {
            foreach (var count in clients)
            {
                await MeasureAsync(null, null, round, count, tasks, seconds);
                await MeasureAsync(server, await server.CreateDatabaseAsync(), round, count, tasks, seconds);
            }
        }
        return 0;
    }

    // On tables of its own, so that no round finds what another left.
    private static async Task MeasureAsync(PrivatePostgres? server, string? database, int round, int clients, int tasks, int seconds)
    {
        await using var engine = await LocalEngine.StartAsync(database);
        var store = database is null ? (IMetaflowStore)await SqliteMetaflow.OpenAsync(engine.Directory, TimeProvider.System) : await PostgresMetaflow.OpenAsync(database + ";Search Path=bench", TimeProvider.System);
        // Closed with the gateway, which has it from then on.
        await using var gateway = await LocalGateway.StartAsync(engine, () => store);
        await PrepareAsync(store, tasks);
        var flushes = await FlushesAsync(server);
        var posted = await PostAsync(GatewayHost.AddressOf(gateway), clients, tasks, seconds);
        flushes = await FlushesAsync(server) - flushes;
        var (rows, told) = database is null ? SqliteCount.Of(Path.Combine(engine.Directory, "metaflow.db"), Count) : await CountAsync(database);
        if (rows != posted.AllPosts * MetadataClients.Rows) throw new InvalidOperationException($"{posted.AllPosts} posts were answered, and there are {rows} rows.");
        Json.WriteLine(new { store = database is null ? "sqlite" : "postgres", round, clients, tasks, seconds, posted.Posts, posted.PostsPerS, posted.P50Ms, posted.P99Ms, posted.AllPosts, rows_by_sql = rows, tasks_by_sql = told, wal_flushes = flushes });
        await gateway.StopAsync();
    }

    private const string Count = "SELECT count(*), count(DISTINCT task_id) FROM metadata_v3";

    private static async Task PrepareAsync(IMetaflowStore store, int tasks)
    {
        var run = MetaflowRunKey.Of(Flow, Run);
        await store.AddAsync(new NewMetaflowFlow(Flow, "ann", "[]", "[]"), default);
        await store.AddAsync(new NewMetaflowRun(Flow, Run, "ann", "[]", "[]", Beats: false), default);
        await store.AddAsync(new NewMetaflowStep(run, Step, "ann", "[]", "[]"), default);
        var made = await Task.WhenAll(Enumerable.Range(0, tasks).Select(task => store.AddAsync(new NewMetaflowTask(run, Step, $"t{task}", "ann", "[]", "[]", Beats: false), default)));
        if (made.Any(answer => answer.Outcome != MetaflowOutcome.Done)) throw new InvalidOperationException("The tasks could not be made.");
    }

    private static async Task<MetadataRound> PostAsync(Uri address, int clients, int tasks, int seconds)
    {
        var step = new Uri(address, $"/metaflow/flows/{Flow}/runs/{Run}/steps/{Step}/");
        using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [typeof(MetadataPosts).Assembly.Location, "post", step.ToString(), "--clients", Text(clients), "--tasks", Text(tasks), "--seconds", Text(seconds)])
        { RedirectStandardOutput = true })!;
        var told = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return process.ExitCode == 0 ? JsonSerializer.Deserialize<MetadataRound>(told, Json.Options)! : throw new InvalidOperationException($"The clients' process ended with {process.ExitCode}.");
    }

    private static async Task<long?> FlushesAsync(PrivatePostgres? server) => server is null ? null : await server.ScalarAsync<long>("SELECT wal_sync FROM pg_stat_wal");

    private static async Task<(long Rows, long Tasks)> CountAsync(string database)
    {
        await using var source = NpgsqlDataSource.Create(database + ";Search Path=bench_metaflow");
        await using var command = source.CreateCommand(Count);
        await using var reader = await command.ExecuteReaderAsync();
        await reader.ReadAsync();
        return (reader.GetInt64(0), reader.GetInt64(1));
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
