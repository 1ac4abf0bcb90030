using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

public enum CapacityKind
{
    /// <summary>Kept until it is ended, at the full price.</summary>
    OnDemand,

    /// <summary>Spare machines, cheaper, which the provider may take back with short notice.</summary>
    Spot,
}

/// <summary>Machines of one kind of capacity, any of which will do: by name, or by what they have.</summary>
/// <remarks>Which of them it becomes is the provider's choice. EC2 takes spot machines by capacity and price, and others by price.</remarks>
public sealed record Offering(CapacityKind Capacity)
{
    /// <summary>Choices of one offering, as many as a request to EC2 is sensibly given.</summary>
    public const int MostChoices = 60;

    /// <summary>Which machines, where. With <see cref="Needs"/> these say only where.</summary>
    public required IReadOnlyList<MachineChoice> Choices { get; init; }

    /// <summary>What the machines have to have; null where they are named.</summary>
    public MachineNeeds? Needs { get; init; }

    /// <summary>How many are taken of it; null for all that are missing.</summary>
    public int? AtMost { get; init; }

    /// <summary>Most that one spot machine may cost an hour, in US dollars; null for whatever it costs, which is never more than the full price.</summary>
    public decimal? MaxPrice { get; init; }

    /// <summary>What is wrong with it, as the end of a sentence; null when nothing is.</summary>
    internal string? Fault => this switch
    {
        { Choices.Count: 0 } => "has no choice. Name a type, a zone or a subnet",
        { Choices.Count: > MostChoices } => $"has {Choices.Count} choices. Give one offering at most {MostChoices}, and put the others into a further one",
        { AtMost: < 1 } => $"takes at most {AtMost} machines. Say at least 1, or leave the offering out",
        { MaxPrice: not null, Capacity: CapacityKind.OnDemand } => "has a price cap and is on demand, where prices are fixed. Leave the cap out",
        { MaxPrice: <= 0.001m } => $"has a price cap of {MaxPrice} US dollars. Say more than 0.001, or leave the cap out",
        { Needs: null } when Choices.Any(c => c.Type.Length == 0) => "has a choice without a type. Name the type, or say what the machine needs",
        { Needs: not null } when Choices.Any(c => c.Type.Length > 0) => "names a type beside what the machine needs. Say one of the two",
        { Needs: { } needs } => needs.Fault,
        _ => null,
    };

    /// <summary>The offerings of a mix: so much of it spot, the others on demand.</summary>
    /// <param name="choices">At most <see cref="MostChoices"/>.</param>
    /// <param name="count">Of the launch.</param>
    /// <param name="spotPercent">0 to 100; what is no whole machine counts as spot.</param>
    /// <param name="onDemandFallback">Whether what spot does not give is asked for on demand, too.</param>
    /// <param name="maxPrice">See <see cref="MaxPrice"/>; for the spot part.</param>
    public static IReadOnlyList<Offering> Mix(IReadOnlyList<MachineChoice> choices, MachineNeeds? needs, int count, int spotPercent, bool onDemandFallback, decimal? maxPrice = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(spotPercent);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(spotPercent, 100);
        var spot = (int)(((long)count * spotPercent + 99) / 100);
        var offerings = new List<Offering>();
        if (spot > 0) offerings.Add(new Offering(CapacityKind.Spot) { Choices = choices, Needs = needs, AtMost = spot, MaxPrice = maxPrice });
        if (onDemandFallback || spot < count) offerings.Add(new Offering(CapacityKind.OnDemand) { Choices = choices, Needs = needs, AtMost = onDemandFallback ? null : count - spot });
        return offerings;
    }
}

/// <summary>A machine, and where.</summary>
/// <param name="Type">As the provider names it, as in <c>g6.xlarge</c>; empty in an offering that says what machines have to have.</param>
/// <param name="Zone">As in <c>eu-central-1a</c>; null for any, or where the subnet says it.</param>
/// <param name="Subnet">As in <c>subnet-0a1b2c</c>; null for the template's, or the zone's default one.</param>
public sealed record MachineChoice(string Type, string? Zone = null, string? Subnet = null);

