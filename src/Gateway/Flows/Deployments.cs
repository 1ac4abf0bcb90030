using System.Collections.Concurrent;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>What the gateway needs to know of a step to read and write its tasks' names.</summary>
/// <param name="ForeachDepth">Number of items in a task's split path.</param>
/// <param name="LoopCounters">Number of loop counters in the step's key.</param>
internal sealed record StepShape(int ForeachDepth, int LoopCounters)
{
    public bool InForeach => ForeachDepth > 0;
}

/// <summary>Works out the shape of each step; one per flow spec, costly enough to be cached.</summary>
internal delegate IReadOnlyDictionary<string, StepShape> StepShapes(FlowSpec spec);

/// <summary>A deployment, read.</summary>
internal sealed record Deployment(DeploymentRow Row, FlowSpec Spec, IReadOnlyDictionary<string, StepShape> Steps);

/// <summary>Deployments by version. They are immutable, so what was read once is kept, up to a bound.</summary>
internal sealed class Deployments(IReadModel reads, StepShapes shapes)
{
    private const int Capacity = 256;

    private readonly ConcurrentDictionary<(string Namespace, string Flow, int Version), Deployment> _read = new();

    /// <summary>The deployment of a run.</summary>
    public async Task<Deployment> OfAsync(RunRow run, CancellationToken cancellationToken) =>
        await GetAsync(run.Namespace, run.Flow, run.Deployment, cancellationToken);

    /// <exception cref="ApiFault">There is no such deployment.</exception>
    /// <exception cref="JournalFormatException">Its stored form cannot be read.</exception>
    public async Task<Deployment> GetAsync(string ns, string flow, int version, CancellationToken cancellationToken)
    {
        if (_read.TryGetValue((ns, flow, version), out var known)) return known;
        var row = await reads.GetDeploymentAsync(ns, flow, version, cancellationToken)
            ?? throw ApiFault.NotFound($"Flow {flow} has no deployment {version}.");
        var spec = ReadSpec(row);
        var deployment = new Deployment(row, spec, shapes(spec));
        if (_read.Count >= Capacity) _read.Clear();
        return _read.GetOrAdd((ns, flow, version), deployment);
    }

    public static FlowSpec ReadSpec(DeploymentRow row)
    {
        try
        {
            return FlowSpecJson.Read(row.Spec);
        }
        catch (JournalFormatException exception)
        {
            throw new JournalFormatException($"Deployment {row.Version} of flow {row.Flow} cannot be read. {exception.Message}", exception);
        }
    }
}
