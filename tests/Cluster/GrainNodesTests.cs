using Fanfare.Nodes;
using Fanfare.Postgres;
using Xunit.Abstractions;

namespace Fanfare.Cluster;

/// <summary>Nodes in the silos of a test cluster.</summary>
public sealed class GrainNodesTests(SharedPostgres shared, ITestOutputHelper output) : NodesConformance(shared, output)
{
    internal override INetwork NewNetwork() => new GrainNetwork();
}
