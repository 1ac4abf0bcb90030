using Fanfare.Chaos.Workload;

namespace Fanfare.Chaos.Checks;

/// <summary>All that the API says of all runs at one time.</summary>
internal sealed record Picture(
    IReadOnlyDictionary<string, RunView> Runs, IReadOnlyDictionary<(string Run, string Task), TaskView> Tasks, IReadOnlyDictionary<(string Run, string Key), StepView> Steps,
    IReadOnlyDictionary<(string Run, string Task), IReadOnlyList<AttemptView>> Attempts, IReadOnlyDictionary<string, IReadOnlyList<EventView>> Histories)
{
    public static async Task<Picture> TakeAsync(Insistence client, CancellationToken cancel)
    {
        var runs = await client.ListAsync<RunView>("/api/v1/runs?limit=1000", cancel);
        var (tasks, steps) = (new Dictionary<(string, string), TaskView>(), new Dictionary<(string, string), StepView>());
        var (attempts, histories) = (new Dictionary<(string, string), IReadOnlyList<AttemptView>>(), new Dictionary<string, IReadOnlyList<EventView>>());
        foreach (var run in runs.Select(r => r.Run))
        {
            var path = $"/api/v1/runs/{run}";
            foreach (var step in await client.ListAsync<StepView>($"{path}/steps?limit=1000", cancel)) steps.Add((run, step.Key), step);
            foreach (var task in await client.ListAsync<TaskView>($"{path}/tasks?limit=1000", cancel))
            {
                // Listings leave outputs out.
                tasks.Add((run, task.Task), await client.AskAsync<TaskView>(HttpMethod.Get, TaskPath(run, task.Task), null, cancel));
                // A task of one attempt says all of it itself.
                if (task.Attempt > 0) attempts.Add((run, task.Task), (await client.AskAsync<ListResponse<AttemptView>>(HttpMethod.Get, $"{TaskPath(run, task.Task)}/attempts", null, cancel)).Items);
            }
            histories.Add(run, await client.ListAsync<EventView>($"{path}/history?limit=1000", cancel));
        }
        return new Picture(runs.ToDictionary(r => r.Run), tasks, steps, attempts, histories);
    }

    public static string TaskPath(string run, string task) => $"/api/v1/runs/{run}/tasks/{Uri.EscapeDataString(task)}";
}
