using Fanfare.Simulation.Cluster;
using Fanfare.Simulation.Kernel;
using Fanfare.Simulation.Store;

namespace Fanfare.Simulation.Checks;

/// <summary>What happened in a life, as lines that a reader can follow: what befell nodes and workers, the events, the starts and ends of attempts.</summary>
internal sealed class Timeline(DurableStore store, VirtualLoop loop, SideEffects effects)
{
    /// <param name="run">Only what concerns this run, and nodes and workers; null for all.</param>
    /// <param name="most">The last so many lines.</param>
    public IReadOnlyList<string> Around(string? run, int most)
    {
        var lines = loop.TraceLines.Where(l => run is null || !l.Contains("-run", StringComparison.Ordinal) || l.Contains(run, StringComparison.Ordinal)).ToList();
        lines.AddRange(store.History.Where(h => run is null || h.Stream.RunId == run).Select(h =>
            $"{VirtualLoop.Stamp(h.CommittedAt)} {h.Process,-7} {h.Stream.Name} #{h.Entry.Sequence} {Short(h.Json)}"));
        foreach (var execution in effects.All.Where(e => run is null || e.Lease.Task.Run == run))
        {
            lines.Add($"{VirtualLoop.Stamp(execution.StartedAt)} {execution.Boot} runs {execution.Lease.Name} attempt {execution.Lease.Attempt}");
            if (execution.EndedAt is { } ended) lines.Add($"{VirtualLoop.Stamp(ended)} {execution.Boot} ends {execution.Lease.Name} attempt {execution.Lease.Attempt}: {execution.How}");
        }
        var sorted = lines.OrderBy(l => l[..12], StringComparer.Ordinal).ToList();
        return sorted.Count <= most ? sorted : [$"({sorted.Count - most} lines before; --lines N shows more)", .. sorted.Skip(sorted.Count - most)];
    }

    private static string Short(string json) => json.Length <= 260 ? json : json[..260] + "...";
}
