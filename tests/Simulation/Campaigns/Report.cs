using System.Globalization;
using System.Text;

namespace Fanfare.Simulation.Campaigns;

/// <summary>Writes a violation down so that a reader sees how it came: what is wrong, the command that lives it again, the fewest faults that bring it
/// about, and what happened around it.</summary>
internal static class Report
{
    private const int Violations = 8;

    public static string Of(Life failed, Life smallest, int lines)
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"Seed {failed.Plan.Seed} breaks an invariant. See it again with:");
        text.AppendLine(CultureInfo.InvariantCulture, $"  ./simulate --from {failed.Plan.Seed} --seeds 1");
        Tell(text, failed);
        text.AppendLine(CultureInfo.InvariantCulture, $"Shrunk from {failed.Flows.Count} flows and {failed.Struck.Count} faults to {smallest.Flows.Count} and {smallest.Struck.Count}:");
        text.AppendLine(CultureInfo.InvariantCulture, $"  ./simulate --from {failed.Plan.Seed} --seeds 1 --flows '{string.Join(";", smallest.Flows)}' --faults '{string.Join(";", smallest.Struck)}'");
        Tell(text, smallest);
        text.AppendLine("What happened in that smaller life, in virtual seconds:");
        foreach (var line in smallest.Timeline(lines)) text.AppendLine("  " + line);
        return text.ToString();
    }

    private static void Tell(StringBuilder text, Life life)
    {
        foreach (var violation in life.Violations.Take(Violations)) text.AppendLine("  * " + violation.What);
        if (life.Violations.Count > Violations) text.AppendLine(CultureInfo.InvariantCulture, $"  and {life.Violations.Count - Violations} more");
    }
}
