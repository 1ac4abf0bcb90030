using System.Globalization;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;
using Fanfare.Fuzz.Server;
using Fanfare.Storage;
using Xunit.Abstractions;

namespace Fanfare.Fuzz.Journal;

/// <summary>A whole data directory, made on the spot and damaged: the server does not start and says why, or starts, serves what it can and
/// says of the rest that the journal cannot be read. It never hangs, and never takes damage for a defect of its own.</summary>
public sealed class JournalFileFuzzTests(ITestOutputHelper output)
{
    private const string Flow = "{name: f, tags: [a], parameters: {n: {type: int, default: 1}}, steps: {start: {run: a, next: {foreach: each, over: items}}, each: {run: b, next: end, retry: 2}, end: {join: {tolerate: 1}, run: c}}}";

    private static readonly (string Table, string Column)[] Columns =
    [
        ("events", "payload"), ("events", "payload"), ("events", "version"), ("events", "seq"), ("events", "at_us"), ("events", "actor"), ("streams", "name"), ("streams", "seq"), ("streams", "epoch"), ("streams", "run_id"),
        ("wakes", "due_us"), ("wakes", "acknowledged"), ("deployments", "spec"), ("deployments", "spec"), ("deployments", "version"), ("deployments", "created_us"), ("runs", "status"), ("runs", "parameters"), ("runs", "tags"), ("runs", "error"),
        ("runs", "created_us"), ("runs", "deployment"), ("runs", "flow"), ("steps", "status"), ("steps", "total"), ("steps", "opened_us"), ("tasks", "status"), ("tasks", "error"), ("tasks", "output"), ("tasks", "artifacts"), ("tasks", "started_us"),
        ("attempts", "status"), ("attempts", "error"), ("journal", "position"), ("journal", "format"), ("journal", "incarnation"), ("schema_version", "version"),
    ];

    [Theory]
    [MemberData(nameof(Campaign.Seeds), MemberType = typeof(Campaign))]
    public async Task DamagedDirectories_AreRefused_OrServedAsFarAsTheyGo(string seed)
    {
        var (original, runs) = await MakeAsync();
        var (refused, served) = (0, 0);
        var campaign = Campaign.Of(nameof(DamagedDirectories_AreRefused_OrServedAsFarAsTheyGo), seed, TimeSpan.FromSeconds(2), output);
        await campaign.RunAsync(async (draw, _) =>
        {
            var directory = Directory.CreateTempSubdirectory("fanfare-fuzz-damaged-").FullName;
            File.Copy(original, Path.Combine(directory, "journal.db"));
            var damage = draw.OneIn(4) ? Bytes(directory, draw) : Column(directory, draw);
            try
            {
                if (await ServeAsync(directory, runs)) served++;
                else refused++;
            }
            catch (Exception e)
            {
                throw new FuzzException($"{damage}: {e.Message}", e);
            }
            finally
            {
                if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
            }
        });
        Directory.Delete(Path.GetDirectoryName(original)!, recursive: true);
        output.WriteLine($"{refused} refused, {served} served.");
    }

    // A run that ended, one that is under way, and one that waits.
    private static async Task<(string Journal, IReadOnlyList<string> Runs)> MakeAsync()
    {
        var server = await RealServer.StartAsync(TimeSpan.FromMinutes(5));
        await server.DeployAsync(Flow);
        var worker = new ModelWorker(server, "w");
        var runs = new List<string> { await server.StartRunAsync("f") };
        while (!(await server.Reads.GetRunAsync("default", runs[0], default))!.Status.IsTerminal())
        {
            await worker.PollAsync(50);
            foreach (var lease in worker.Held.ToList()) await worker.EndAsync(lease, lease is { Name: "each[1]", Attempt: 0 } ? AttemptOutcome.Lost : lease.Name == "each[2]" ? AttemptOutcome.Failed : AttemptOutcome.Succeeded);
        }
        runs.Add(await server.StartRunAsync("f"));
        while (worker.Held.Count == 0) await worker.PollAsync(50, most: 1);
        runs.Add(await server.StartRunAsync("f"));
        return (Path.Combine(await server.StopAsync(), "journal.db"), runs);
    }

