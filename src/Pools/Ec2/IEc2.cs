namespace Fanfare.Pools.Ec2;

/// <summary>The few actions of EC2 that pools need. Small, so that the official client can stand here in place of <see cref="Ec2Client"/>.</summary>
/// <remarks>Every method throws <see cref="Ec2Exception"/> when EC2 refuses or gives no answer.</remarks>
public interface IEc2
{
    /// <summary>One fleet of the type <c>instant</c>: EC2 makes what it can at once, and says what it could not. The same request with the same token gets the same answer.</summary>
    Task<FleetAnswer> CreateFleetAsync(FleetRequest request, CancellationToken cancellationToken);

    /// <summary>Every instance that has all of the tags, in whatever state, over all pages.</summary>
    Task<IReadOnlyList<Ec2Instance>> DescribeInstancesAsync(IReadOnlyDictionary<string, string> tags, CancellationToken cancellationToken);

    /// <summary>Ends instances: all of them, or none when EC2 refuses one.</summary>
    Task TerminateInstancesAsync(IReadOnlyCollection<string> ids, CancellationToken cancellationToken);

    Task CreateTagsAsync(IReadOnlyCollection<string> ids, IReadOnlyDictionary<string, string> tags, CancellationToken cancellationToken);

    /// <summary>The prices of spot machines with Linux that hold now, over all pages.</summary>
    Task<IReadOnlyList<SpotPrice>> DescribeSpotPriceHistoryAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken);

    /// <summary>What types have, over all pages; unknown ones are left out.</summary>
    Task<IReadOnlyList<MachineType>> DescribeInstanceTypesAsync(IReadOnlyCollection<string> types, CancellationToken cancellationToken);
}

/// <summary>A fleet to make.</summary>
/// <param name="ClientToken">At most 64 characters.</param>
/// <param name="Template">Id or name of a launch template.</param>
/// <param name="Version">Its version: a number, <c>$Default</c> or <c>$Latest</c>.</param>
/// <param name="Tags">Of each instance.</param>
public sealed record FleetRequest(string ClientToken, string Template, string Version, Offering Offering, int Count, IReadOnlyDictionary<string, string> Tags);

/// <summary>What came of a fleet.</summary>
public sealed record FleetAnswer(IReadOnlyList<FleetInstances> Instances, IReadOnlyList<FleetError> Errors);

/// <summary>Instances of a fleet that are alike.</summary>
/// <param name="Zone">Empty when EC2 does not say it.</param>
public sealed record FleetInstances(IReadOnlyList<string> Ids, string Type, string Zone, CapacityKind Capacity);

/// <summary>What a fleet could not make. What EC2 does not say is null.</summary>
public sealed record FleetError(string Code, string Message, string? Type, string? Zone, string? Subnet);

/// <summary>An instance as EC2 shows it.</summary>
/// <param name="State">pending, running, shutting-down, terminated, stopping or stopped.</param>
/// <param name="Reason">Code and words of why the state is what it is; null when EC2 does not say.</param>
public sealed record Ec2Instance(string Id, string State, string? Reason, string Type, string Zone, CapacityKind Capacity, DateTimeOffset LaunchedAt, string? Address, IReadOnlyDictionary<string, string> Tags);
