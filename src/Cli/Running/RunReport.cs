using System.Text.Json;
using Fanfare.Cli.Api;

namespace Fanfare.Cli.Running;

/// <summary>An artifact and where to get it.</summary>
internal sealed record ArtifactLink(string Task, string Name, long Bytes, string Url);

/// <summary>What a run came to.</summary>
/// <param name="Outputs">What the last step put out; null when it put out nothing.</param>
/// <param name="OutputsOf">The task that put it out.</param>
internal sealed record RunReport(
    RunView Run, string Url, IReadOnlyList<StepView> Steps, IReadOnlyList<TaskView> FailedTasks, string? OutputsOf, JsonElement? Outputs,
    IReadOnlyList<ArtifactLink> Artifacts)
{
    private const int FailedShown = 20, ArtifactsShown = 50, StepsAsked = 5;

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
        foreach (var step in snapshot.Steps.Reverse().Where(s => s.Succeeded > 0).Take(StepsAsked))
        {
            var tasks = await api.ListTasksAsync(snapshot.Run.Run, step.Step, null, ArtifactsShown, null, cancellationToken);
            var artifacts = tasks.Items.SelectMany(t => (t.Artifacts ?? []).Select(a =>
                new ArtifactLink(t.Task, a.Name, a.Bytes, api.ArtifactLink(snapshot.Run.Run, t.Task, a.Name)))).Take(ArtifactsShown).ToList();
            // Of a step that went round a loop, the last task counts.
            var output = tasks.Items.LastOrDefault(t => t.Output is { ValueKind: JsonValueKind.Object } o && o.EnumerateObject().Any());
            if (output is not null || artifacts.Count > 0) return (output, artifacts);
        }
        return (null, []);
    }
}
