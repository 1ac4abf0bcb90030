using Orleans.Placement;
using Orleans.Runtime;
using Orleans.Runtime.Placement;

namespace Fanfare.Grains.Placement;

/// <summary>A grain lies at the silo that its key names. So where a grain is follows from who owns its stream, which the caller has looked up: a directory that still knew it at a former owner, which lives
/// and would go on to answer for it, could not be told otherwise.</summary>
[Serializable, GenerateSerializer, Alias("fanfare.node-placement")]
public sealed class NodePlacement : PlacementStrategy;

/// <summary>Places a grain class by <see cref="NodePlacement"/>.</summary>
[AttributeUsage(AttributeTargets.Class)]
public sealed class NodePlacementAttribute() : PlacementAttribute(new NodePlacement());

/// <summary>Where the silo is not there (any more), the call fails at its caller, who looks again.</summary>
internal sealed class NodePlacementDirector : IPlacementDirector
{
    public Task<SiloAddress> OnAddActivation(PlacementStrategy strategy, PlacementTarget target, IPlacementContext context)
    {
        var node = GrainKey.NodeOf(target.GrainIdentity.Key.ToString()!);
        var silo = Array.Find(context.GetCompatibleSilos(target), silo => NodeAddress.Of(silo) == node);
        return silo is null ? throw new OwnerAwayException($"No silo answers at {node}.") : Task.FromResult(silo);
    }
}
