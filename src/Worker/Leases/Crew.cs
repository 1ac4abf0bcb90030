using Fanfare.Contracts;
using Fanfare.Contracts.Api;
using Fanfare.Worker.Logs;

namespace Fanfare.Worker.Leases;

/// <summary>The attempts that run now, and their way back into the table.</summary>
internal sealed class Crew(LeaseTable table, ITaskExecutor executor, TimeProvider time, IWorkerLog log)
{
    private readonly Lock _lock = new();
    private readonly HashSet<Task> _running = [];

    /// <summary>Starts attempts; what their ends make room for starts too.</summary>
    public void Start(IReadOnlyList<HeldTask> tasks)
    {
        foreach (var task in tasks)
        {
            var run = RunAsync(task);
            if (run.IsCompleted) continue;
            lock (_lock) _running.Add(run);
            _ = run.ContinueWith(
                done =>
                {
                    lock (_lock) _running.Remove(done);
                },
                CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>Waits for the end of all that was told to stop; after <paramref name="patience"/> uploads are given up.</summary>
    public async Task EndAsync(TimeSpan patience)
    {
        var all = AllAsync();
        try
        {
            await all.WaitAsync(patience, time);
        }
        catch (TimeoutException)
        {
            table.AbandonUploads();
            await all;
        }
    }

    private async Task AllAsync()
    {
        while (true)
        {
            Task[] running;
            lock (_lock) running = [.. _running];
            if (running.Length == 0) return;
            await Task.WhenAll(running);
            await Task.Yield();
        }
    }

    private async Task RunAsync(HeldTask task)
    {
        var (assignment, since) = (task.Assignment!, time.GetTimestamp());
        log.Of(LogSeverity.Debug, task.Lease, "starts.");
        FinishedAttempt attempt;
        try
        {
            await using var told = assignment.Stop.Register(() => log.IsToEnd(assignment));
            attempt = await executor.RunAsync(assignment);
        }
#pragma warning disable CA1031 // Whatever goes wrong with one attempt, the others and the worker go on, and the loss is reported.
        catch (Exception e)
#pragma warning restore CA1031
        {
            log.Of(LogSeverity.Error, task.Lease, $"meets a mistake of the worker: {e}");
            attempt = new FinishedAttempt
            {
                Task = task.Lease.Task,
                Token = task.Lease.Token,
                Outcome = AttemptOutcome.Lost,
                EndedAt = time.GetUtcNow(),
                Error = new TaskError("worker", $"The worker failed: {e.Message}"),
            };
        }
        log.Ended(assignment, attempt, time.GetElapsedTime(since));
        Start(table.Finish(task, attempt));
    }
}
