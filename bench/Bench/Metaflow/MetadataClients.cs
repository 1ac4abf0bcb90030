using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Fanfare.Bench.Metaflow;

/// <summary>Clients of Metaflow's metadata service, in a process of their own: each posts what a task says of itself, five rows, and then the next task's when it has its answer.</summary>
internal static class MetadataClients
{
    public const int Rows = 5;

    private static readonly string[] _tags = ["attempt_id:0"];

    private static readonly TimeSpan _warmUp = TimeSpan.FromSeconds(1);

    /// <param name="step">The step's path on the service, with as many tasks, which are named t0, t1 and so on.</param>
    public static async Task<MetadataRound> RunAsync(Uri step, int tasks, int clients, int seconds)
    {
        using var handler = new SocketsHttpHandler { MaxConnectionsPerServer = clients };
        using var client = new HttpClient(handler) { BaseAddress = step };
        var bodies = Enumerable.Range(0, tasks).Select(task => Body($"t{task}")).ToArray();
        var (all, counted) = (0L, 0L);
        var times = new List<double>[clients];
        var watch = Stopwatch.StartNew();
        var end = _warmUp + TimeSpan.FromSeconds(seconds);
        await Task.WhenAll(Enumerable.Range(0, clients).Select(async number =>
        {
            times[number] = [];
            for (var task = number; watch.Elapsed < end; task = (task + clients) % tasks)
            {
                var from = watch.Elapsed;
                using var content = new ByteArrayContent(bodies[task]) { Headers = { ContentType = new MediaTypeHeaderValue("application/json") } };
                using var answer = await client.PostAsync(new Uri($"tasks/t{task}/metadata", UriKind.Relative), content);
                answer.EnsureSuccessStatusCode();
                Interlocked.Increment(ref all);
                // What is answered after the end is in the tables, and counts in no rate.
                if (from < _warmUp || watch.Elapsed > end) continue;
                Interlocked.Increment(ref counted);
                times[number].Add((watch.Elapsed - from).TotalMilliseconds);
            }
        }));
        var samples = new Samples { Values = [.. times.SelectMany(values => values)] };
        if (counted == 0) throw new InvalidOperationException("No post was answered within the time that counts.");
        return new MetadataRound(counted, Math.Round(counted / (double)seconds), Math.Round(samples.Median, 2), Math.Round(samples.Quantile(0.99), 2), all);
    }

    // What a client registers when a task starts, in its words.
    private static byte[] Body(string task) => Encoding.UTF8.GetBytes(JsonSerializer.Serialize(
        new[] { ("attempt", "0"), ("origin-run-id", "None"), ("ds-type", "local"), ("ds-root", "/home/ann/.metaflow"), ("python_version", "3.11.2") }
            .Select(row => new { flow_id = MetadataPosts.Flow, run_number = MetadataPosts.Run, step_name = MetadataPosts.Step, task_id = task, field_name = row.Item1, type = row.Item1, value = row.Item2, user_name = "ann", tags = _tags })));
}

/// <param name="Posts">Answered within the time that counts.</param>
/// <param name="AllPosts">Answered at all, with those of the warm-up.</param>
internal sealed record MetadataRound(long Posts, double PostsPerS, double P50Ms, double P99Ms, long AllPosts);
