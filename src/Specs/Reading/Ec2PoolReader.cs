using System.Globalization;
using System.Text.RegularExpressions;
using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Specs.Yaml;

namespace Fanfare.Specs.Reading;

/// <summary>Reads which machines of EC2 a pool is made of.</summary>
internal static partial class Ec2PoolReader
{
    private const decimal DearestHour = 10_000m;

    // EC2 takes 50 tags, and some are left to Fanfare itself and to others.
    private const int MostTags = 39, MostTagNameChars = 128, MostTagChars = 256;

    // What EC2 takes in one request.
    private const int MostWithout = 400, MostGpuKinds = 50;

    private const int MostVCpus = 4096, MostGpus = 1024;

    private static readonly string[] Architectures = ["x86_64", "arm64"];

    /// <param name="most">Machines of the pool.</param>
    public static Ec2PoolSpec? Read(Value value, int most)
    {
        if (Fields.Of(value, "a pool's machines of EC2", FieldNames.Ec2) is not { } fields) return null;
        var before = value.Complaints.Count;
        var template = fields.Required("template", "Name a launch template, by id or name, and after a colon its version, as in fanfare-gpu:7.") is { } named ? Matching(named, TemplateForm(), "the id or name of a launch template, and after a colon its version, as in fanfare-gpu:7") : null;
        var needs = fields["needs"] is { } needed ? Needs(needed) : null;
        var spot = Percent(fields["spot"]);
        var spec = new Ec2PoolSpec
        {
            Template = template ?? "",
            Choices = Choices(value, fields),
            Needs = needs,
            SpotPercent = spot,
            OnDemandFallback = fields["on_demand_fallback"]?.AsBool() ?? true,
            MaxPrice = fields["max_price"] is { } price ? Price(price, spot) : null,
            Tags = fields["tags"] is { } tags ? Tags(tags) : null,
        };
        // What was found above has a place of its own; this is what the launches themselves would be refused for.
        if (value.Complaints.Count == before) CheckLaunches(value, spec, most);
        return spec;
    }

    private static void CheckLaunches(Value value, Ec2PoolSpec spec, int most)
    {
        foreach (var offering in Offering.Mix(spec.Choices, spec.Needs, Math.Min(most, LaunchRequest.MostInstances), spec.SpotPercent, spec.OnDemandFallback, spec.MaxPrice))
        {
            if (offering.Fault is not { } fault) continue;
            var end = fault.IndexOf(". ", StringComparison.Ordinal);
            value.Complain($"What would be launched {fault[..end]}.", fault[(end + 2)..] + ".");
            return;
        }
    }

    // Every type at every place.
    private static List<MachineChoice> Choices(Value value, Fields fields)
    {
        var (types, needs, zones, subnets) = (fields["types"], fields["needs"], fields["zones"], fields["subnets"]);
        if (types is null && needs is null) value.Complain("It says of no machine which it is.", "Name 'types', or say what machines have to have with 'needs'.");
        if (types is not null && needs is not null) needs.Complain("Machines are named by 'types' already.", "Give one of the two.");
        if (zones is not null && subnets is not null) subnets.Complain("Places are named by 'zones' already.", "Give one of the two; a subnet lies in one zone.");
        var names = types is null ? [""] : Words(types, "types", TypeForm(), "a type of machines, as in g6.2xlarge");
        List<(string? Zone, string? Subnet)> places = zones is not null ? [.. Words(zones, "zones", ZoneForm(), "an availability zone, as in eu-central-1a").Select(zone => ((string?)zone, (string?)null))]
            : subnets is not null ? [.. Words(subnets, "subnets", SubnetForm(), "the id of a subnet, as in subnet-0a1b2c3d").Select(subnet => ((string?)null, (string?)subnet))]
            : [(null, null)];
        if ((long)names.Count * places.Count > Offering.MostChoices)
        {
            var text = places.Count == 1 ? $"There are {names.Count} types" : types is null ? $"There are {places.Count} places" : $"{names.Count} types at {places.Count} places are {names.Count * places.Count} choices";
            (types ?? zones ?? subnets)!.Complain($"{text}; it may be at most {Offering.MostChoices}.", types is null ? "Leave some out." : "Leave some out, or say with 'needs' what machines have to have.");
            return [];
        }
        return [.. names.SelectMany(type => places.Select(place => new MachineChoice(type, place.Zone, place.Subnet)))];
    }

