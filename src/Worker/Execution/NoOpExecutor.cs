using Fanfare.Contracts;

namespace Fanfare.Worker;

/// <summary>Every task succeeds at once, without a process and without output. For measuring everything else.</summary>
public sealed class NoOpExecutor(TimeProvider time) : ITaskExecutor
{
    public Task<FinishedAttempt> RunAsync(TaskAssignment assignment)
    {
        var now = time.GetUtcNow();
        return Task.FromResult(new FinishedAttempt
        {
            Task = assignment.Lease.Task,
            Token = assignment.Lease.Token,
            Outcome = AttemptOutcome.Succeeded,
            StartedAt = now,
            EndedAt = now,
        });
    }
}
