using System.Text;
using Fanfare.Simulation.Cluster;
using Fanfare.Simulation.Kernel;
using Fanfare.Simulation.Store;

namespace Fanfare.Simulation.Checks;

/// <summary>Writes a violation down so that a reader sees how it came: the seed, the command that replays it, and what happened around it.</summary>
internal sealed class Timeline(DurableStore store, VirtualLoop loop, SideEffects effects)
{
    private const int Lines = 120;

    public string Of(ulong seed, IReadOnlyList<Violation> violations)
    {
        var text = new StringBuilder();
        text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"Seed {seed} breaks an invariant. See it again with:");
        text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"  FANFARE_SEED={seed} dotnet test tests/Simulation --filter Replay");
        foreach (var violation in violations.Take(8)) text.AppendLine("  * " + violation.What);
        if (violations.Count > 8) text.AppendLine(System.Globalization.CultureInfo.InvariantCulture, $"  and {violations.Count - 8} more");
        var about = violations.FirstOrDefault(v => v.Run is not null)?.Run;
        text.AppendLine(about is null ? "What happened last:" : $"What happened around run {about}, in virtual seconds:");
        foreach (var line in Around(about)) text.AppendLine("  " + line);
        return text.ToString();
    }

    private List<string> Around(string? run)
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
        var most = int.TryParse(Environment.GetEnvironmentVariable("FANFARE_LINES"), out var asked) ? asked : Lines;
        return sorted.Count <= most ? sorted : [$"({sorted.Count - most} lines before; FANFARE_LINES=N shows more)", .. sorted.Skip(sorted.Count - most)];
    }

    private static string Short(string json) => json.Length <= 260 ? json : json[..260] + "...";
}