    private static MachineNeeds? Needs(Value value)
    {
        if (Fields.Of(value, "what machines need", FieldNames.MachineNeeds) is not { } fields) return null;
        var cpus = fields.Required("vcpus", "Say how many vCPUs a machine has at least.")?.AsInt(1, MostVCpus);
        var memory = fields.Required("memory", "Say how much memory a machine has at least, as in 30GiB.") is { } least ? MiB(least, roundUp: true) : null;
        var architecture = fields.Required("architecture", "Say x86_64 or arm64, which that of the template's image is.") is { } given ? Architecture(given) : null;
        var gpus = fields["gpus"]?.AsInt(0, MostGpus) ?? 0;
        var needs = new MachineNeeds
        {
            VCpus = cpus ?? 1,
            MostVCpus = fields["most_vcpus"]?.AsInt(1, MostVCpus),
            MemoryMiB = memory ?? 1,
            MostMemoryMiB = fields["most_memory"] is { } bound ? MiB(bound, roundUp: false) : null,
            Architecture = architecture ?? Architectures[0],
            Gpus = gpus,
            MostGpus = fields["most_gpus"]?.AsInt(1, MostGpus),
            GpuKinds = fields["gpu_kinds"] is { } kinds ? Words(kinds, "gpu_kinds", GpuForm(), "a kind of GPU as EC2 names it, as in l4", MostGpuKinds) : [],
            Without = fields["without"] is { } without ? Words(without, "without", ExclusionForm(), "a type of machines, or several with '*', as in t2.*", MostWithout) : [],
        };
        if (needs.MostVCpus < cpus) fields["most_vcpus"]!.Complain($"It is {needs.MostVCpus}, and a machine needs {cpus} vCPUs.", "Raise it.");
        if (needs.MostMemoryMiB < memory) fields["most_memory"]!.Complain($"It is {needs.MostMemoryMiB} MiB, and a machine needs {memory} MiB.", "Raise it.");
        foreach (var field in (string[])["most_gpus", "gpu_kinds"])
            if (gpus == 0) fields[field]?.Complain($"'{field}' is about GPUs, and a machine needs none.", "Say with 'gpus' how many it needs.");
        if (gpus > 0 && needs.MostGpus < gpus) fields["most_gpus"]!.Complain($"It is {needs.MostGpus}, and a machine needs {gpus} GPUs.", "Raise it.");
        return needs;
    }

    private static string? Architecture(Value value)
    {
        var rule = $"one of {string.Join(", ", Architectures)}";
        if (value.AsText(rule) is not { } text) return null;
        if (Architectures.Contains(text)) return text;
        value.Wrong(rule, text is "amd64" or "x64" ? "Write x86_64." : text is "aarch64" ? "Write arm64." : NearestName.Of(text, Architectures) is { } near ? $"Did you mean '{near}'?" : "Choose one of them.");
        return null;
    }

    private static long? MiB(Value value, bool roundUp)
    {
        const long size = 1L << 20;
        if (value.AsBytes() is not { } bytes) return null;
        if (bytes >= size) return roundUp ? (bytes + size - 1) / size : bytes / size;
        value.Complain($"It is {bytes} bytes; no machine has less than 1 MiB.", "Give a size with its unit, as in 30GiB.");
        return null;
    }

    // 80 and 80% are the same.
    private static int Percent(Value? value)
    {
        if (value is null) return 0;
        if (value.Node is YamlScalar scalar && int.TryParse(scalar.Text.EndsWith('%') ? scalar.Text.AsSpan(0, scalar.Text.Length - 1) : scalar.Text, NumberStyles.None, CultureInfo.InvariantCulture, out var percent) && percent <= 100) return percent;
        value.Wrong("a percentage from 0 to 100", "Give a whole number, as in 80%.");
        return 0;
    }

