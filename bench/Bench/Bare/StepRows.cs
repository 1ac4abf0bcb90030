using System.Diagnostics;
using System.Globalization;
using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Bench.Bare;

/// <summary>P2: two connections write the rows of p2.sql in batches of 500 tasks, as fast as the database takes them.</summary>
internal static class StepRows
{
    private const int BatchTasks = 500, Connections = 2;

    private static readonly Dictionary<string, string> Sql = Load();

    public static async Task<double> MeasureAsync(string database, TimeSpan time)
    {
        await using var source = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(database) { MaxAutoPrepare = 32, AutoPrepareMinUsages = 1 });
        await using (var schema = source.CreateCommand(Sql["schema"])) await schema.ExecuteNonQueryAsync();
        var clock = Stopwatch.StartNew();
        var tasks = await Task.WhenAll(Enumerable.Range(1, Connections).Select(number => Task.Run(() => WriteAsync(source, number, clock, time))));
        return tasks.Sum() / clock.Elapsed.TotalSeconds;
    }

    private static async Task<long> WriteAsync(NpgsqlDataSource source, long number, Stopwatch clock, TimeSpan time)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using (var open = new NpgsqlCommand(Sql["open"], connection) { Parameters = { new() { Value = number } } }) await open.ExecuteNonQueryAsync();
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds() * 1000;
        var splits = new int[BatchTasks];
        var (times, tokens, outputs) = (Enumerable.Repeat(now, BatchTasks).ToArray(), new string[BatchTasks], new string?[BatchTasks]);
        var written = 0L;
        for (var sequence = 0L; clock.Elapsed < time; sequence += 2 * BatchTasks)
        {
            for (var i = 0; i < BatchTasks; i++)
            {
                splits[i] = (int)written + i;
                tokens[i] = string.Create(CultureInfo.InvariantCulture, $"23d6a8969d525525.{sequence + i:x}.0.0123456789abcdef");
            }
            var ends = Events(i => $"{{\"t\":\"task_succeeded\",\"split\":{splits[i]},\"attempt\":0,\"started_at\":\"2026-01-01T00:00:00.000000+00:00\",\"ended_at\":\"2026-01-01T00:00:00.000000+00:00\",\"count\":0}}");
            var leases = Events(i => $"{{\"t\":\"task_leased\",\"split\":{splits[i] + BatchTasks},\"attempt\":0,\"token\":\"{tokens[i]}\",\"worker\":\"bench\",\"boot\":\"0123456789abcdef0123456789abcdef\"}}");
            await using var batch = connection.CreateBatch();
            Add(batch, "own", number);
            Add(batch, "head", number, sequence);
            Add(batch, "events", number, sequence, ends, leases, now);
            Add(batch, "tasks", number, splits, times, times, tokens, outputs, now);
            Add(batch, "ungrant", number, sequence);
            Add(batch, "grant", number, sequence, splits.Select(split => split + BatchTasks).ToArray(), string.Join(' ', tokens), now);
            Add(batch, "step", number);
            await batch.ExecuteNonQueryAsync();
            written += BatchTasks;
        }
        return written;
    }

    private static byte[] Events(Func<int, FormattableString> one) =>
        Encoding.UTF8.GetBytes($"[{string.Join(',', Enumerable.Range(0, BatchTasks).Select(i => one(i).ToString(CultureInfo.InvariantCulture)))}]");

    private static void Add(NpgsqlBatch batch, string name, params object[] values)
    {
        var command = new NpgsqlBatchCommand(Sql[name]);
        foreach (var value in values)
            command.Parameters.Add(value is string?[] texts ? new NpgsqlParameter { Value = texts, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text } : new NpgsqlParameter { Value = value });
        batch.BatchCommands.Add(command);
    }

    private static Dictionary<string, string> Load()
    {
        using var stream = typeof(StepRows).Assembly.GetManifestResourceStream("p2.sql")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd().Split("-- name: ").Skip(1).Select(part => part.Split('\n', 2))
            .ToDictionary(part => part[0].Trim(), part => string.Join('\n', part[1].Split('\n').Where(line => !line.StartsWith("--", StringComparison.Ordinal))));
    }
}
