using Fanfare.Contracts;

namespace Fanfare.Core;

internal static class GraphCompiler
{
    public static FlowGraph? Compile(FlowSpec spec, out IReadOnlyList<SpecError> errors) => throw new NotImplementedException();
}
