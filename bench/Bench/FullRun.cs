using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Bench.Bare;
using Fanfare.Bench.Report;
using Fanfare.Postgres;
using Npgsql;

namespace Fanfare.Bench;

/// <summary>Everything, one after another, on one machine and one private PostgreSQL server: the database alone, Fanfare on PostgreSQL, the peers, and that again; then Fanfare on SQLite. A ratio
/// is the median of those of the passes, since a shared machine may be half as fast ten minutes later.</summary>
internal static class FullRun
{
    private const int Passes = 3;

    public static async Task<int> RunAsync(bool quick, DirectoryInfo? results, DirectoryInfo? peers)
    {
        var started = DateTimeOffset.UtcNow;
        var (tasks, rounds) = quick ? (20_000, 2) : (50_000, 3);
        await using var server = await PrivatePostgres.StartAsync();
        await Baselines.TuneAsync(server);
        var result = new Result { At = started, Machine = await Machine.DescribeAsync(server), Quick = quick };
        var ratios = new List<IReadOnlyDictionary<string, double?>>();
        for (var pass = 1; pass <= Passes; pass++)
        {
            var one = new Result { At = started, Machine = result.Machine, Quick = quick };
            Head($"pass {pass} of {Passes}: the database alone");
            await Baselines.MeasureAsync(server, one.Bare, rounds, seconds: quick ? 3 : 5);
            Head("Fanfare on PostgreSQL");
            one.Postgres = await MeasureAsync(await server.CreateDatabaseAsync(), tasks, rounds);
            if (peers is not null)
            {
                Head("the peers");
                one.Peers = await PeersAsync(await server.CreateDatabaseAsync(), peers, tasks, rounds, quick ? 1000 : 2000);
            }
            ratios.Add(Ratios.Of(one));
            result.Add(one);
        }
        Head("Fanfare on SQLite");
        result.Sqlite = await MeasureAsync(null, tasks, Passes * rounds);
        result.Ratios = Ratios.Medians(ratios);
        Console.WriteLine();
        Console.WriteLine(Table.Of(result));
        if (results is not null) await WriteAsync(result, results);
        Console.WriteLine(JsonSerializer.Serialize(result.Ratios, Json.Options));
        return 0;
    }

    private static async Task<Measured> MeasureAsync(string? database, int tasks, int rounds)
    {
        string[] arguments = [typeof(FullRun).Assembly.Location, "measure", "--tasks", Text(tasks), "--rounds", Text(rounds), .. database is null ? [] : new[] { "--database", database }];
        return JsonSerializer.Deserialize<Measured>(await LastLineAsync(Environment.ProcessPath!, arguments, null), Json.Options)!;
    }

    private static async Task<JsonArray> PeersAsync(string database, DirectoryInfo folder, int tasks, int rounds, int fanOut)
    {
        var at = new NpgsqlConnectionStringBuilder(database);
        string[] arguments = ["run.js", "--database", $"postgres://{at.Username}@{at.Host}:{Text(at.Port)}/{at.Database}", "--tasks", Text(tasks), "--rounds", Text(rounds), "--fan-out", Text(fanOut)];
        return JsonNode.Parse(await LastLineAsync("node", arguments, folder.FullName))!.AsArray();
    }

    /// <summary>Runs a program, shows what it prints, and returns the last line of that.</summary>
    private static async Task<string> LastLineAsync(string program, string[] arguments, string? directory)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, WorkingDirectory = directory ?? "" })!;
        string? last = null;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (last is not null) Console.WriteLine(last);
            last = line;
        }
        await process.WaitForExitAsync();
        return process.ExitCode == 0 && last is not null ? last : throw new InvalidOperationException($"{program} {string.Join(' ', arguments)} ended with {process.ExitCode}.");
    }

    private static async Task WriteAsync(Result result, DirectoryInfo folder)
    {
        folder.Create();
        var path = Path.Combine(folder.FullName, "result");
        await File.WriteAllTextAsync(path + ".json", JsonSerializer.Serialize(result, Json.Indented) + "\n");
        await File.WriteAllTextAsync(path + ".md", Table.Of(result));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "throughput.svg"), Plot.Throughput(result));
        await File.WriteAllTextAsync(Path.Combine(folder.FullName, "chain.svg"), Plot.Chain(result));
        Console.WriteLine($"Written to {folder.FullName}.");
    }

    private static void Head(string what) => Console.WriteLine($"== {what}");

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
