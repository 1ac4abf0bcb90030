using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What must hold of a flow's triggers, so that only what an event says can keep a run of theirs from starting.</summary>
internal static class TriggerRules
{
    public static void Check(StepIndex index)
    {
        if (index.Spec.Triggers is not { } triggers) return;
        if (triggers.Count > Limits.Triggers)
        {
            index.Error("triggers", $"The flow has {triggers.Count} triggers; it may have at most {Limits.Triggers}.", "Start the flow by fewer, or make several flows.");
            return;
        }
        foreach (var twice in triggers.GroupBy(trigger => trigger.Name).Where(same => same.Count() > 1))
            index.Error($"triggers.{twice.Key}", $"Trigger '{twice.Key}' stands twice; a name stands once.", "Rename one of them.");
        foreach (var trigger in triggers) Check(index, trigger, $"triggers.{trigger.Name}");
    }

    private static void Check(StepIndex index, TriggerSpec trigger, string path)
    {
        if (!Names.IsValid(trigger.Name)) index.Error(path, $"'{trigger.Name}' is no valid name of a trigger: {Names.Rule}.", "Choose a name of that form.");
        if (trigger.Sources.Count is 0 or > Limits.TriggerSources)
        {
            index.Error(path, $"The trigger listens to {trigger.Sources.Count} things; it must be 1 to {Limits.TriggerSources}.", "Name an event, or a flow.");
            return;
        }
        if (trigger.Within <= TimeSpan.Zero || trigger.Within > TimeSpan.FromDays(366)) index.Error($"{path}.within", "The time within which all must come is more than zero and at most 366 days.", "Give a duration like 6h.");
        for (var i = 0; i < trigger.Sources.Count; i++) Check(index, trigger.Sources[i], trigger.Sources.Count == 1 ? path : $"{path}.{(trigger.All ? "all" : "any")}[{i}]");
        CheckParameters(index, trigger, path);
    }

    private static void Check(StepIndex index, TriggerSource source, string path)
    {
        if (source.Event is null == source.Flow is null)
            index.Error(path, "It listens either to an event or to a flow.", "Give 'event' or 'flow'.");
        else if (source.Event is { } name && !Names.IsEvent(name))
            index.Error($"{path}.event", $"It is no name of an event: {Names.EventRule}.", "Choose a name of that form.");
        else if (source.Flow is { } flow && !Names.IsValid(flow))
            index.Error($"{path}.flow", $"'{flow}' is no name of a flow: {Names.Rule}.", "Name a flow of the namespace.");
        else if (source.Flow is not null && source.Flow == index.Spec.Name)
            index.Error($"{path}.flow", "The flow would start itself again at each end of its runs, for ever.", "Name another flow. A run that is to be repeated has 'retry', or a loop.");
        if (source.Flow is not null && (source.Ends.Count == 0 || source.Ends.Any(end => !end.IsTerminal())))
            index.Error($"{path}.ends", "A run ends as succeeded, failed or cancelled.", "Name one or more of these.");
        if (source.Flow is null && source.Ends.Count > 0) index.Error($"{path}.ends", "Only a run ends one way or the other; an event is published.", "Leave it out, or give 'flow'.");
        foreach (var condition in source.Where) Check(index, condition, $"{path}.where");
        foreach (var (parameter, field) in source.Map)
        {
            if (field.Length > 0 && !PayloadPath.IsValid(field)) index.Error($"{path}.map.{parameter}", $"'{field}' is no path: {PayloadPath.Rule}.", "Give a path of that form.");
            if (index.Spec.Parameters.FirstOrDefault(p => p.Name == parameter) is not { } known)
                index.Error($"{path}.map.{parameter}", $"The flow has no parameter '{parameter}'.", NearestName.Of(parameter, index.Spec.Parameters.Select(p => p.Name).ToHashSet()) is { } near ? $"Did you mean '{near}'?" : "Add it to the flow's parameters, or leave it out.");
            else if (known.Sensitive)
                index.Error($"{path}.map.{parameter}", $"Parameter '{parameter}' is sensitive, and what an event says stays in the history for ever.", "Give it the name of a secret under 'parameters'.");
        }
        foreach (var twice in source.Map.GroupBy(map => map.Parameter).Where(same => same.Count() > 1)) index.Error($"{path}.map.{twice.Key}", "The parameter stands twice.", "Remove one of them.");
    }

    private static void Check(StepIndex index, PayloadCondition condition, string path)
    {
        if (!PayloadPath.IsValid(condition.Path)) index.Error(path, $"'{condition.Path}' is no path: {PayloadPath.Rule}.", "Give a path of that form.");
        using var document = JsonDocument.Parse(condition.Value);
        if (!PayloadFilter.Takes(condition.Test, document.RootElement, out var rule)) index.Error($"{path}.{condition.Path}", $"'{JsonNamingPolicy.SnakeCaseLower.ConvertName(condition.Test.ToString())}' compares with {rule}.", $"Give {rule}.");
    }

    // What an event brings is checked when it comes. What it certainly leaves out is not waited for.
    private static void CheckParameters(StepIndex index, TriggerSpec trigger, string path)
    {
        // An any-of trigger has one source's values at a time.
        var cases = trigger.All ? [trigger.Sources.SelectMany(source => source.Map)] : trigger.Sources.Select(source => source.Map.AsEnumerable());
        var (_, errors) = FlowParameters.Bind(index.Spec, trigger.Parameters);
        var told = new HashSet<string>();
        foreach (var mapped in cases)
        {
            var given = mapped.Select(map => $"parameters.{map.Parameter}").ToHashSet();
            foreach (var error in errors.Where(error => !(given.Contains(error.Path) && IsMissing(trigger, error))))
                if (told.Add(error.Path)) index.Error($"{path}.{error.Path}", error.Message, error.Remedy);
        }
    }

    private static bool IsMissing(TriggerSpec trigger, SpecError error)
    {
        using var document = JsonDocument.Parse(trigger.Parameters);
        return !document.RootElement.TryGetProperty(error.Path["parameters.".Length..], out _);
    }
}