/// <summary>What a machine has to have. Amounts are least ones; a most is null where there is none.</summary>
public sealed record MachineNeeds
{
    [JsonPropertyName("vcpus")]
    public required int VCpus { get; init; }

    [JsonPropertyName("most_vcpus")]
    public int? MostVCpus { get; init; }

    /// <summary>MiB.</summary>
    [JsonPropertyName("memory_mib")]
    public required long MemoryMiB { get; init; }

    /// <summary>MiB.</summary>
    [JsonPropertyName("most_memory_mib")]
    public long? MostMemoryMiB { get; init; }

    /// <summary><c>x86_64</c> or <c>arm64</c>; it has to be that of the template's image.</summary>
    public required string Architecture { get; init; }

    /// <summary>GPUs; with 0 the machine has none.</summary>
    public int Gpus { get; init; }

    public int? MostGpus { get; init; }

    /// <summary>Kinds of GPU that will do, as the provider names them (<c>h100</c>, <c>l4</c>); empty for any.</summary>
    public IReadOnlyList<string> GpuKinds { get; init; } = [];

    /// <summary>Types that will not do; <c>*</c> stands for anything, as in <c>t2.*</c>.</summary>
    public IReadOnlyList<string> Without { get; init; } = [];

    internal string? Fault => this switch
    {
        { VCpus: < 1 } => $"needs {VCpus} vCPUs. Say at least 1",
        { MemoryMiB: < 1 } => $"needs {MemoryMiB} MiB of memory. Say at least 1",
        { Gpus: < 0 } => $"needs {Gpus} GPUs. Say 0 or more",
        { Gpus: 0 } when MostGpus is not null || GpuKinds.Count > 0 => "has kinds or a bound of GPUs and needs none. Say how many it needs",
        _ when MostVCpus < VCpus || MostMemoryMiB < MemoryMiB || MostGpus < Gpus => "has a bound below what it needs. Raise the bound",
        { Architecture: not ("x86_64" or "arm64") } => $"needs the architecture '{Architecture}'. Say x86_64 or arm64",
        _ => null,
    };
}

/// <summary>What a type of machine has.</summary>
/// <param name="MemoryMiB">MiB.</param>
/// <param name="Architecture"><c>x86_64</c> or <c>arm64</c>.</param>
/// <param name="Gpu">The kind of its GPUs, in the provider's words; null when it has none.</param>
/// <param name="GpuMemoryMiB">MiB, of all its GPUs together.</param>
/// <param name="IsSpot">Whether it is sold as spot.</param>
public sealed record MachineType(string Name, int VCpus, long MemoryMiB, string Architecture, string? Gpu, int Gpus, long GpuMemoryMiB, bool IsSpot);

/// <summary>What a spot machine costs.</summary>
/// <param name="PerHour">US dollars.</param>
/// <param name="Since">From when on.</param>
public sealed record SpotPrice(string Type, string Zone, decimal PerHour, DateTimeOffset Since);

/// <summary>A machine that there is, or was until lately.</summary>
/// <param name="Launch">The token of the launch that made it.</param>
/// <param name="Zone">Empty while it is not known.</param>
/// <param name="LaunchedAt">By the provider's clock.</param>
/// <param name="Address">Its private address; null while it has none.</param>
/// <param name="Ended">Why it ends or has ended, in the provider's words, as in <c>Server.SpotInstanceTermination: …</c>; null while it runs.</param>
/// <param name="IsListed">Whether the provider shows it. If not, it is known from the answer to its launch alone.</param>
public sealed record Instance(string Id, string Pool, string Launch, InstanceState State, string Type, string Zone, CapacityKind Capacity, DateTimeOffset LaunchedAt, string? Address, string? Ended, bool IsListed)
{
    /// <summary>Beside those that the provider put there itself.</summary>
    public IReadOnlyDictionary<string, string> Labels { get; init; } = new Dictionary<string, string>();
}

public enum InstanceState
{
    /// <summary>Asked for, and not started.</summary>
    Pending,

    Running,

    /// <summary>On its way to its end; it comes back no more.</summary>
    Ending,

    /// <summary>Not running, and not ended: somebody stopped it. It costs less, and does nothing.</summary>
    Stopped,

    /// <summary>Nothing of it runs.</summary>
    Ended,
}
