using Fanfare.Contracts;

namespace Fanfare.Bench;

internal static class RunEnd
{
    /// <summary>Waits until the run has succeeded; woken by commits, so that the wait costs the engine nothing.</summary>
    /// <exception cref="InvalidOperationException">It ended otherwise.</exception>
    /// <param name="done">Completes when the last task has ended, if that is known: it is worth to ask only then.</param>
    public static async Task AwaitAsync(LocalEngine engine, string run, Task? done = null)
    {
        using var committed = new SemaphoreSlim(0);
        void OnCommitted(long position, IReadOnlyCollection<(string Namespace, string Run)> runs)
        {
            if (committed.CurrentCount == 0) committed.Release();
        }
        engine.Journal.Committed += OnCommitted;
        try
        {
            if (done is not null) await done;
            while (true)
            {
                var row = await engine.ReadModel.GetRunAsync("default", run, default);
                if (row?.Status == RunStatus.Succeeded) return;
                if (row is not null && row.Status.IsTerminal()) throw new InvalidOperationException($"Run {run} ended as {row.Status}: {row.Error?.Message}");
                await committed.WaitAsync(TimeSpan.FromSeconds(60));
                await Task.Delay(1);
            }
        }
        finally
        {
            engine.Journal.Committed -= OnCommitted;
        }
    }
}
