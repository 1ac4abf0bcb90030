using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>What never changes about a run: the graph of its deployment, and its parameters (a JSON object).</summary>
public sealed record RunContext(FlowGraph Graph, int Deployment, string Parameters, string? Package)
{
    /// <summary>The integer value of a parameter; null when it is not an integer.</summary>
    public long? Integer(string parameter)
    {
        using var document = JsonDocument.Parse(Parameters);
        return document.RootElement.TryGetProperty(parameter, out var value)
            && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) ? number : null;
    }
}
