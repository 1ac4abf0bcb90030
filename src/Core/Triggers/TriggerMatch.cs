using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What an event comes to at a trigger that listens for it. It follows from the event, the trigger and its flow's deployment, none of which changes.</summary>
public static class TriggerMatch
{
    /// <param name="id">The event's.</param>
    /// <param name="row">A trigger that there is.</param>
    /// <param name="spec">Of the trigger's deployment.</param>
    public static TriggerOutcome Of(string id, EventOrigin origin, JsonElement payload, TriggerRow row, FlowSpec spec)
    {
        var (deployment, trigger, pause) = row.Standing!;
        var outcome = new TriggerOutcome(row.Flow, row.Trigger, deployment, TriggerResult.Filtered);
        if (Match(trigger, origin, payload, out var reason) is not { } index) return outcome with { Reason = reason };
        if (pause is not null) return outcome with { Result = TriggerResult.Paused, Reason = $"It is paused, by {pause.Actor}{(pause.Reason is null ? "" : $": {pause.Reason}")}." };
        var source = trigger.Sources[index];
        return trigger.All ? Hold(outcome, trigger, index, Mapped(source, payload, spec), spec) : Start(outcome, row, id, Merge(trigger.Parameters, Mapped(source, payload, spec).ToJsonString()), spec);
    }

    /// <summary>The parameters that a trigger gives its run: its own, and above them those that its sources map, the later above the earlier.</summary>
    public static string Merge(string literal, params IEnumerable<string> mapped)
    {
        var parameters = JsonNode.Parse(literal)!.AsObject();
        foreach (var some in mapped)
            foreach (var (name, value) in JsonNode.Parse(some)!.AsObject()) parameters[name] = value?.DeepClone();
        return parameters.ToJsonString();
    }

    /// <summary>Tags of a trigger's runs.</summary>
    public static IReadOnlyList<string> TagsOf(TriggerSpec trigger) => [.. trigger.Tags, $"trigger:{trigger.Name}"];

    // The first of the sources that it is for: one event stands for one of them.
    private static int? Match(TriggerSpec trigger, EventOrigin origin, JsonElement payload, out string? reason)
    {
        reason = null;
        for (var i = 0; i < trigger.Sources.Count; i++)
        {
            var source = trigger.Sources[i];
            if (source.Origin != origin) continue;
            if (source.Flow is not null && PayloadPath.Find(payload, "status")?.GetString() is { } status && !source.Ends.Any(end => RunPayload.StatusWord(end) == status))
                reason ??= $"The run ended as {status}.";
            else if (PayloadFilter.FirstUnmet(source.Where, payload) is { } unmet)
                reason ??= $"{PayloadFilter.Describe(unmet)} does not hold.";
            else
                return i;
        }
        reason ??= "It does not listen for it any more.";
        return null;
    }

    private static JsonObject Mapped(TriggerSource source, JsonElement payload, FlowSpec spec)
    {
        var mapped = new JsonObject();
        foreach (var (parameter, path) in source.Map)
        {
            if (PayloadPath.Find(payload, path) is not { } field) continue;
            // A text takes any plain value as it is written.
            var isText = spec.Parameters.FirstOrDefault(p => p.Name == parameter)?.Type == ParameterType.String;
            var isPlain = field.ValueKind is JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False;
            mapped[parameter] = isText && isPlain ? JsonValue.Create(field.GetRawText()) : JsonNode.Parse(field.GetRawText());
        }
        return mapped;
    }

    private static TriggerOutcome Start(TriggerOutcome outcome, TriggerRow row, string id, string parameters, FlowSpec spec)
    {
        var trigger = row.Standing!.Spec;
        var (_, errors) = FlowParameters.Bind(spec, parameters);
        return errors.Count > 0
            ? Failed(outcome, errors)
            : outcome with { Result = TriggerResult.Started, Start = new TriggeredStart(RunIds.OfTrigger(row.Namespace, row.Flow, row.Trigger, [id]), parameters, TagsOf(trigger), trigger.Priority) };
    }

    // Each is checked when it comes, so that all together are right: what is required is mapped by some source or has a value, which the deployment was checked for.
    private static TriggerOutcome Hold(TriggerOutcome outcome, TriggerSpec trigger, int index, JsonObject mapped, FlowSpec spec)
    {
        var (json, most) = (mapped.ToJsonString(), Limits.ParameterBytes / 2 / trigger.Sources.Count);
        var own = JsonNode.Parse(trigger.Parameters)!.AsObject();
        var errors = new List<SpecError>();
        foreach (var (name, path) in trigger.Sources[index].Map)
        {
            if (spec.Parameters.FirstOrDefault(p => p.Name == name) is not { } parameter) continue;
            if (mapped.TryGetPropertyValue(name, out var value))
            {
                if (FlowParameters.Check(parameter, value?.ToJsonString() ?? "null", out _) is { } error) errors.Add(error);
            }
            else if (parameter.Default is null && !own.ContainsKey(name))
            {
                errors.Add(new SpecError(0, 0, name, $"The payload has no {path}, which parameter '{name}' needs.", ""));
            }
        }
        if (Encoding.UTF8.GetByteCount(json) > most) errors.Add(new SpecError(0, 0, "", $"What it maps is larger than {most} bytes, the most for one of {trigger.Sources.Count} sources.", ""));
        return errors.Count > 0 ? Failed(outcome, errors) : outcome with { Result = TriggerResult.Held, Held = new HeldEvent(index, json, trigger) };
    }

    private static TriggerOutcome Failed(TriggerOutcome outcome, IReadOnlyList<SpecError> errors)
    {
        var reason = string.Join(' ', errors.Take(3).Select(error => error.Message));
        return outcome with { Result = TriggerResult.Failed, Reason = reason.Length > Limits.ErrorChars ? reason[..Limits.ErrorChars] : reason };
    }
}
