using Fanfare.Contracts;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

internal static class StepReader
{
    private static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(1);

    /// <summary>Never null, so that the graph can be checked whatever else is wrong.</summary>
    public static StepSpec Read(string name, Value value)
    {
        var step = new StepSpec { Name = name, Run = new CommandSpec([""], null) };
        if (Fields.Of(WithoutReserved(value), "a step", FieldNames.Step) is not { } fields) return step;
        return step with
        {
            Description = fields["description"]?.AsText(),
            Run = fields.Required("run", "Give the command, as a list of words or a shell string.") is { } run ? Run(run) : step.Run,
            Warm = fields["warm"] is { } warm ? Words(warm, "a list of words (the program of the fork server and its arguments)") : null,
            Env = fields["env"] is { } env ? Env(env) : [],
            Workdir = fields["workdir"]?.AsRelativePath(),
            Resources = fields["resources"] is { } resources ? Resources(resources) : step.Resources,
            Queue = fields["queue"]?.AsName("a queue") ?? step.Queue,
            Timeout = fields["timeout"]?.AsDuration(Shortest),
            Grace = fields["grace"]?.AsDuration(TimeSpan.Zero) ?? step.Grace,
            Retry = fields["retry"] is { } retry ? RetryReader.Read(retry) : step.Retry,
            CatchOutput = fields["catch"] is { } caught ? Catch(caught) : null,
            Priority = fields["priority"]?.AsInt(-100, 100) ?? 0,
            MaxParallel = fields["max_parallel"]?.AsInt(1, Limits.Splits),
            Gang = fields["gang"]?.AsBool() is true ? true : null,
            Join = fields["join"] is { } join ? TransitionReader.Join(join) : null,
            Next = fields["next"] is { } next ? TransitionReader.Next(next) : null,
        };
    }

    private static Value WithoutReserved(Value value)
    {
        if (value.Node is not YamlMapping mapping) return value;
        var kept = new List<YamlEntry>();
        foreach (var entry in mapping.Entries)
        {
            if (!FieldNames.Reserved.TryGetValue(entry.Key, out var today)) kept.Add(entry);
            else value.Complaints.Add(entry.KeyPlace, value.PathOf(entry.Key), $"'{entry.Key}' is not supported yet: {today}. The name is reserved.", $"Remove '{entry.Key}'; let 'run' do it.");
        }
        return value.With(new YamlMapping(mapping.Place, kept));
    }

    private static CommandSpec Run(Value value)
    {
        const string rule = "a list of words (the program and its arguments) or a shell string";
        return value.IsList ? new CommandSpec(Words(value, rule), null) : new CommandSpec(null, value.AsWord(rule));
    }

    private static List<string>? Words(Value value, string rule)
    {
        if (value.AsList(rule) is not { } words) return null;
        if (words.Count == 0) value.Complain("The command is an empty list; it needs at least the program.", "Name the program.");
        return [.. words.Select((w, i) => (i == 0 ? w.AsWord("the program to run") : Argument(w)) ?? "")];
    }

    private static string? Argument(Value value)
    {
        if (value.Node is YamlScalar { IsNull: true })
        {
            value.Complain("An argument is nothing.", "Quote it: \"\" for an empty argument, \"null\" for the word.");
            return null;
        }
        var text = value.AsText("an argument of the command");
        if (text?.Contains('\0', StringComparison.Ordinal) != true) return text;
        value.Complain("An argument holds a NUL character; no command can be given one.", "Remove it.");
        return null;
    }

    private static List<EnvSpec> Env(Value value)
    {
        var entries = value.AsEntries("a mapping of variables to texts or {secret: name}");
        if (entries is null) return [];
        var variables = new List<EnvSpec>();
        foreach (var (name, given) in entries)
        {
            if (!IsVariable(name))
                given.Complain($"'{(name.Length <= 40 ? name : name[..37] + "...")}' is no name of an environment variable: letters, digits and '_', not starting with a digit.", "Rename it.");
            else if (name.StartsWith("FANFARE_", StringComparison.OrdinalIgnoreCase))
                given.Complain($"'{name}' is reserved; variables that start with FANFARE_ are set by the worker.", "Rename it.");
            if (given.IsMapping)
                variables.Add(new EnvSpec(name, null, Fields.Of(given, "a secret", FieldNames.Secret)?.Required("secret", "Name the secret.")?.AsName("a secret")));
            else
                variables.Add(new EnvSpec(name, Literal(given), null));
        }
        return variables;
    }

    private static string? Literal(Value value)
    {
        if (value.Node is YamlScalar { IsNull: true })
        {
            value.Complain("The variable has no value.", "Quote it: \"\" for an empty value.");
            return null;
        }
        var text = value.AsText("a text or {secret: name}");
        if (text?.Contains('\0', StringComparison.Ordinal) != true) return text;
        value.Complain("The value holds a NUL character; no variable can.", "Remove it.");
        return null;
    }

    private static bool IsVariable(string name) =>
        name.Length is > 0 and <= 256 && !char.IsAsciiDigit(name[0]) && name.All(c => char.IsAsciiLetterOrDigit(c) || c == '_');

    private static ResourceSpec Resources(Value value)
    {
        if (Fields.Of(value, "resources", FieldNames.Resources) is not { } fields) return ResourceSpec.Default;
        return new ResourceSpec(
            fields["cpu"]?.AsNumber(0, 4096) ?? ResourceSpec.Default.Cpu,
            fields["memory"]?.AsBytes() ?? 0,
            fields["gpu"]?.AsInt(0, 1024) ?? 0,
            fields["disk"]?.AsBytes() ?? 0);
    }

    private static string? Catch(Value value)
    {
        if (value.IsMapping) return Fields.Of(value, "a catch", FieldNames.Catch)?["output"] is { } output ? output.AsWord("the name of an output") : "error";
        if (value.Node is YamlScalar { Plain: true } scalar && PlainScalar.TryBool(scalar.Text, out var on)) return on ? "error" : null;
        value.Wrong("true, false or {output: name}", "Write 'catch: true' to store the error in output 'error' and go on.");
        return null;
    }
}
