using System.Security.Cryptography;
using Fanfare.Contracts;
using Fanfare.Fuzz.Server;

namespace Fanfare.Fuzz.Requests;

/// <summary>What stands behind the server when requests come: flows, runs in several states, tasks with logs and artifacts, a live lease, an event, a notice, two pools.</summary>
internal sealed record RequestWorld(RealServer Server, IReadOnlyList<string> Flows, IReadOnlyList<string> Runs, Lease Lease, string Package, string Event, string Notice) : IAsyncDisposable
{
    private const string Train = """
        name: train
        parameters: {n: {type: int, default: 2}, grid: {type: json, default: {a: [1]}}}
        tags: [nightly]
        notify: [{on: [succeeded, failed], to: ops}]
        steps:
          start: {run: a, next: {foreach: fold, over: items}}
          fold: {run: b, next: {switch: way, cases: {l: best}, default: best}}
          best: {join: {tolerate: 1}, run: c, next: [left, right]}
          left: {run: d, next: end}
          right: {run: e, next: end}
          end: {join: all, run: f}
        """;

    private const string Hold = "{name: hold, steps: {start: {run: a, queue: kept, next: {foreach: each, over: {file: x}}}, each: {run: b, next: end}, end: {join: all, run: c}}}";

    /// <summary>A flow that may be deleted.</summary>
    public const string Spare = "spare";

    /// <summary>A pool that stays, and one that may be deleted.</summary>
    public const string Pool = "steady", SparePool = "fleeting";

    public static async Task<RequestWorld> MakeAsync()
    {
        var server = await RealServer.StartAsync(TimeSpan.FromMinutes(5));
        var flows = new[] { await server.DeployAsync(Train), await server.DeployAsync(Hold) };
        await server.DeployAsync($"{{name: {Spare}, steps: {{start: {{run: a}}}}}}");
        foreach (var pool in (string[])[Pool, SparePool]) await server.SetPoolAsync(pool, $"{{name: {pool}, machine: {{cpu: 2}}, max: 3, min: 1}}");
        var bytes = new byte[] { 31, 139, 8, 0, 0, 0, 0, 0, 0, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0 };
        var package = Convert.ToHexStringLower(SHA256.HashData(bytes));
        using var upload = await server.Client.PutAsync(new Uri("/api/v1/packages/" + package, UriKind.Relative), new ByteArrayContent(bytes));
        var worker = new ModelWorker(server, "w1");
        var done = await server.StartRunAsync("train");
        while ((await server.Reads.GetRunAsync("default", done, default))!.Status == RunStatus.Running)
        {
            await worker.PollAsync(50);
            foreach (var lease in worker.Held.ToList())
            {
                await worker.UploadAsync(lease);
                await worker.EndAsync(lease, lease.Name == "fold[1]" ? AttemptOutcome.Failed : AttemptOutcome.Succeeded);
            }
        }
        var open = await server.StartRunAsync("train");
        var held = await server.StartRunAsync("hold");
        while (!worker.Held.Any(l => l.Task.Run == held)) await worker.PollAsync(50);
        var published = await server.PublishAsync("loaded");
        // Of the run that has ended; no receiver is there, so it is a dead letter.
        IReadOnlyList<NoticeRow> notices;
        while ((notices = (await server.Reads.ListNoticesAsync("default", null, isDead: true, null, 1, default)).Items).Count == 0) await Task.Delay(10);
        return new RequestWorld(server, flows, [done, open, held], worker.Held.First(l => l.Task.Run == held), package, published, notices[0].Notice);
    }

    public ValueTask DisposeAsync() => Server.DisposeAsync();
}
