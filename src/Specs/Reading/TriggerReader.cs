using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>What starts a flow: events, and ends of other flows' runs.</summary>
internal static class TriggerReader
{
    private static readonly string[] Ways = ["event", "flow", "any", "all"];

    private static readonly Dictionary<string, RunStatus> Ends = new() { ["succeeded"] = RunStatus.Succeeded, ["failed"] = RunStatus.Failed, ["cancelled"] = RunStatus.Cancelled };

    private static readonly Dictionary<string, PayloadTest> Tests = new()
    {
        ["eq"] = PayloadTest.Equal,
        ["ne"] = PayloadTest.NotEqual,
        ["in"] = PayloadTest.In,
        ["not_in"] = PayloadTest.NotIn,
        ["lt"] = PayloadTest.Less,
        ["le"] = PayloadTest.LessOrEqual,
        ["gt"] = PayloadTest.Greater,
        ["ge"] = PayloadTest.GreaterOrEqual,
        ["prefix"] = PayloadTest.Prefix,
        ["suffix"] = PayloadTest.Suffix,
        ["exists"] = PayloadTest.Exists,
    };

    public static IReadOnlyList<TriggerSpec>? Read(Value value)
    {
        var entries = value.AsEntries("a mapping of names to triggers");
        return entries is null or { Count: 0 } ? null : [.. entries.Select(entry => Read(entry.Key, entry.Value)).OfType<TriggerSpec>()];
    }

    private static TriggerSpec? Read(string name, Value value)
    {
        if (Fields.Of(value, "a trigger", FieldNames.Trigger) is not { } fields) return null;
        string[] given = [.. Ways.Where(field => fields[field] is not null)];
        if (given.Length != 1)
        {
            value.Complain(given.Length == 0 ? "The trigger listens to nothing." : $"The trigger has {string.Join(" and ", given)}; it has one of event, flow, any and all.", "Give 'event' or 'flow', or a list of both under 'any' or 'all'.");
            return null;
        }
        var isList = given[0] is "any" or "all";
        if (isList)
        {
            foreach (var field in FieldNames.TriggerSource)
                fields[field]?.Complain($"'{field}' is of one source, and the trigger has a list of them.", $"Move it to the item of '{given[0]}' that it is about.");
        }
        var within = fields["within"];
        if (given[0] != "all") within?.Complain("'within' says how far apart all of several may come, and the trigger needs one.", "Leave it out, or use 'all'.");
        IReadOnlyList<TriggerSource> sources = isList ? [.. (fields[given[0]]!.AsList("a list of events and flows") ?? []).Select(Source)] : [Source(fields)];
        if (sources.Count == 0) return null;
        var plain = new TriggerSpec { Name = name, Sources = sources };
        return plain with
        {
            All = given[0] == "all",
            Within = within?.AsDuration(TimeSpan.FromSeconds(1)) ?? plain.Within,
            Parameters = fields["parameters"] is { } parameters ? ScheduleReader.Parameters(parameters) : plain.Parameters,
            Priority = fields["priority"]?.AsInt(-100, 100) ?? plain.Priority,
            Tags = fields["tags"] is { } tags ? FlowReader.ReadTags(tags) : plain.Tags,
        };
    }

    // The name of an event alone stands for the event.
    private static TriggerSource Source(Value item)
    {
        if (item.IsScalar) return new TriggerSource { Event = item.AsWord("the name of an event") ?? "unnamed" };
        return Fields.Of(item, "a source", FieldNames.TriggerSource) is { } fields ? Source(fields) : new TriggerSource { Event = "unnamed" };
    }

    private static TriggerSource Source(Fields fields)
    {
        var (name, flow) = (fields["event"]?.AsWord("the name of an event"), fields["flow"]?.AsName("a flow"));
        return new TriggerSource
        {
            Event = name,
            Flow = flow,
            Ends = fields["ends"] is { } ends ? [.. ends.AsListOrOne().Select(End).Distinct()] : flow is null ? [] : [RunStatus.Succeeded],
            Where = fields["where"] is { } where ? Conditions(where) : [],
            Map = fields["map"] is { } map ? Mappings(map) : [],
        };
    }

    private static RunStatus End(Value value)
    {
        const string rule = "succeeded, failed or cancelled";
        if (value.AsText(rule) is not { } text) return RunStatus.Succeeded;
        if (Ends.TryGetValue(text, out var end)) return end;
        value.Wrong(rule, NearestName.Of(text, Ends.Keys) is { } near ? $"Did you mean '{near}'?" : "Choose one of them, or a list of some.");
        return RunStatus.Succeeded;
    }

    // A plain value is to be equal; a list has what it may be equal to; a mapping names the tests.
    private static List<PayloadCondition> Conditions(Value where)
    {
        var conditions = new List<PayloadCondition>();
        foreach (var (path, value) in where.AsEntries("a mapping of fields to what must hold of them") ?? [])
        {
            if (!value.IsMapping)
            {
                if (JsonText.Of(value) is { } json) conditions.Add(new PayloadCondition(path, value.IsList ? PayloadTest.In : PayloadTest.Equal, json));
                continue;
            }
            foreach (var (word, given) in value.AsEntries("a mapping of tests to values") ?? [])
            {
                if (!Tests.TryGetValue(word, out var test))
                    given.Complain($"'{word}' is no test of a field.", NearestName.Of(word, Tests.Keys) is { } near ? $"Did you mean '{near}'?" : $"Use one of {string.Join(", ", Tests.Keys)}.");
                else if (JsonText.Of(given) is { } json) conditions.Add(new PayloadCondition(path, test, json));
            }
        }
        return conditions;
    }

    // A list names parameters that are called as the fields are.
    private static List<PayloadMapping> Mappings(Value map)
    {
        if (map.IsList) return [.. (map.AsList("a list of parameters") ?? []).Select(item => item.AsWord("the name of a parameter")).OfType<string>().Select(name => new PayloadMapping(name, name))];
        return [.. (map.AsEntries("a mapping of parameters to fields") ?? []).Select(entry => new PayloadMapping(entry.Key, entry.Value.AsText("the path of a field") ?? ""))];
    }
}
