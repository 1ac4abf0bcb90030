using System.Net;
using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;
using Fanfare.Fuzz.Server;
using Fanfare.Fuzz.Specs;

namespace Fanfare.Fuzz.Polls;

/// <summary>One run, two workers that serve it as they should, and what is done to their polls on the way.</summary>
internal sealed class PollScene
{
    private static readonly string[] Members = [
        "worker", "boot", "sequence", "wait_ms", "capacity", "free", "max_leases", "queues", "finished", "held", "task", "token", "outcome", "started_at", "ended_at", "error", "output",
        "artifacts", "items_file", "items_count", "namespace", "run", "step", "split", "cpu", "memory_bytes", "gpu", "disk_bytes", "type", "message", "exit_code", "name", "bytes", "blob", "index", "lines_per_chunk"];

    private readonly RealServer _server;
    private readonly Draw _draw;
    private readonly ModelWorker[] _workers;
    private readonly List<(string Worker, string Json)> _sent = [];
    private readonly List<Lease> _everLeased;
    private readonly StringBuilder _script = new();
    private int _boots = 1;

    private PollScene(RealServer server, Draw draw, string run, int number, List<Lease> everLeased)
    {
        (_server, _draw, Run, _everLeased) = (server, draw, run, everLeased);
        _workers = [new ModelWorker(server, $"a{number}"), new ModelWorker(server, $"b{number}")];
    }

    public string Run { get; }

    /// <summary>What was sent, a poll a line.</summary>
    public string Script => _script.ToString();

    public static async Task<PollScene> StartAsync(RealServer server, Draw draw, int number, List<Lease> everLeased)
    {
        var flow = new MapTwig([.. FlowGrowth.Of(draw).Entries.Where(e => e.Key != "name").Prepend(("name", new Leaf($"flow{number}", true)))]);
        var name = await server.DeployAsync(FlowText.Json(flow));
        return new PollScene(server, draw, await server.StartRunAsync(name), number, everLeased);
    }

    /// <summary>One thing that happens between the workers and the server.</summary>
    public async Task StepAsync()
    {
        var worker = _draw.Of(_workers);
        switch (_draw.Below(12))
        {
            case 0:
                // Sent, and its answer lost.
                await SendAsync(worker.Name, ModelWorker.Json(worker.Poll()));
                break;
            case 1 when _sent.Count > 0:
                var (former, json) = _draw.Among(_sent);
                await SendAsync(former, json);
                break;
            case 2:
                var twice = ModelWorker.Json(worker.Poll());
                await Task.WhenAll(SendAsync(worker.Name, twice), SendAsync(worker.Name, twice));
                break;
            case 3:
                var (first, second) = (ModelWorker.Json(worker.Poll()), ModelWorker.Json(worker.Poll()));
                await SendAsync(worker.Name, second);
                await SendAsync(worker.Name, first);
                break;
            case 4:
                worker.Reboot($"boot-{++_boots}");
                await GoOnAsync(worker);
                break;
            case 5 or 6:
                await ForgeAsync();
                break;
            case 7 or 8:
                var changed = JsonMutation.Of(ModelWorker.Json(Report(worker)), _draw, _draw.Between(1, 4), Members);
                await SendAsync(worker.Name, _draw.OneIn(10) ? JsonMutation.Edited(changed, _draw) : changed);
                break;
            case 9:
                await SendAsync(worker.Name, ModelWorker.Json(Lie(Report(worker))));
                break;
            default:
                await GoOnAsync(worker);
                break;
        }
    }

    // As it should be: some of what is held ends, one way or another, and is handed in.
    private async Task GoOnAsync(ModelWorker worker)
    {
        foreach (var lease in worker.Held.Where(l => _draw.OneIn(2)).ToList())
            await worker.EndAsync(lease, _draw.Below(30) switch { 0 => AttemptOutcome.Failed, 1 => AttemptOutcome.Lost, 2 => AttemptOutcome.Cancelled, _ => AttemptOutcome.Succeeded });
        var json = ModelWorker.Json(worker.Poll(most: _draw.Of(0, 1, 3, 100)));
        if (await SendAsync(worker.Name, json) is { } answer) worker.Take(answer);
        _everLeased.AddRange(worker.Held);
        if (_everLeased.Count > 500) _everLeased.RemoveRange(0, 250);
    }

    /// <summary>The worker's poll, in which something has ended if it holds anything.</summary>
    private PollRequest Report(ModelWorker worker)
    {
        var poll = worker.Poll(most: 3);
        if (worker.Held.Count == 0) return poll;
        var lease = _draw.Among(worker.Held.ToList());
        return poll with { Finished = [.. poll.Finished, ModelWorker.Ended(lease, _draw.Of(AttemptOutcome.Succeeded, AttemptOutcome.Failed, AttemptOutcome.Lost))], Held = [.. poll.Held.Where(h => h.Token != lease.Token)] };
    }

