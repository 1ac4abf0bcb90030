using Fanfare.Contracts;

namespace Fanfare.Bench;

/// <summary>A worker whose tasks end as soon as they are leased: each result comes under its own token with its own times.
/// At most <paramref name="inFlight"/> attempts are held.</summary>
internal sealed class NoOpWorker(Func<PollRequest, CancellationToken, Task<PollResponse>> poll, string name, int inFlight, Completions ended)
{
    private readonly string _boot = Guid.NewGuid().ToString("n");

    public NoOpWorker(IScheduler node, string name, int inFlight, Completions ended)
        : this(node.PollAsync, name, inFlight, ended)
    {
    }

    /// <summary>Told of each lease.</summary>
    public Action<Lease>? Leased { get; init; }

    /// <summary>Makes another end of the one that a task would have.</summary>
    public Func<Lease, FinishedAttempt, FinishedAttempt>? Ending { get; init; }

    public async Task RunAsync(CancellationToken stop)
    {
        var capacity = new ResourceSpec(inFlight, 0, 0, 0);
        var finished = new List<FinishedAttempt>();
        for (var sequence = 1L; !stop.IsCancellationRequested; sequence++)
        {
            var response = await poll(new PollRequest
            {
                Worker = name,
                Boot = _boot,
                Sequence = sequence,
                WaitMs = finished.Count > 0 ? 5 : 200,
                Capacity = capacity,
                Free = capacity,
                MaxLeases = inFlight,
                Finished = finished,
            }, stop);
            var settled = response.Settled.ToHashSet();
            ended.Add(finished.Count(f => settled.Contains(f.Token)));
            finished = [.. finished.Where(f => !settled.Contains(f.Token))];
            foreach (var lease in response.Leases)
            {
                Leased?.Invoke(lease);
                var now = DateTimeOffset.UtcNow;
                var end = new FinishedAttempt { Task = lease.Task, Token = lease.Token, Outcome = AttemptOutcome.Succeeded, StartedAt = now, EndedAt = now };
                finished.Add(Ending?.Invoke(lease, end) ?? end);
            }
        }
    }
}
