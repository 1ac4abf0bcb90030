using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>The rules for names and for what they refer to.</summary>
internal static class NameRules
{
    private const int MostParameters = 256;

    public static void Check(StepIndex index)
    {
        var spec = index.Spec;
        CheckName(index, "name", "The flow's name", spec.Name);
        CheckParameters(index);
        var seen = new HashSet<string>();
        foreach (var step in spec.Steps)
        {
            CheckName(index, $"steps.{step.Name}", "The step's name", step.Name);
            if (!seen.Add(step.Name))
                index.Error($"steps.{step.Name}", $"There are two steps named '{step.Name}'; names of steps are unique.", "Rename one of them.");
            CheckName(index, $"steps.{step.Name}.queue", "The queue's name", step.Queue);
            CheckNext(index, step);
        }
        CheckStart(index);
        var named = new HashSet<string>();
        CheckHandlers(index, "on_failure", spec.OnFailure, named);
        CheckHandlers(index, "finally", spec.Finally, named);
    }

    /// <summary>The steps that misspelt references probably meant.</summary>
    public static IEnumerable<string> Misspelt(StepIndex index) =>
        from step in index.Steps
        from edge in Edge.Of(step)
        where !index.Contains(edge.To)
        let meant = index.Nearest(edge.To)
        where meant is not null
        select meant;

    private static void CheckName(StepIndex index, string path, string what, string name)
    {
        if (!Names.IsValid(name))
            index.Error(path, $"{what} '{Shorten(name)}' is not valid: {Names.Rule}.", "Choose a name of that form.");
    }

    private static void CheckParameters(StepIndex index)
    {
        if (index.Spec.Parameters.Count > MostParameters)
            index.Error("parameters", $"The flow has {index.Spec.Parameters.Count} parameters; it may have at most {MostParameters}.", "Bring some together in a parameter of type json.");
        var variables = new Dictionary<string, string>();
        foreach (var parameter in index.Spec.Parameters)
        {
            var path = $"parameters.{parameter.Name}";
            CheckName(index, path, "The parameter's name", parameter.Name);
            var variable = parameter.Name.ToUpperInvariant().Replace('-', '_');
            if (!variables.TryAdd(variable, parameter.Name))
                index.Error(path, $"Parameters '{variables[variable]}' and '{parameter.Name}' would both be the variable FANFARE_PARAM_{variable}; each has its own.", "Rename one of them.");
        }
    }

    private static void CheckStart(StepIndex index)
    {
        var start = index.Spec.Start;
        if (!index.Contains(start))
        {
            index.Error("start", $"The flow starts at step '{Shorten(start)}', which does not exist.", Suggest(index, start, "Name the first step 'start', or set 'start' to the name of the first step."));
            return;
        }
        if (index[start].Join is not null)
            index.Error($"steps.{start}.join", $"Step '{start}' starts the flow and is a join; a join needs a split before it.", "Remove 'join' here.");
        if (index.Handlers.Contains(start))
            index.Error("start", $"Step '{start}' starts the flow and is also in on_failure or finally; those steps stand outside the graph.", "Use a step of its own for each.");
    }

    private static void CheckNext(StepIndex index, StepSpec step)
    {
        foreach (var edge in Edge.Of(step))
        {
            if (!index.Contains(edge.To))
                index.Error(edge.Path, $"Step '{step.Name}' leads to '{Shorten(edge.To)}', which does not exist.", Suggest(index, edge.To, "Add that step, or name one that exists."));
            else if (index.Handlers.Contains(edge.To))
                index.Error(edge.Path, $"Step '{step.Name}' leads to '{edge.To}', which is in on_failure or finally; those steps stand outside the graph.", $"Lead to another step, or take '{edge.To}' out of that list.");
        }
        var path = $"steps.{step.Name}.next";
        switch (step.Next)
        {
            case StaticSplit split:
                if (split.Steps.Count < 2)
                    index.Error(path, $"The split of step '{step.Name}' has {split.Steps.Count} branches; a static split has at least two.", "Give one step's name without a list, or add branches.");
                foreach (var twice in split.Steps.GroupBy(s => s).Where(g => g.Count() > 1))
                    index.Error(path, $"Step '{twice.Key}' stands {twice.Count()} times in the split of step '{step.Name}'; each branch starts at a step of its own.", "Remove the repetition; to run one step several times, use foreach over a range.");
                break;
            case Foreach { Over: OverRange range }:
                CheckRange(index, $"{path}.over.range", range);
                break;
            case Switch { Cases.Count: 0 }:
                index.Error($"{path}.cases", $"The switch of step '{step.Name}' has no case; it needs at least one.", "Add a case, or go on to one step without a switch.");
                break;
            case Switch { MaxLoops: < 1 or > Limits.LoopRounds }:
                index.Error($"{path}.max_loops", $"max_loops is from 1 to {Limits.LoopRounds}.", "Choose a number in that range.");
                break;
        }
    }

    private static void CheckRange(StepIndex index, string path, OverRange range)
    {
        if (range.Step == 0)
        {
            index.Error(path, "The range's step is 0; it would never end.", "Use a step of 1, or another number that is not 0.");
            return;
        }
        if (range.StopParameter is { } name)
        {
            var parameter = index.Spec.Parameters.FirstOrDefault(p => p.Name == name);
            if (parameter is null)
                index.Error(path, $"The range ends at parameter '{Shorten(name)}', which the flow does not have.", NearestName.Of(name, index.Spec.Parameters.Select(p => p.Name)) is { } near ? $"Did you mean '{near}'?" : "Add it under 'parameters', with type int.");
            else if (parameter.Type != ParameterType.Int)
                index.Error(path, $"The range ends at parameter '{name}', whose type is not int; a range ends at an integer.", $"Give parameter '{name}' the type int.");
            return;
        }
        var span = range.Step > 0 ? (Int128)range.Stop - range.Start : (Int128)range.Start - range.Stop;
        var count = (span + Int128.Abs(range.Step) - 1) / Int128.Abs(range.Step);
        if (count > Limits.Splits)
            index.Error(path, $"The range has {count} splits; a foreach has at most {Limits.Splits}.", "Make the range shorter, and let each task do more.");
    }

    private static void CheckHandlers(StepIndex index, string field, IReadOnlyList<string> names, HashSet<string> named)
    {
        for (var i = 0; i < names.Count; i++)
        {
            var name = names[i];
            var path = $"{field}[{i}]";
            if (!index.Contains(name))
            {
                index.Error(path, $"{field} names step '{Shorten(name)}', which does not exist.", Suggest(index, name, "Add that step under 'steps', or name one that exists."));
                continue;
            }
            if (!named.Add(name))
            {
                index.Error(path, $"Step '{name}' is named more than once in on_failure and finally; each of their steps runs once.", "Name it once; in finally it also runs after a failure.");
                continue;
            }
            if (index[name].Next is not null)
                index.Error($"steps.{name}.next", $"Step '{name}' is in {field} and has 'next'; those steps run one after another in the order of the list.", $"Remove 'next', and list what follows in {field}.");
            if (index[name].Join is not null)
                index.Error($"steps.{name}.join", $"Step '{name}' is in {field} and is a join; those steps stand outside the graph.", "Remove 'join'.");
        }
    }

    private static string Suggest(StepIndex index, string name, string otherwise) =>
        index.Nearest(name) is { } near ? $"Did you mean '{near}'?" : otherwise;

    private static string Shorten(string name) => name.Length <= 80 ? name : name[..77] + "...";
}