    /// <summary>A poll whose forms are right and whose contents no worker would send.</summary>
    private PollRequest Lie(PollRequest poll) => _draw.Below(6) switch
    {
        0 => poll with { Free = new ResourceSpec(_draw.Of(-1e6, 1e6, double.Epsilon), _draw.Of(long.MinValue, long.MaxValue, -1), _draw.Of(int.MinValue, int.MaxValue), _draw.Of(long.MinValue, long.MaxValue)) },
        1 => poll with { Sequence = _draw.Of(1, long.MaxValue, 5) },
        2 => poll with { Queues = [.. Enumerable.Repeat(_draw.Of("default", "nobody"), _draw.Of(1, 3, 2000))] },
        3 => poll with { Held = [.. Enumerable.Range(0, 300).Select(i => new HeldLease(new TaskRef("default", $"nobody{i % 7}", new StepKey("s0", SplitPath.Empty, new SplitPath(0)), i), $"token{i}"))] },
        4 => poll with { Finished = [.. poll.Finished, .. poll.Finished, .. poll.Finished.Select(f => f with { Outcome = AttemptOutcome.Failed, Error = new TaskError("exit", "x") })] },
        _ => poll with
        {
            Finished = [.. poll.Finished.Select(f => f with
            {
                Output = _draw.Of("", "x", "[]", "null", "1", "{", "{\"way\":\"\\ud800\"}", "{\"items\":{}}", "{\"way\":7,\"items\":-1}", "{\"items\":99999999}", "{\"way\":\"l\",\"way\":7}", new string('[', 100) + new string(']', 100), "{\"a\":" + new string('[', 80) + new string(']', 80) + "}"),
                ItemsFile = _draw.Of<FileItems?>(null, new FileItems("a", "b", 0), new FileItems("../../etc/passwd", "/x", -1), new FileItems("a", "b", int.MaxValue), new FileItems("", "", 1)),
                ItemsCount = _draw.Of(0, 1, 10_000_000),
                Artifacts = _draw.Of<IReadOnlyList<Artifact>?>(null, [new Artifact("../../x", 1)], [new Artifact("/", 0)], [new Artifact("a", long.MaxValue), new Artifact("a", 0)], [new Artifact(new string('a', 5000), 1)]),
                StartedAt = _draw.Of(DateTimeOffset.MinValue, DateTimeOffset.MaxValue),
                EndedAt = _draw.Of(DateTimeOffset.MinValue, DateTimeOffset.MaxValue),
                Error = _draw.Of(f.Error, new TaskError("", "", int.MinValue), new TaskError(new string('t', 9000), new string('m', 90_000))),
            })],
        },
    };

    /// <summary>Results under tokens that nobody was given, or for tasks that they are not of: nothing may come of them.</summary>
    private async Task ForgeAsync()
    {
        if (_everLeased.Count == 0) return;
        var lease = _draw.Among(_everLeased);
        var other = _draw.Among(_everLeased);
        var forged = ModelWorker.Ended(lease, _draw.Of(AttemptOutcome.Succeeded, AttemptOutcome.Failed, AttemptOutcome.Lost, AttemptOutcome.Cancelled));
        forged = _draw.Below(4) switch
        {
            0 when other.Task != lease.Task => forged with { Token = other.Token },
            1 => forged with { Task = forged.Task with { Split = forged.Task.Split + 1 + _draw.Below(3) } },
            2 => forged with { Task = forged.Task with { Step = forged.Task.Step with { Loops = forged.Task.Step.Loops.Push(_draw.Below(2)) } } },
            _ => forged with { Token = Corrupted(lease.Token) },
        };
        var decided = await DecidedAsync(forged.Task.Run);
        await SendAsync("forger", ModelWorker.Json(new PollRequest
        {
            Worker = "forger",
            Boot = "forger",
            Sequence = _sent.Count + 1,
            Capacity = new ResourceSpec(0, 0, 0, 0),
            Free = new ResourceSpec(0, 0, 0, 0),
            Finished = [forged],
            Held = [new HeldLease(forged.Task, forged.Token)],
        }));
        var then = await DecidedAsync(forged.Task.Run);
        if (!decided.SequenceEqual(then)) throw new FuzzException($"A forged result took effect: {string.Join(", ", then.Except(decided))}, after {JsonSerializer.Serialize(forged, ContractsJson.Default.Options)}");
    }

    private string Corrupted(string token)
    {
        var parts = token.Split('.');
        var at = _draw.Below(parts.Length);
        parts[at] = _draw.OneIn(2) ? "0" : JsonMutation.Edited(parts[at], _draw);
        var corrupted = string.Join('.', parts);
        return corrupted == token || corrupted.Length is 0 or > 512 ? token + "0" : corrupted;
    }

    // What ends attempts; leases that run out by themselves are no doing of a poll.
    private async Task<List<string>> DecidedAsync(string run) =>
        [.. (await _server.Reads.ReadHistoryAsync("default", run, 0, 100_000, default))
            .Where(e => e.Entry.Actor != "system" && e.Entry.Event is TaskSucceeded or TaskFailed or TaskCancelled or TaskLost or TaskLeased)
            .Select(e => $"{e.Stream}: {e.Entry.Event}")];

    /// <summary>Sends a poll, which is answered in time and never as a server's error; null when it was refused.</summary>
    private async Task<PollResponse?> SendAsync(string worker, string json)
    {
        _sent.Add((worker, json));
        _script.Append(worker).Append(' ').AppendLine(json);
        try
        {
            using var answer = await _server.PostAsync(ModelWorker.Path(worker), json);
            if (await RealServer.FaultOfAsync(answer, hasBody: true) is { } fault) throw new FuzzException($"{fault}{Environment.NewLine}{json}");
            if (answer.StatusCode != HttpStatusCode.OK) return null;
            return JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(), ContractsJson.Default.PollResponse);
        }
        catch (Exception e) when (e is TaskCanceledException or HttpRequestException)
        {
            throw new FuzzException($"No answer: {e.Message}{Environment.NewLine}{json}", e);
        }
    }
}
