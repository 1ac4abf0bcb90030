using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>What never changes about runs and deployments, read once and kept: graphs, parameters. Bounded.</summary>
internal sealed class RunContexts(IReadModel readModel)
{
    private const int MostRuns = 50_000, MostGraphs = 1_000;

    private readonly Dictionary<(string Namespace, string Run), RunContext> _runs = [];
    private readonly Dictionary<(string Namespace, string Flow, int Version), (FlowGraph Graph, string? Package)> _graphs = [];

    /// <exception cref="RefusedException">There is no such run.</exception>
    public async Task<RunContext> GetAsync(string ns, string run, CancellationToken cancellationToken)
    {
        if (_runs.TryGetValue((ns, run), out var context)) return context;
        var row = await readModel.GetRunAsync(ns, run, cancellationToken)
            ?? throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no run '{run}' in namespace '{ns}'.");
        var (graph, package) = await GraphAsync(ns, row.Flow, row.Deployment, cancellationToken);
        return Put(ns, run, new RunContext(graph, row.Deployment, row.Parameters, package));
    }

    /// <summary>Keeps the context of a run that is about to start; one that is there already stands.</summary>
    public RunContext Put(string ns, string run, RunContext context)
    {
        if (_runs.Count >= MostRuns) _runs.Clear();
        return _runs.TryAdd((ns, run), context) ? context : _runs[(ns, run)];
    }

    /// <summary>Another run may have the id from now on.</summary>
    public void Forget(string ns, string run) => _runs.Remove((ns, run));

    public async Task<(FlowGraph Graph, string? Package)> GraphAsync(string ns, string flow, int version, CancellationToken cancellationToken)
    {
        if (_graphs.TryGetValue((ns, flow, version), out var known)) return known;
        var row = await readModel.GetDeploymentAsync(ns, flow, version, cancellationToken)
            ?? throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"Flow '{flow}' has no deployment {version} in namespace '{ns}'.");
        var graph = FlowGraph.Compile(FlowSpecJson.Read(row.Spec), out var errors)
            ?? throw new JournalFormatException($"Deployment {version} of flow '{flow}' does not compile: {errors[0]}");
        if (_graphs.Count >= MostGraphs) _graphs.Clear();
        return _graphs[(ns, flow, version)] = (graph, row.Package);
    }
}
