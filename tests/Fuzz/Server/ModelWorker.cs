using System.Text;
using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Fuzz.Kernel;

namespace Fanfare.Fuzz.Server;

/// <summary>A worker as the protocol has it, in memory: what it holds, what has ended, and the poll that follows from both.</summary>
internal sealed class ModelWorker(RealServer server, string name)
{
    /// <summary>An output that has what every flow here asks for: a case for each switch, a list for each foreach.</summary>
    public const string Output = """{"way":"l","items":[1,"two",{"three":3}],"verdict":"good","ok":"true","width":2,"files":["a","b"],"combinations":[1]}""";

    private static readonly ResourceSpec Room = new(1000, 1L << 40, 8, 1L << 40);

    private readonly Dictionary<string, Lease> _held = [];
    private readonly Dictionary<string, FinishedAttempt> _finished = [];
    private readonly HashSet<string> _done = [];
    private long _sequence;

    public string Boot { get; private set; } = "boot-1";

    public string Name => name;

    public IReadOnlyCollection<Lease> Held => _held.Values;

    /// <summary>Attempts ended and not yet settled.</summary>
    public IReadOnlyCollection<FinishedAttempt> Finished => _finished.Values;

    /// <summary>Dies and comes back: what it held is gone.</summary>
    public void Reboot(string boot)
    {
        (Boot, _sequence) = (boot, 0);
        _held.Clear();
        _finished.Clear();
    }

    public PollRequest Poll(int waitMs = 0, int most = 100) => new()
    {
        Worker = name,
        Boot = Boot,
        Sequence = ++_sequence,
        WaitMs = waitMs,
        Capacity = Room,
        Free = Room,
        MaxLeases = most,
        Finished = [.. _finished.Values],
        Held = [.. _held.Values.Select(l => new HeldLease(l.Task, l.Token))],
    };

    public static string Json(PollRequest poll) => JsonSerializer.Serialize(poll, ContractsJson.Default.PollRequest);

    public static string Path(string worker) => "/" + WorkerRoutes.Poll(worker);

    /// <summary>Sends a poll as it should be, and takes the answer.</summary>
    public async Task<PollResponse> PollAsync(int waitMs = 0, int most = 100)
    {
        using var answer = await server.PostAsync(Path(name), Json(Poll(waitMs, most)));
        var text = await answer.Content.ReadAsStringAsync();
        if (!answer.IsSuccessStatusCode) throw new FuzzException($"A poll as it should be was answered {(int)answer.StatusCode}: {text}");
        var response = JsonSerializer.Deserialize(text, ContractsJson.Default.PollResponse)!;
        Take(response);
        return response;
    }

    public void Take(PollResponse response)
    {
        foreach (var token in response.Settled) _finished.Remove(token);
        foreach (var lease in response.Leases)
            if (!_done.Contains(lease.Token)) _held.TryAdd(lease.Token, lease);
        foreach (var cancel in response.Cancel)
        {
            if (!_held.Remove(cancel.Token, out var lease)) continue;
            _done.Add(cancel.Token);
            if (!cancel.Void) Report(Ended(lease, AttemptOutcome.Cancelled));
        }
    }

    /// <summary>Ends what is held: each attempt succeeds, or as <paramref name="outcome"/> says.</summary>
    public async Task EndAsync(Lease lease, AttemptOutcome outcome = AttemptOutcome.Succeeded)
    {
        _held.Remove(lease.Token);
        _done.Add(lease.Token);
        var ended = Ended(lease, outcome);
        if (outcome == AttemptOutcome.Succeeded && lease.Step.Next is Foreach { Over: OverFile })
        {
            using var answer = await server.Client.PutAsync(new Uri("/" + WorkerRoutes.Items(new HeldLease(lease.Task, lease.Token)), UriKind.Relative),
                new ByteArrayContent("1\n\"two\"\n{\"three\":3}\n"u8.ToArray()));
            // The lease may be void by now: then the result is refused, whatever it says.
            if (answer.IsSuccessStatusCode && JsonSerializer.Deserialize(await answer.Content.ReadAsStringAsync(), ContractsJson.Default.ItemsUploaded) is { } uploaded)
                ended = ended with { ItemsFile = uploaded.Items, ItemsCount = uploaded.Count };
        }
        Report(ended);
    }

    public static FinishedAttempt Ended(Lease lease, AttemptOutcome outcome) => new()
    {
        Task = lease.Task,
        Token = lease.Token,
        Outcome = outcome,
        StartedAt = DateTimeOffset.UtcNow,
        EndedAt = DateTimeOffset.UtcNow,
        Output = outcome == AttemptOutcome.Succeeded ? Output : null,
        Error = outcome == AttemptOutcome.Succeeded ? null : new TaskError("exit", "The task ended with exit code 1.", 1),
    };

    /// <summary>Writes a line of log and an artifact for an attempt that is held.</summary>
    public async Task UploadAsync(Lease lease)
    {
        var held = new HeldLease(lease.Task, lease.Token);
        using var log = await server.Client.PutAsync(new Uri("/" + WorkerRoutes.Log(held, 0), UriKind.Relative),
            new StringContent("""{"at":"2026-01-31T18:00:00Z","stream":"out","text":"hello"}""" + "\n", Encoding.UTF8, "application/x-ndjson"));
        using var artifact = await server.Client.PutAsync(new Uri("/" + WorkerRoutes.Artifact(held, "a/report.html"), UriKind.Relative), new StringContent("<b>"));
    }

    private void Report(FinishedAttempt attempt) => _finished[attempt.Token] = attempt;
}
