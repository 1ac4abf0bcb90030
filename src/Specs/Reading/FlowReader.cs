using Fanfare.Contracts;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>Makes a spec of a document's tree. What comes out is complete enough for the graph to be checked, whatever was wrong.</summary>
internal static class FlowReader
{
    private const int LongestStepName = 256;

    public static FlowSpec? Read(YamlNode root, Complaints complaints)
    {
        complaints.Register("", root.Place);
        var document = new Value(root, null, "", complaints);
        if (Fields.Of(document, "a flow", FieldNames.Flow) is not { } fields) return null;
        var steps = fields.Required("steps", "Give a mapping of names to steps.")?.AsEntries("a mapping of names to steps");
        var name = fields.Required("name", "Give the flow a name.")?.AsText("the flow's name");
        var parameters = fields["parameters"]?.AsEntries("a mapping of names to parameters") ?? [];
        foreach (var (step, value) in steps ?? [])
            // Told here, and so that the graph, whose every error names its step, is left alone.
            if (step.Length > LongestStepName) complaints.Add(value.Node.Place, "steps", $"A step's name has {step.Length} characters: {Names.Rule}.", "Choose a shorter name.");
        if (steps is { Count: 0 }) fields["steps"]!.Complain("The flow has no steps; it needs at least one.", "Add a step.");
        var spec = new FlowSpec
        {
            Name = name ?? "unnamed",
            Description = fields["description"]?.AsText(),
            Start = fields["start"]?.AsWord("the name of a step") ?? "start",
            Parameters = [.. parameters.Select(p => ParameterReader.Read(p.Key, p.Value)).OfType<ParameterSpec>()],
            Tags = fields["tags"] is { } tags ? ReadTags(tags) : [],
            Schedules = fields["schedules"] is { } schedules ? ScheduleReader.Read(schedules) : null,
            Triggers = fields["triggers"] is { } triggers ? TriggerReader.Read(triggers) : null,
            Notify = fields["notify"] is { } notify ? NotifyReader.Read(notify) : null,
            Timeout = fields["timeout"]?.AsDuration(TimeSpan.FromMilliseconds(1)),
            OnFailure = fields["on_failure"]?.AsStepNames() ?? [],
            Finally = fields["finally"]?.AsStepNames() ?? [],
            Steps = [.. (steps ?? []).Select(s => StepReader.Read(s.Key, s.Value))],
        };
        return steps is null or { Count: 0 } ? null : spec;
    }

    /// <summary>Tags of runs.</summary>
    public static List<string> ReadTags(Value value)
    {
        var tags = new List<string>();
        foreach (var item in value.AsList("a list of tags") ?? [])
        {
            var rule = $"a tag of 1 to {Limits.TagChars} characters";
            if (item.AsWord(rule) is not { } tag) continue;
            if (tag.Length > Limits.TagChars) item.Wrong(rule, "Make it shorter.");
            else if (tags.Contains(tag)) item.Complain($"The tag '{tag}' stands here again; each tag stands once.", "Remove one of them.");
            else tags.Add(tag);
            if (tags.Count <= Limits.Tags) continue;
            value.Complain($"There are more than {Limits.Tags} tags, which is the most.", "Remove some.");
            break;
        }
        return tags;
    }
}
