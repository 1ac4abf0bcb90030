namespace Fanfare.Chaos.Workload;

/// <summary>People who cancel, pause, resume and retry runs, and kill, retry and skip tasks, while all else goes wrong. Each command is insisted on
/// until the server says yes or no.</summary>
internal sealed class Operators(Insistence client, OrderBook orders, int seed)
{
    private readonly Random _random = new(seed);
    private readonly HashSet<string> _paused = [];
    private readonly SortedDictionary<string, int> _done = [];

    /// <summary>Commands that were carried out, by verb.</summary>
    public static string Counts(IEnumerable<Operators> all) =>
        string.Join(", ", all.SelectMany(o => o._done).GroupBy(d => d.Key, d => d.Value).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Key} {g.Sum()}"));

    public async Task RunAsync(CancellationToken cancel)
    {
        try
        {
            while (true)
            {
                await Task.Delay(_random.Next(50, 500), cancel);
                await ActAsync(cancel);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // The campaign is over.
        }
    }

    /// <summary>Nobody is left paused: such a run would wait for ever, and rightly.</summary>
    public static async Task ResumeAllAsync(Insistence client, CancellationToken cancel)
    {
        foreach (var run in await client.ListAsync<RunView>("/api/v1/runs?active=true&limit=1000", cancel))
            await client.AskAsync(HttpMethod.Post, $"/api/v1/runs/{run.Run}:resume", new { }, cancel);
    }

    private async Task ActAsync(CancellationToken cancel)
    {
        var active = (await client.AskAsync<ListResponse<RunView>>(HttpMethod.Get, "/api/v1/runs?active=true&limit=1000", null, cancel)).Items;
        switch (_random.Next(12))
        {
            case 0 or 1 when Pick(active) is { } run:
                await CommandAsync(run.Run, "cancel", cancel);
                break;
            case 2 or 3 or 4 when Pick(active) is { } run:
                if (await CommandAsync(run.Run, "pause", cancel)) _paused.Add(run.Run);
                break;
            case 5 or 6 or 7 when _paused.Count > 0:
                var paused = _paused.ElementAt(_random.Next(_paused.Count));
                _paused.Remove(paused);
                await CommandAsync(paused, "resume", cancel);
                break;
            case 8 when orders.All is { Count: > 0 } all:
                await RetryAsync(all[_random.Next(all.Count)].Run, cancel);
                break;
            case 9 when Pick(active) is { } run:
                await CommandTaskAsync(run.Run, "running", "kill", cancel);
                break;
            case 10 when Pick(active) is { } run:
                await CommandTaskAsync(run.Run, "failed", "retry", cancel);
                break;
            case 11 when Pick(active) is { } run:
                await CommandTaskAsync(run.Run, _random.Next(2) == 0 ? "backoff" : "failed", "skip", cancel);
                break;
        }
    }

    private RunView? Pick(IReadOnlyList<RunView> runs) => runs.Count == 0 ? null : runs[_random.Next(runs.Count)];

    // Only what failed or was cancelled can be retried; all else is refused, and that is an answer too.
    private Task<bool> RetryAsync(string run, CancellationToken cancel) => CommandAsync(run, "retry", cancel, _random.Next(3) == 0 ? new { from_step = "start" } : null);

    private async Task<bool> CommandAsync(string run, string verb, CancellationToken cancel, object? body = null) =>
        Count(verb, (await client.AskAsync(HttpMethod.Post, $"/api/v1/runs/{run}:{verb}", body ?? new { }, cancel)).Status);

    private async Task CommandTaskAsync(string run, string status, string verb, CancellationToken cancel)
    {
        var tasks = (await client.AskAsync<ListResponse<TaskView>>(HttpMethod.Get, $"/api/v1/runs/{run}/tasks?status={status}&limit=100", null, cancel)).Items;
        if (tasks.Count == 0) return;
        var task = tasks[_random.Next(tasks.Count)].Task;
        object body = verb == "skip" ? new { output = new { v = "skipped" } } : new { };
        Count(verb + " task", (await client.AskAsync(HttpMethod.Post, $"/api/v1/runs/{run}/tasks/{Uri.EscapeDataString(task)}:{verb}", body, cancel)).Status);
    }

    private bool Count(string verb, int status)
    {
        if (status >= 300) return false;
        _done[verb] = _done.GetValueOrDefault(verb) + 1;
        return true;
    }
}
