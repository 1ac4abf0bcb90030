using Fanfare.Core;

namespace Fanfare.Gateway;

/// <summary>Step shapes from the compiled graph of a flow.</summary>
internal static class CompiledShapes
{
    /// <exception cref="JournalFormatException">A deployed spec no longer compiles.</exception>
    public static IReadOnlyDictionary<string, StepShape> Of(FlowSpec spec)
    {
        var graph = FlowGraph.Compile(spec, out var errors)
            ?? throw new JournalFormatException($"The stored spec of flow {spec.Name} has no valid graph: {errors[0].Message} It was written by another release, or is damaged.");
        return graph.Nodes.ToDictionary(n => n.Name, n => new StepShape(n.Frame.ForeachDepth, n.LoopCounters));
    }
}
