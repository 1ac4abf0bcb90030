using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Fanfare.Contracts;

/// <summary>A pool: like machines that are started when tasks wait and ended when none do. One machine is one worker, whose name is the machine's id.</summary>
public sealed record PoolSpec
{
    /// <summary>Most machines that a pool may have.</summary>
    public const int MostMachines = 10_000;

    public required string Name { get; init; }

    /// <summary>Who makes its machines.</summary>
    public required PoolProvider Provider { get; init; }

    /// <summary>Queues whose tasks it is for, and that its workers serve, the preferred one first; empty for all.</summary>
    public IReadOnlyList<string> Queues { get => field ?? []; init; }

    /// <summary>What the worker of one machine offers to tasks, at least. A task that needs more is not for this pool.</summary>
    [JsonConverter(typeof(FiniteResources))]
    public required ResourceSpec Machine { get; init; }

    /// <summary>Machines that it has though nothing waits. 0 to <see cref="Max"/>, default 0.</summary>
    public int Min { get; init; }

    /// <summary>Machines that it never has more than, those on their way up or down among them. 1 to <see cref="MostMachines"/>.</summary>
    public required int Max { get; init; }

    /// <summary>Idle machines that it keeps ready for what comes next, beside those that are needed. 0 to <see cref="Max"/>, default 0.</summary>
    public int Spare { get; init; }

    /// <summary>How long a machine is idle before it is ended. 1 s to 1 day, default 1 min.</summary>
    public TimeSpan Idle { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long a machine may take from its launch until its worker is heard of; then it is ended, and another takes its place. 10 s to 1 day, default 10 min.</summary>
    public TimeSpan RegisterWithin { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Age at which a machine takes no more tasks, and ends with its last. 1 min to 365 days; null for none.</summary>
    public TimeSpan? Lifetime { get; init; }

    /// <summary>With <see cref="PoolProvider.Ec2"/>: which machines.</summary>
    public Ec2PoolSpec? Ec2 { get; init; }
}

public enum PoolProvider
{
    /// <summary>Worker processes on the server's own machine.</summary>
    Local,

    /// <summary>Machines of EC2.</summary>
    Ec2,
}

/// <summary>Machines of EC2 that a pool is made of.</summary>
public sealed record Ec2PoolSpec
{
    /// <summary>Id or name of the launch template, and its version, as in <c>fanfare-gpu:7</c>.</summary>
    public required string Template { get; init; }

    /// <summary>Which machines, where; with <see cref="Needs"/> these say only where. At most <see cref="Offering.MostChoices"/>.</summary>
    public required IReadOnlyList<MachineChoice> Choices { get; init; }

    /// <summary>What machines have to have; null where they are named.</summary>
    public MachineNeeds? Needs { get; init; }

    /// <summary>How much of each launch is asked for as spot, in percent. 0 to 100, default 0.</summary>
    public int SpotPercent { get; init; }

    /// <summary>Whether what spot does not give is asked for on demand. Default: true.</summary>
    public bool OnDemandFallback { get; init; } = true;

    /// <summary>Most that one spot machine may cost an hour, in US dollars; null for whatever it costs.</summary>
    public decimal? MaxPrice { get; init; }

    /// <summary>Put onto each machine as tags, beside those of the pool itself.</summary>
    public IReadOnlyDictionary<string, string>? Tags { get; init; }
}

/// <summary>Resources whose cores are a number: what is too large for one is read as infinite, which no JSON says, so a pool that had it could be read and never be written again.</summary>
internal sealed class FiniteResources : JsonConverter<ResourceSpec>
{
    public override ResourceSpec? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        var read = JsonSerializer.Deserialize(ref reader, Plain(options));
        return read is null || double.IsFinite(read.Cpu) ? read : throw new JsonException("cpu: a machine has a finite number of cores.");
    }

    public override void Write(Utf8JsonWriter writer, ResourceSpec value, JsonSerializerOptions options) => JsonSerializer.Serialize(writer, value, Plain(options));

    // As strict as whoever reads: the journal refuses what others let be.
    private static JsonTypeInfo<ResourceSpec> Plain(JsonSerializerOptions options) => (JsonTypeInfo<ResourceSpec>)options.GetTypeInfo(typeof(ResourceSpec));
}
