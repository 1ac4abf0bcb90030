using Fanfare.Postgres;
using Xunit.Abstractions;

namespace Fanfare.Nodes;

/// <summary>Nodes that call each other directly.</summary>
public sealed class NodesTests(SharedPostgres shared, ITestOutputHelper output) : NodesConformance(shared, output)
{
    internal override INetwork NewNetwork() => new DirectNetwork();
}
