namespace Fanfare.Contracts;

/// <summary>Which format of the journal (<see cref="JournalFormat"/>) it takes to keep a spec: a release refuses a stored one with a member that it does not know, since it would not mean the same without.</summary>
public static class SpecFormat
{
    /// <summary>The oldest that has all that the spec says.</summary>
    public static int Of(FlowSpec spec) => Added(spec).Select(part => part.Format).DefaultIfEmpty(1).Max();

    /// <summary>As <see cref="Of(FlowSpec)"/>, of its canonical form. What no release can read is as old as the format.</summary>
    public static int Of(string canonical)
    {
        try
        {
            return Of(FlowSpecJson.Read(canonical));
        }
        catch (JournalFormatException)
        {
            return 1;
        }
    }

    /// <summary>The first part of the spec that a format does not have, for people; null when it has all.</summary>
    public static string? Beyond(FlowSpec spec, int format) => Added(spec).FirstOrDefault(part => part.Format > format).Part;

    // A member that is added to specs is named here with its format.
    private static IEnumerable<(int Format, string Part)> Added(FlowSpec spec)
    {
        if (spec.Schedules is not null) yield return (2, "'schedules'");
        if (spec.Triggers is not null) yield return (2, "'triggers'");
        if (spec.Notify is not null) yield return (2, "'notify'");
        foreach (var step in spec.Steps)
        {
            if (step.Gang is not null) yield return (2, $"'gang' of step '{step.Name}'");
            if (step.Warm is not null) yield return (2, $"'warm' of step '{step.Name}'");
        }
    }
}
