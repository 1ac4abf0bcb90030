using Fanfare.Contracts;
using Fanfare.Engine;

namespace Fanfare.Bench;

/// <summary>A worker in the process whose tasks end as soon as they are leased: each result comes under its own token with its own times.
/// At most <paramref name="inFlight"/> attempts are held.</summary>
internal sealed class NoOpWorker(EngineNode node, string name, int inFlight)
{
    private readonly string _boot = Guid.NewGuid().ToString("n");

    public long Completed { get; private set; }

    public async Task RunAsync(CancellationToken stop)
    {
        var capacity = new ResourceSpec(inFlight, 0, 0, 0);
        var finished = new List<FinishedAttempt>();
        for (var sequence = 1L; !stop.IsCancellationRequested; sequence++)
        {
            var response = await node.PollAsync(new PollRequest
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
            Completed += finished.Count(f => settled.Contains(f.Token));
            finished = [.. finished.Where(f => !settled.Contains(f.Token))];
            foreach (var lease in response.Leases)
            {
                var now = DateTimeOffset.UtcNow;
                finished.Add(new FinishedAttempt { Task = lease.Task, Token = lease.Token, Outcome = AttemptOutcome.Succeeded, StartedAt = now, EndedAt = now });
            }
        }
    }
}
