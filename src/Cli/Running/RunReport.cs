using System.Text.Json;
using Fanfare.Cli.Api;

namespace Fanfare.Cli.Running;

/// <summary>An artifact and where to get it.</summary>
/// <param name="File">Where it lies on this machine; null when the server keeps it elsewhere.</param>
internal sealed record ArtifactLink(string Task, string Name, long Bytes, string Url, string? File);

/// <summary>What a run came to.</summary>
/// <param name="Outputs">What the last step put out; null when it put out nothing.</param>
/// <param name="OutputsOf">The task that put it out.</param>
internal sealed record RunReport(
    RunView Run, string Url, IReadOnlyList<StepView> Steps, IReadOnlyList<TaskView> FailedTasks, string? OutputsOf, JsonElement? Outputs,
    IReadOnlyList<ArtifactLink> Artifacts)
{
    private const int FailedShown = 20, ArtifactsShown = 50, StepsAsked = 5, TasksAsked = 10;

    public static async Task<RunReport> ReadAsync(ApiClient api, RunSnapshot snapshot, CancellationToken cancellationToken)
    {
        var run = snapshot.Run.Run;
        var failed = snapshot.Openings.Any(o => o.Failed > 0)
            ? (await api.ListTasksAsync(run, null, TaskStatus.Failed, FailedShown, null, cancellationToken)).Items
            : [];
        var (last, artifacts) = await LastAsync(api, snapshot, cancellationToken);
        return new RunReport(snapshot.Run, api.Link(snapshot.Run.Page), snapshot.Openings, failed, last?.Task, last?.Output, artifacts);
    }

    // The last step that left something: a step of finally often leaves nothing.
    private static async Task<(TaskView? Task, IReadOnlyList<ArtifactLink> Artifacts)> LastAsync(
        ApiClient api, RunSnapshot snapshot, CancellationToken cancellationToken)
    {
        var data = (await api.GetVersionAsync(cancellationToken)).DataDirectory;
        // By their end: a join is opened long before the steps that it waits for are done.
        var steps = snapshot.Openings.Where(o => o.Succeeded > 0).OrderByDescending(o => o.EndedAt).Select(o => o.Step).Distinct();
        foreach (var step in steps.Take(StepsAsked))
        {
            var page = await api.ListTasksAsync(snapshot.Run.Run, step, null, ArtifactsShown, null, cancellationToken);
            // A listing leaves outputs and artifacts out; of a step that went round a loop, the last task counts.
            var tasks = new List<TaskView>();
            foreach (var task in page.Items.TakeLast(TasksAsked)) tasks.Add(await api.GetTaskAsync(snapshot.Run.Run, task.Task, cancellationToken));
            var artifacts = tasks.SelectMany(t => (t.Artifacts ?? []).Select(a => new ArtifactLink(
                t.Task, a.Name, a.Bytes, api.ArtifactLink(snapshot.Run.Run, t.Task, a.Name), FileOf(data, api.Namespace, snapshot.Run, t, a.Name)))).Take(ArtifactsShown).ToList();
            var output = tasks.LastOrDefault(t => t.Output is { ValueKind: JsonValueKind.Object } o && o.EnumerateObject().Any());
            if (output is not null || artifacts.Count > 0) return (output, artifacts);
        }
        return (null, []);
    }

    // A flow ends outside any split, so its last step has one loop counter; a step inside one is shown by its address only.
    private static string? FileOf(string data, string ns, RunView run, TaskView task, string artifact)
    {
        if (task.Splits.Length > 0 || !StepKey.TryParse(task.Task, 1, out var key)) return null;
        var name = BlobNames.Artifact(new TaskRef(ns, run.Run, key, 0), task.Attempt, artifact);
        var file = Path.Combine(data, "blobs", name);
        return File.Exists(file) ? file : null;
    }
}
