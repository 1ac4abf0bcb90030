using Fanfare.Contracts;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>Reads <c>next</c> and <c>join</c>.</summary>
internal static class TransitionReader
{
    private const string NextRule = "a step's name, a list of names, {foreach: step, over: …} or {switch: output, cases: …}";
    private const string OverRule = "the name of an output, or one of {output: name}, {range: …}, {file: path}";
    private const string RangeRule = "a count, [start, stop], [start, stop, step] or {parameter: name}";

    public static NextSpec? Next(Value value)
    {
        switch (value.Node)
        {
            case YamlScalar:
                return Target(value) is { } step ? new GoTo(step) : null;
            case YamlList:
                return new StaticSplit(value.AsStepNames());
            case YamlMapping mapping when mapping.Entries.Any(e => e.Key == "foreach"):
                return Foreach(value);
            case YamlMapping mapping when mapping.Entries.Any(e => e.Key == "switch"):
                return Switch(value);
            default:
                value.Wrong(NextRule, "Give one of these.");
                return null;
        }
    }

    public static JoinSpec? Join(Value value)
    {
        const string rule = "'all', {any: n} or {tolerate: k}";
        if (value.Node is YamlScalar { Text: "all" }) return JoinSpec.All;
        if (value.Node is YamlScalar or YamlList)
        {
            value.Wrong(rule, "Write 'join: all' to wait for all members.");
            return null;
        }
        if (Fields.Of(value, "a join", FieldNames.Join) is not { } fields) return null;
        var (any, tolerate) = (fields["any"], fields["tolerate"]);
        if (any is not null == tolerate is not null)
        {
            value.Wrong($"{rule}, exactly one of them", "Keep one.");
            return null;
        }
        var count = any is not null ? any.AsInt(1, Limits.Splits) : tolerate!.AsInt(0, Limits.Splits);
        return count is { } n ? new JoinSpec(any is not null ? JoinKind.Any : JoinKind.Tolerate, n) : null;
    }

    private static string? Target(Value value) => value.AsWord("the name of a step");

    private static Foreach? Foreach(Value value)
    {
        if (Fields.Of(value, "a foreach", FieldNames.Foreach) is not { } fields) return null;
        var step = fields.Required("foreach", "Name the step to run for each item.") is { } target ? Target(target) : null;
        var over = fields.Required("over", $"Say what to go over: {OverRule}.") is { } source ? Over(source) : null;
        return step is null || over is null ? null : new Foreach(step, over);
    }

    private static ForeachSource? Over(Value value)
    {
        if (value.Node is YamlScalar { Plain: true } scalar && PlainScalar.TryInteger(scalar.Text, out _))
        {
            value.Wrong(OverRule, $"To count, write 'over: {{range: {scalar.Text}}}'.");
            return null;
        }
        if (value.IsScalar) return value.AsWord(OverRule) is { } name ? new OverOutput(name) : null;
        if (value.IsList)
        {
            value.Wrong(OverRule, "Let the step before put the list out, and name that output.");
            return null;
        }
        if (Fields.Of(value, "a foreach's source", FieldNames.Over) is not { } fields) return null;
        var given = FieldNames.Over.Select(f => fields[f]).OfType<Value>().ToList();
        if (given.Count != 1)
        {
            value.Wrong($"exactly one of {string.Join(", ", FieldNames.Over)}", "Keep one.");
            return null;
        }
        if (fields["output"] is { } output) return output.AsWord("the name of an output") is { } name ? new OverOutput(name) : null;
        if (fields["file"] is { } file) return file.AsRelativePath() is { } path ? new OverFile(path) : null;
        return Range(given[0]);
    }

    private static OverRange? Range(Value value)
    {
        if (value.IsMapping)
        {
            if (Fields.Of(value, "a range", FieldNames.Range) is not { } fields) return null;
            return fields.Required("parameter", "Name an int parameter of the flow.")?.AsName("a parameter") is { } name ? new OverRange(0, 0, 1, name) : null;
        }
        if (value.IsScalar) return value.AsInteger(0, Limits.Splits) is { } stop ? new OverRange(0, stop, 1) : null;
        var numbers = value.AsList(RangeRule)?.Select(v => v.AsInteger(long.MinValue, long.MaxValue)).ToList();
        if (numbers is null || numbers.Contains(null)) return null;
        switch (numbers)
        {
            case [{ } start, { } stop]:
                return new OverRange(start, stop, 1);
            case [{ } start, { } stop, { } step]:
                return new OverRange(start, stop, step);
            default:
                value.Wrong(RangeRule, "Give two or three numbers.");
                return null;
        }
    }

    private static Switch? Switch(Value value)
    {
        if (Fields.Of(value, "a switch", FieldNames.Switch) is not { } fields) return null;
        var output = fields.Required("switch", "Name the output that decides.")?.AsWord("the name of an output");
        var cases = fields.Required("cases", "Give a mapping of values to steps.")?.AsEntries("a mapping of the output's values to steps");
        var targets = cases?.Select(c => (c.Key, Step: Target(c.Value))).ToList();
        var otherwise = fields["default"] is { } target ? Target(target) : null;
        var loops = fields["max_loops"]?.AsInt(1, Limits.LoopRounds);
        if (output is null || targets is null || targets.Any(t => t.Step is null)) return null;
        return new Switch(output, [.. targets.Select(t => new SwitchCase(t.Key, t.Step!))], otherwise, loops);
    }
}
