namespace Fanfare.Pools.Local;

/// <summary>A launch that is remembered.</summary>
internal sealed class LocalLaunch(string token)
{
    public string Token => token;

    /// <summary>Null when its file was found damaged: what it made is known, what it asked for is not.</summary>
    public LaunchFile? File { get; set; }

    public SortedDictionary<int, LocalMachine> Machines { get; } = [];
}

/// <summary>A machine that was started, or was until lately.</summary>
internal sealed class LocalMachine(string token, int number, InstanceFile file)
{
    public string Token => token;

    public int Number => number;

    /// <summary>As it stands on the disk.</summary>
    public InstanceFile File { get; set; } = file;

    /// <summary>Its exit code, where this process started it; null where another did, which nobody tells how it ended.</summary>
    public Task<int>? Exited { get; init; }

    /// <summary>Whether its directory is gone, or on its way.</summary>
    public bool IsCleaned { get; set; }

    /// <summary>What the log said of it last, so that it says each thing once.</summary>
    public string? Told { get; set; }

    public bool IsOver => File is { GoneAt: not null, IsSwept: true };

    public Instance Shown => new(File.Id, File.Pool, token, State, LocalProvider.Type, "", CapacityKind.OnDemand, File.LaunchedAt, null, State == InstanceState.Running ? null : File.Ended ?? "it was told to end", IsListed: true) { Labels = File.Labels };

    // Nothing of an ended machine may run, tasks included.
    private InstanceState State => IsOver ? InstanceState.Ended : File is { GoneAt: null, ToldAt: null } ? InstanceState.Running : InstanceState.Ending;
}

/// <summary>What of a request is served by this machine: everything that is on demand, named <c>local</c> or described, and nowhere in particular.</summary>
internal static class LocalShare
{
    /// <summary>For each machine of the request that can be had, which offering it is of; and what cannot. The same for the same request, always.</summary>
    public static (IReadOnlyList<int> Machines, IReadOnlyList<LaunchRefusal> Refusals) Of(LaunchRequest request)
    {
        var machines = new List<int>();
        var refusals = new List<LaunchRefusal>();
        for (var i = 0; i < request.Offerings.Count && machines.Count < request.Count; i++)
        {
            var offering = request.Offerings[i];
            if (Fault(offering) is { } fault)
            {
                refusals.Add(Refusal(i, null, offering, fault));
                continue;
            }
            refusals.AddRange(offering.Choices.Where(c => Fault(c) is not null).Select(c => Refusal(i, c, offering, Fault(c)!)));
            if (offering.Choices.Any(c => Fault(c) is null)) machines.AddRange(Enumerable.Repeat(i, Math.Min(offering.AtMost ?? int.MaxValue, request.Count - machines.Count)));
        }
        return (machines, refusals);
    }

    private static string? Fault(Offering offering) => offering switch
    {
        { Capacity: CapacityKind.Spot } => "A local pool has no spot machines. Ask for them on demand.",
        { Needs.GpuKinds.Count: > 0 } => "A local pool does not know kinds of GPU. Leave them out.",
        { Needs.Architecture: var other } when other != LocalProvider.Architecture => $"This machine is {LocalProvider.Architecture}, not {other}. Ask for {LocalProvider.Architecture}.",
        _ => null,
    };

    private static string? Fault(MachineChoice choice) => choice switch
    {
        { Type: not ("" or LocalProvider.Type) } => $"The machines of a local pool have the type '{LocalProvider.Type}'. Name that, or say what they need.",
        { Zone: not null } or { Subnet: not null } => "A local pool has no zones and subnets. Leave them out.",
        _ => null,
    };

    private static LaunchRefusal Refusal(int offering, MachineChoice? choice, Offering of, string why) => new(offering, choice, of.Capacity, RefusalReason.Unsupported, "Unsupported", why);
}
