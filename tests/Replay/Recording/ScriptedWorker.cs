using System.Collections.Concurrent;
using Fanfare.Contracts;
using Fanfare.Engine;

namespace Fanfare.Replay.Recording;

/// <summary>How an attempt of the script ends; <see cref="Hold"/> for one that runs until it is told to end.</summary>
internal sealed record Answer(AttemptOutcome Outcome, string? Output = null, TaskError? Error = null)
{
    public static readonly Answer Hold = new(AttemptOutcome.Lost);

    public IReadOnlyList<Artifact>? Artifacts { get; init; }

    public FileItems? Items { get; init; }

    public int Count { get; init; }

    public static Answer Ok(string? output = null) => new(AttemptOutcome.Succeeded, output);

    public static Answer Exit(int code) => new(AttemptOutcome.Failed, Error: new TaskError("exit", $"The task ended with exit code {code}.", code));

    public static Answer Lost(string why) => new(AttemptOutcome.Lost, Error: new TaskError("worker", why));
}

/// <summary>A worker in the process whose attempts end as a script says.</summary>
internal sealed class ScriptedWorker(EngineNode node, string name, Func<Lease, Answer> script)
{
    private static readonly ResourceSpec Room = new(1000, 1L << 40, 8, 1L << 40);

    private readonly ConcurrentDictionary<string, Lease> _held = [];
    private readonly ConcurrentQueue<FinishedAttempt> _finished = [];
    private volatile string _boot = "boot-0";
    private int _boots;

    /// <summary>Names of the tasks held now.</summary>
    public IEnumerable<string> Held => _held.Values.Select(l => l.Name);

    /// <summary>Ends an attempt that is held, and returns its lease.</summary>
    public Lease Settle(string task, Answer answer)
    {
        var lease = _held.Values.Single(l => l.Name == task);
        End(lease, answer);
        return lease;
    }

    /// <summary>Reports the end of an attempt that this worker no longer has.</summary>
    public void ReportStale(Lease lease) => _finished.Enqueue(Finished(lease, Answer.Ok()));

    /// <summary>Dies and comes back: what it held is gone.</summary>
    public void Reboot()
    {
        _held.Clear();
        _boot = $"boot-{++_boots}";
    }

    public async Task RunAsync(CancellationToken stop)
    {
        var (boot, sequence) = ("", 0L);
        var unsettled = new List<FinishedAttempt>();
        while (!stop.IsCancellationRequested)
        {
            (boot, sequence) = boot == _boot ? (boot, sequence + 1) : (_boot, 1);
            while (_finished.TryDequeue(out var finished)) unsettled.Add(finished);
            var response = await node.PollAsync(new PollRequest
            {
                Worker = name,
                Boot = boot,
                Sequence = sequence,
                WaitMs = 20,
                Capacity = Room,
                Free = Room,
                MaxLeases = 100,
                Finished = unsettled,
                Held = [.. _held.Values.Select(l => new HeldLease(l.Task, l.Token))],
            }, stop);
            unsettled.RemoveAll(f => response.Settled.Contains(f.Token));
            if (boot != _boot) continue;
            foreach (var lease in response.Leases) Take(lease);
            foreach (var cancel in response.Cancel)
                if (_held.TryGetValue(cancel.Token, out var lease)) End(lease, new Answer(AttemptOutcome.Cancelled, Error: new TaskError("cancelled", cancel.Reason)));
        }
    }

    private void Take(Lease lease)
    {
        _held[lease.Token] = lease;
        var answer = script(lease);
        if (answer != Answer.Hold) End(lease, answer);
    }

    private void End(Lease lease, Answer answer)
    {
        if (_held.TryRemove(lease.Token, out _)) _finished.Enqueue(Finished(lease, answer));
    }

    private static FinishedAttempt Finished(Lease lease, Answer answer)
    {
        var now = DateTimeOffset.UtcNow;
        return new FinishedAttempt
        {
            Task = lease.Task,
            Token = lease.Token,
            Outcome = answer.Outcome,
            StartedAt = now,
            EndedAt = now,
            Error = answer.Error,
            Output = answer.Output,
            Artifacts = answer.Artifacts,
            ItemsFile = answer.Items,
            ItemsCount = answer.Count,
        };
    }
}
