using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What must hold of a flow's rules about who is told, so that each of them can come to something, and nobody is told twice.</summary>
internal static class NotifyRules
{
    public static void Check(StepIndex index)
    {
        if (index.Spec.Notify is not { } rules) return;
        if (rules.Count > Limits.NotifyRules)
        {
            index.Error("notify", $"The flow has {rules.Count} rules about who is told; it may have at most {Limits.NotifyRules}.", "Bring some together: 'on' and 'to' take lists.");
            return;
        }
        var told = new HashSet<(NoticeKind Kind, string Receiver, TimeSpan? Within)>();
        for (var i = 0; i < rules.Count; i++) Check(index, rules[i], $"notify[{i}]", told);
    }

    private static void Check(StepIndex index, NotifySpec rule, string path, HashSet<(NoticeKind, string, TimeSpan?)> told)
    {
        if (rule.On.Count == 0) index.Error($"{path}.on", "The rule is about nothing.", "Name what it is about.");
        if (rule.To.Count is 0 or > Limits.NotifyReceivers) index.Error($"{path}.to", $"The rule tells {rule.To.Count} receivers; it must be 1 to {Limits.NotifyReceivers}.", "Name a receiver, or make several rules.");
        foreach (var name in rule.To.Where(name => !Names.IsValid(name)))
            index.Error($"{path}.to", $"'{name}' is no valid name of a receiver: {Names.Rule}.", "Choose a name of that form.");
        var late = rule.On.Contains(NoticeKind.Late);
        if (late && rule.Within is null) index.Error($"{path}.on", "It is not said when a run is late.", "Give 'within': how long a run may take, as 2h.");
        if (!late && rule.Within is not null) index.Error($"{path}.within", "'within' says when a run is late, and the rule is not about that.", "Leave it out, or add 'late' to 'on'.");
        if (rule.Within is { } within && (within <= TimeSpan.Zero || within > TimeSpan.FromDays(366))) index.Error($"{path}.within", "A run is late after more than zero and at most 366 days.", "Give a duration like 2h.");
        if (rule.On.Contains(NoticeKind.Skipped) && index.Spec.Schedules is null or { Count: 0 })
            index.Error($"{path}.on", "Only a schedule can skip an interval, and the flow has none.", "Leave 'skipped' out, or give the flow a schedule.");
        foreach (var kind in rule.On)
        {
            foreach (var receiver in rule.To)
            {
                // Who is told after 2 h may well be told again after 4 h.
                if (!told.Add((kind, receiver, kind == NoticeKind.Late ? rule.Within : null)))
                    index.Error(path, $"'{receiver}' is told of '{kind.ToString().ToLowerInvariant()}' twice.", "Say it once.");
            }
        }
    }
}
