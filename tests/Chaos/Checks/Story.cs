using System.Globalization;
using System.Text;
using Fanfare.Chaos.Faults;
using Fanfare.Chaos.Sites;

namespace Fanfare.Chaos.Checks;

/// <summary>Writes down what happened to the run of a violation, from all that is known, so that its cause can be found.</summary>
internal sealed class Story(Reading reading, IReadOnlyList<EffectLine> effects, IReadOnlyList<FaultWindow> faults)
{
    private const int MostViolations = 20, MostStories = 3, MostLines = 150;

    public string Of(IReadOnlyList<Violation> violations)
    {
        var text = new StringBuilder();
        foreach (var violation in violations.Take(MostViolations)) text.AppendLine("  * " + violation.What);
        if (violations.Count > MostViolations) text.AppendLine(CultureInfo.InvariantCulture, $"  and {violations.Count - MostViolations} more");
        foreach (var run in violations.Select(v => v.Run).OfType<string>().Distinct().Take(MostStories))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Run {run} by the journal:");
            foreach (var recorded in reading.Events.Where(e => e.Stream.RunId == run).TakeLast(MostLines))
                text.AppendLine(CultureInfo.InvariantCulture, $"  {recorded.Position} {recorded.CommittedAt:HH:mm:ss.fff} {recorded.Process} {recorded.Stream.Name} #{recorded.Entry.Sequence} {Short(recorded.Json)}");
            text.AppendLine("by its tasks, in seconds since boot:");
            foreach (var line in effects.Where(e => e.Run == run).TakeLast(MostLines))
                text.AppendLine(CultureInfo.InvariantCulture, $"  {line.At:0.00} {line.Task} attempt {line.Attempt} {(line.Starts ? "starts" : "ends")} {line.Word} (process {line.Process}, {line.Mark})");
        }
        text.AppendLine("Faults, in seconds since boot:");
        foreach (var fault in faults.OrderBy(f => f.From)) text.AppendLine(CultureInfo.InvariantCulture, $"  {fault.From:0.00} to {fault.To:0.00} {fault.Kind} of {fault.Target}");
        return text.ToString();
    }

    private static string Short(string json) => json.Length <= 200 ? json : json[..200] + "…";
}