    private static string Column(string directory, Draw draw)
    {
        var (table, column) = draw.Among(Columns);
        var value = draw.Below(4) switch
        {
            0 => draw.Of<object?>(0L, -1L, 7L, 99L, 1L << 33, long.MaxValue, long.MinValue),
            1 => Encoding.UTF8.GetBytes(draw.Of("", "{", "null", "[]", "{}", "[null]", "{\"type\":null}", "{\"t\":\"run_ended\"}", "default/step/x", "default/step/x/y", "x", "{\"name\":\"f\",\"steps\":[]}", "{\"name\":\"f\",\"steps\":null}", "{\"name\":\"f\",\"steps\":[null]}")),
            2 => (object?)draw.Of("", "{", "null", "[]", "{}", "[null]", "{\"type\":null}", "default/step/x", "default/step/x/99:y", "default/step/r/-1:y", "x", "{\"name\":\"f\",\"steps\":[]}", "{\"name\":\"f\",\"steps\":null}", "{\"name\":\"f\",\"steps\":[null]}"),
            _ => draw.Of<object?>(null, "\ufffd", 1L),
        };
        using var journal = new RawJournal(directory);
        // What a unique index, a NOT NULL or a row number of the file forbids cannot be damage of that kind.
        journal.TryRun($"UPDATE OR IGNORE {table} SET {column} = ?1 WHERE rowid IN (SELECT rowid FROM {table} ORDER BY rowid LIMIT 1 OFFSET ?2)".Replace("rowid", table is "tasks" or "attempts" ? "stream_id" : "rowid", StringComparison.Ordinal), value, (long)draw.Below(table == "events" ? 40 : 3));
        return string.Create(CultureInfo.InvariantCulture, $"{table}.{column} = {(value is byte[] bytes ? "blob " + Encoding.UTF8.GetString(bytes) : value ?? "null")}");
    }

    private static string Bytes(string directory, Draw draw)
    {
        var path = Path.Combine(directory, "journal.db");
        var bytes = File.ReadAllBytes(path);
        if (draw.OneIn(5)) bytes = bytes[..draw.Below(bytes.Length)];
        else
            for (var changes = draw.Of(1, 1, 5, 200); changes > 0; changes--) bytes[draw.Below(bytes.Length)] ^= (byte)(1 << draw.Below(8));
        File.WriteAllBytes(path, bytes);
        return $"{bytes.Length} bytes with some of them changed";
    }

    /// <summary>True when the server started.</summary>
    private static async Task<bool> ServeAsync(string directory, IReadOnlyList<string> runs)
    {
        RealServer server;
        try
        {
            server = await RealServer.StartAsync(TimeSpan.FromMinutes(5), directory).WaitAsync(RealServer.Patience);
        }
        catch (Exception e) when (e is DataDirectoryException or JournalFormatException)
        {
            return false;
        }
        await using (server)
        {
            string[] paths = ["/api/v1/flows", "/api/v1/flows/f", "/api/v1/flows/f/deployments", "/api/v1/runs", "/api/v1/workers", "/api/v1/queues", "/", "/readyz"];
            string[] ofRun = ["", "/history", "/steps", "/tasks", "/tasks/start", "/tasks/start/attempts", "/tasks/each%5B1%5D/explain", "/tasks/end/explain"];
            foreach (var path in paths.Concat(runs.SelectMany(r => ofRun.Select(p => $"/api/v1/runs/{r}{p}"))).Concat(runs.Select(r => $"/runs/{r}")))
            {
                using var answer = await server.Client.GetAsync(new Uri(path, UriKind.Relative));
                await CheckAsync(path, answer);
            }
            foreach (var run in runs)
            {
                using var answer = await server.PostAsync($"/api/v1/runs/{run}:cancel", "{}");
                await CheckAsync($"cancel {run}", answer);
            }
        }
        return true;
    }

    // Of the server's errors, only these two say whose fault it is.
    private static async Task CheckAsync(string path, HttpResponseMessage answer)
    {
        if ((int)answer.StatusCode < 500) return;
        var text = await answer.Content.ReadAsStringAsync();
        var code = answer.Content.Headers.ContentType?.MediaType == "application/problem+json" ? JsonDocument.Parse(text).RootElement.GetProperty("code").GetString() : null;
        var declared = code is "FAN0014" or "FAN0008" || (code is null && (text.Contains("FAN0014", StringComparison.Ordinal) || path == "/readyz"));
        if (!declared) throw new FuzzException($"{path}: {text}");
    }
}
