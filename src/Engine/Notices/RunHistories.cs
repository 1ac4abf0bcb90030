using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>How long runs of flows took, read from the store and kept for a while. Bounded.</summary>
internal sealed class RunHistories(IReadModel readModel)
{
    private const int MostFlows = 1_000, MostSteps = 1_000, StepsPage = 500;

    private static readonly TimeSpan _keptFor = TimeSpan.FromMinutes(1);

    private readonly RecentlyUsed<(string Namespace, string Flow), (RunHistory History, TimeSpan ReadAt)> _flows = new(MostFlows);

    /// <param name="uptime">Now, by the node's monotonic time.</param>
    public async Task<RunHistory> OfAsync(string ns, string flow, TimeSpan uptime, CancellationToken cancellationToken)
    {
        if (_flows.TryGet((ns, flow), out var known) && uptime - known.ReadAt < _keptFor) return known.History;
        var runs = await readModel.ListRunsAsync(new RunFilter(ns, flow, RunStatus.Succeeded), null, RunHistory.Runs, cancellationToken);
        var past = new List<(RunRow, IReadOnlyList<StepRow>)>();
        foreach (var run in runs.Items) past.Add((run, await StepsOfAsync(readModel, run, MostSteps, cancellationToken)));
        var history = new RunHistory(past);
        _flows.Set((ns, flow), (history, uptime));
        return history;
    }

    /// <summary>A run of the flow has succeeded. Where there were few before, it matters.</summary>
    public void Succeeded(string ns, string flow)
    {
        if (_flows.TryGet((ns, flow), out var known) && known.History.Count < RunHistory.Runs) _flows.Remove((ns, flow));
    }

    /// <summary>The openings of a run's steps, in their order.</summary>
    /// <param name="most">No more than about so many.</param>
    public static async Task<IReadOnlyList<StepRow>> StepsOfAsync(IReadModel readModel, RunRow run, int most, CancellationToken cancellationToken)
    {
        var steps = new List<StepRow>();
        for (string? cursor = null; ;)
        {
            var page = await readModel.ListStepsAsync(run.Namespace, run.Run, cursor, StepsPage, cancellationToken);
            steps.AddRange(page.Items);
            if (page.Next is null || steps.Count >= most) return steps;
            cursor = page.Next;
        }
    }
}
