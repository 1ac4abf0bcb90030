using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Simulation.Flows;

/// <summary>Facts of a flow's graph that names depend on.</summary>
internal static class FlowShape
{
    public static bool InForeach(FlowSpec spec, string step) =>
        FlowGraph.Compile(spec, out var errors) is { } graph ? graph[step].InForeach : throw new InvalidOperationException($"Flow {spec.Name} does not compile: {string.Join(" ", errors)}");
}