    private static decimal? Price(Value value, int spot)
    {
        if (value.Node is not YamlScalar { IsNull: false } scalar || !decimal.TryParse(scalar.Text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var price) || price is <= 0.001m or > DearestHour)
        {
            value.Wrong($"a price in US dollars an hour, above 0.001 and up to {DearestHour.ToString(CultureInfo.InvariantCulture)}", "Give a number alone, as in 0.40.");
            return null;
        }
        if (spot == 0) value.Complain("A price cap is for spot machines, and this pool has none; the others cost what they cost.", "Give 'spot', or leave it out.");
        return price;
    }

    private static Dictionary<string, string> Tags(Value value)
    {
        var tags = new Dictionary<string, string>();
        var entries = value.AsEntries("a mapping of tags to texts") ?? [];
        if (entries.Count > MostTags) value.Complain($"There are {entries.Count} tags; it may be at most {MostTags}.", "Leave some out.");
        foreach (var (name, given) in entries)
        {
            if (name.Length is 0 or > MostTagNameChars || name.Any(char.IsControl)) given.Complain($"The name of a tag has {name.Length} characters, or a control character among them.", $"Give it 1 to {MostTagNameChars} characters, none of them a control character.");
            else if (name.StartsWith("fanfare:", StringComparison.OrdinalIgnoreCase) || name.StartsWith("aws:", StringComparison.OrdinalIgnoreCase))
                given.Complain($"Tags that begin with '{name[..(name.IndexOf(':', StringComparison.Ordinal) + 1)]}' are {(name[0] is 'a' or 'A' ? "AWS's" : "Fanfare's")} own.", "Name it otherwise.");
            else if (name == "queues") given.Complain("The tag 'queues' is Fanfare's own: it names the pool's queues.", "Name it otherwise.");
            else if (given.AsText("the tag's value") is { } text)
            {
                if (text.Length > MostTagChars || text.Any(char.IsControl)) given.Complain($"The tag's value has {text.Length} characters, or a control character among them.", $"Give it at most {MostTagChars} characters, none of them a control character.");
                else tags[name] = text;
            }
        }
        return tags;
    }

    private static List<string> Words(Value value, string field, Regex form, string rule, int most = int.MaxValue)
    {
        var given = value.AsListOrOne();
        if (given.Count == 0) value.Complain($"'{field}' is an empty list.", "Name some, or leave it out.");
        if (given.Count > most) value.Complain($"There are {given.Count}; it may be at most {most}.", "Leave some out.");
        return PoolFileReader.Distinct(given, each => Matching(each, form, rule));
    }

    private static string? Matching(Value value, Regex form, string rule)
    {
        if (value.AsText(rule) is not { } text) return null;
        if (form.IsMatch(text)) return text;
        value.Wrong(rule, "Write it as EC2 does.");
        return null;
    }

    // The forms of names that EC2 documents. A name that it does not know is refused by it, with the launch.
    [GeneratedRegex(@"^(lt-[0-9a-f]{4,32}|(?!lt-)[A-Za-z0-9().\-/_]{3,128})(:([0-9]{1,9}|\$Latest|\$Default))?\z", RegexOptions.CultureInvariant)]
    private static partial Regex TemplateForm();

    [GeneratedRegex(@"^[a-z0-9-]{1,30}\.[a-z0-9-]{1,30}\z", RegexOptions.CultureInvariant)]
    private static partial Regex TypeForm();

    [GeneratedRegex(@"^[a-z]{2}[a-z0-9-]{3,60}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ZoneForm();

    [GeneratedRegex(@"^subnet-[0-9a-f]{4,32}\z", RegexOptions.CultureInvariant)]
    private static partial Regex SubnetForm();

    [GeneratedRegex(@"^[a-z0-9-]{1,30}\z", RegexOptions.CultureInvariant)]
    private static partial Regex GpuForm();

    [GeneratedRegex(@"^[A-Za-z0-9.*-]{1,30}\z", RegexOptions.CultureInvariant)]
    private static partial Regex ExclusionForm();
}
