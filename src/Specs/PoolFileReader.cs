using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs.Reading;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs;

/// <summary>Reads the file of a pool, as YAML or JSON (docs/pools.md).</summary>
public static class PoolFileReader
{
    // Machines of EC2 carry the names of their queues, with commas, as a tag.
    private const int MostQueues = 100, MostQueueChars = 256;

    private static readonly Dictionary<string, PoolProvider> Providers = new() { ["local"] = PoolProvider.Local, ["ec2"] = PoolProvider.Ec2 };

    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    /// <summary>Whatever the text is, this returns: every error is in the result, with line, column, path, rule and remedy.</summary>
    /// <returns>The pool, or errors; never both.</returns>
    public static (PoolSpec? Pool, IReadOnlyList<SpecError> Errors) Read(string text)
    {
        var complaints = new Complaints();
        var pool = SourceText.IsReadable(text, "pool", complaints) && YamlTree.Read(text.TrimStart('\uFEFF'), complaints) is { } root ? Read(new Value(root, null, "", complaints)) : null;
        return complaints.Count == 0 ? (pool, []) : (null, complaints.Sorted());
    }

    private static PoolSpec? Read(Value document)
    {
        if (Fields.Of(document, "a pool", FieldNames.Pool) is not { } fields) return null;
        var name = fields.Required("name", "Name the pool.")?.AsName("a pool");
        var provider = Provider(fields["provider"]);
        var machine = fields.Required("machine", "Say what the worker of one machine offers, as in {cpu: 8, memory: 30GiB}.") is { } offered ? Machine(offered) : null;
        var most = fields.Required("max", "Say how many machines it may have at most.")?.AsInt(1, PoolSpec.MostMachines);
        var plain = new PoolSpec { Name = name ?? "", Provider = provider ?? PoolProvider.Local, Machine = machine ?? ResourceSpec.Default, Max = most ?? PoolSpec.MostMachines };
        var pool = plain with
        {
            Queues = fields["queues"] is { } queues ? Queues(queues) : [],
            Min = UpToMax(fields["min"], most),
            Spare = UpToMax(fields["spare"], most),
            Idle = Duration(fields["idle"], TimeSpan.FromSeconds(1), Day, "1s to 1d") ?? plain.Idle,
            RegisterWithin = Duration(fields["register_within"], TimeSpan.FromSeconds(10), Day, "10s to 1d") ?? plain.RegisterWithin,
            Lifetime = Duration(fields["lifetime"], TimeSpan.FromMinutes(1), TimeSpan.FromDays(365), "1m to 365d"),
            Ec2 = Ec2(fields, provider, plain.Max),
        };
        if (pool.Provider == PoolProvider.Ec2 && string.Join(',', pool.Queues) is { Length: > MostQueueChars } names)
            fields["queues"]!.Complain($"The names of its queues have {names.Length} characters with the commas between them, and they are a tag of each machine, which has {MostQueueChars} at most.", "Name fewer, or leave 'queues' out for all of them.");
        // Its workers would never offer what the pool counts on.
        if (machine is not null && pool.Ec2?.Needs is { } needs && needs.Gpus < machine.Gpu)
            fields["machine"]!.Complain($"A machine offers {machine.Gpu} GPUs to tasks, and what 'ec2.needs' asks for has {needs.Gpus}.", "Raise 'gpus' of 'ec2.needs', or lower 'machine.gpu'.");
        // Each of them would take the first devices of the machine.
        if (machine is { Gpu: > 0 } && pool is { Provider: PoolProvider.Local, Max: > 1 })
            fields["machine"]!.Complain("Workers of one machine cannot share its GPUs, and each of this pool would take the same ones.", "Give 'max: 1', or leave 'gpu' out.");
        return pool;
    }

    /// <summary>Null, after a complaint, when it is none that there is.</summary>
    private static PoolProvider? Provider(Value? value)
    {
        if (value is null) return PoolProvider.Local;
        var rule = $"one of {string.Join(", ", Providers.Keys)}";
        if (value.AsText(rule) is not { } text) return null;
        if (Providers.TryGetValue(text, out var provider)) return provider;
        value.Wrong(rule, NearestName.Of(text, Providers.Keys) is { } near ? $"Did you mean '{near}'?" : "Choose one of them.");
        return null;
    }

    private static Ec2PoolSpec? Ec2(Fields fields, PoolProvider? provider, int most)
    {
        if (provider == PoolProvider.Ec2) return fields.Required("ec2", "Say which machines: a template, and types or needs.") is { } wanted ? Ec2PoolReader.Read(wanted, most) : null;
        if (fields["ec2"] is not { } given) return null;
        if (provider == PoolProvider.Local) given.Complain("'ec2' says which machines of EC2 there are to be, and this pool is made of processes of the server's own machine.", "Give 'provider: ec2', or leave 'ec2' out.");
        return Ec2PoolReader.Read(given, most);
    }

    private static ResourceSpec? Machine(Value value)
    {
        if (Fields.Of(value, "a machine", FieldNames.Resources) is not { } fields) return null;
        var cpu = fields.Required("cpu", "Say how many cores it offers.");
        var cores = cpu?.AsNumber(0, 4096);
        if (cores <= 0) cpu!.Complain("A machine that offers no core is given no task.", "Give a number above 0.");
        return new ResourceSpec(cores ?? 1, fields["memory"]?.AsBytes() ?? 0, fields["gpu"]?.AsInt(0, 1024) ?? 0, fields["disk"]?.AsBytes() ?? 0);
    }

    private static List<string> Queues(Value value)
    {
        var given = value.AsListOrOne();
        if (given.Count == 0) value.Complain("'queues' is an empty list.", "Name some, or leave it out: the pool is for all queues then.");
        if (given.Count > MostQueues) value.Complain($"There are {given.Count} queues; it may be at most {MostQueues}.", "Leave 'queues' out for all of them, or make several pools.");
        return Distinct(given, queue => queue.AsName("a queue"));
    }

    /// <summary>What is read of each; complains of what stands twice.</summary>
    internal static List<string> Distinct(IReadOnlyList<Value> values, Func<Value, string?> read)
    {
        var texts = new List<string>();
        var seen = new HashSet<string>();
        foreach (var value in values)
        {
            if (read(value) is not { } text) continue;
            if (seen.Add(text)) texts.Add(text);
            else value.Complain($"'{text}' stands twice.", "Remove one of them.");
        }
        return texts;
    }

    private static int UpToMax(Value? value, int? most)
    {
        if (value?.AsInt(0, PoolSpec.MostMachines) is not { } number) return 0;
        if (number > most) value.Complain($"It is {number} machines, and the pool has at most {most}.", "Lower it, or raise 'max'.");
        return number;
    }

    private static TimeSpan? Duration(Value? value, TimeSpan least, TimeSpan most, string range)
    {
        if (value is null) return null;
        if (value.Node is YamlScalar scalar && Units.TryDuration(scalar.Text, out var duration) && duration >= least && duration <= most) return duration;
        value.Wrong($"a duration from {range}, as in 90s, 5m, 1h30m", "Give a number with its unit, in that range.");
        return null;
    }
}
