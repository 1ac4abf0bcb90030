using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using Fanfare.Postgres;

namespace Fanfare.Bench.Bare;

/// <summary>What the database can do without Fanfare, on a private server: the units in which speed is counted.</summary>
internal static partial class Baselines
{
    private static readonly int[] ClientCounts = [8, 16, 32, 64];

    /// <param name="seconds">How long each client count and each round is driven.</param>
    public static async Task<Measured> MeasureAsync(int rounds, int seconds)
    {
        await using var server = await PrivatePostgres.StartAsync();
        await TuneAsync(server);
        var measured = new Measured();
        await MeasureAsync(server, measured, rounds, seconds);
        return measured;
    }

    /// <summary>What any operator sets on a machine that is the database's own; all of it is in the result.</summary>
    public static async Task TuneAsync(PrivatePostgres server)
    {
        foreach (var setting in new[] { "shared_buffers = '512MB'", "max_wal_size = '4GB'", "checkpoint_timeout = '15min'", "max_connections = 200" }) await server.ExecuteAsync($"ALTER SYSTEM SET {setting}");
        await server.StopAsync(StopMode.Fast);
        await server.StartAgainAsync();
    }

    public static async Task MeasureAsync(PrivatePostgres server, Measured measured, int rounds, int seconds)
    {
        MeasureFlush(server.Directory, measured, rounds);
        await MeasureCommitsAsync(server, measured, rounds, seconds);
        for (var round = -1; round < rounds; round++)
        {
            var database = await server.CreateDatabaseAsync();
            var rate = await StepRows.MeasureAsync(database, TimeSpan.FromSeconds(seconds));
            await server.DropDatabaseAsync(database);
            if (round >= 0) measured.Add("p2_tasks_per_s", rate);
        }
        Console.WriteLine($"bare: one flush {measured.Of("flush_ms").Median:0.000} ms, {measured.Of("p1_commits_per_s").Median:0} commits/s, {measured.Of("p2_tasks_per_s").Median:0} tasks/s in batches");
    }

    // F: 8 KiB over a file that has its blocks, and its flush, as the database's log is written.
    private static void MeasureFlush(string directory, Measured measured, int rounds)
    {
        const int Writes = 200, Slots = 512;
        var page = new byte[8192];
        using var file = File.OpenHandle(Path.Combine(directory, "flush"), FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.DeleteOnClose, Slots * page.Length);
        for (var slot = 0; slot < Slots; slot++) RandomAccess.Write(file, page, (long)slot * page.Length);
        RandomAccess.FlushToDisk(file);
        for (var round = 0; round < rounds; round++)
        {
            var clock = Stopwatch.StartNew();
            for (var i = 0; i < Writes; i++)
            {
                RandomAccess.Write(file, page, (long)(i % Slots) * page.Length);
                RandomAccess.FlushToDisk(file);
            }
            measured.Add("flush_ms", clock.Elapsed.TotalMilliseconds / Writes);
        }
    }

    // P1: pgbench, one row a commit, at the number of clients at which it is fastest.
    private static async Task MeasureCommitsAsync(PrivatePostgres server, Measured measured, int rounds, int seconds)
    {
        var script = Path.Combine(server.Directory, "p1.sql");
        await File.WriteAllTextAsync(script, "INSERT INTO p1 (v) VALUES (1);");
        await server.ExecuteAsync("CREATE TABLE p1 (id bigserial PRIMARY KEY, v integer NOT NULL)");
        var (best, clients) = (0.0, 0);
        foreach (var count in ClientCounts)
        {
            var rate = await PgbenchAsync(server, script, count, Math.Max(2, seconds / 2));
            if (rate > best) (best, clients) = (rate, count);
        }
        measured.Add("p1_clients", clients);
        for (var round = 0; round < rounds; round++) measured.Add("p1_commits_per_s", await PgbenchAsync(server, script, clients, seconds));
        await server.ExecuteAsync("DROP TABLE p1");
    }

    private static async Task<double> PgbenchAsync(PrivatePostgres server, string script, int clients, int seconds)
    {
        var at = new Npgsql.NpgsqlConnectionStringBuilder(server.Maintenance);
        string[] arguments = ["-h", at.Host!, "-p", Text(at.Port), "-U", at.Username!, "-n", "-M", "prepared", "-f", script, "-c", Text(clients), "-j", Text(Environment.ProcessorCount), "-T", Text(seconds), at.Database!];
        using var pgbench = Process.Start(new ProcessStartInfo(PrivatePostgres.Program("pgbench"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var (output, errors) = (pgbench.StandardOutput.ReadToEndAsync(), pgbench.StandardError.ReadToEndAsync());
        await pgbench.WaitForExitAsync();
        var rate = Rate().Match(await output);
        return rate.Success ? double.Parse(rate.Groups[1].Value, CultureInfo.InvariantCulture) : throw new InvalidOperationException($"pgbench ended with {pgbench.ExitCode}: {await errors}");
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    [GeneratedRegex(@"tps = ([\d.]+)")]
    private static partial Regex Rate();
}
