using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>What never changes about runs and deployments, read once and kept while it is used: graphs, parameters. Bounded.</summary>
internal sealed class RunContexts(IReadModel readModel)
{
    private const int MostRuns = 50_000, MostGraphs = 4_000, MostFlows = 10_000;

    private readonly RecentlyUsed<(string Namespace, string Run), RunContext> _runs = new(MostRuns);
    private readonly RecentlyUsed<(string Namespace, string Flow, int Version), (FlowGraph Graph, string? Package)> _graphs = new(MostGraphs);
    private readonly Dictionary<(string Namespace, string Flow, int Version), Task<(FlowGraph Graph, string? Package)>> _reads = [];
    private readonly RecentlyUsed<(string Namespace, string Flow), FlowVersions> _flows = new(MostFlows);

    /// <summary>The context of a run that was read before; null when it has to be read.</summary>
    public RunContext? Find(string ns, string run) => _runs.Find((ns, run));

    /// <exception cref="RefusedException">There is no such run.</exception>
    public async Task<RunContext> GetAsync(string ns, string run, CancellationToken cancellationToken)
    {
        if (_runs.TryGet((ns, run), out var context)) return context;
        var row = await readModel.GetRunAsync(ns, run, cancellationToken);
        // It may be about to start since it was asked for.
        if (row is null) return Find(ns, run) ?? throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"There is no run '{run}' in namespace '{ns}'.");
        var (graph, package) = await GraphAsync(ns, row.Flow, row.Deployment, cancellationToken);
        return Put(ns, run, new RunContext(graph, row.Deployment, row.Parameters, package));
    }

    /// <summary>Keeps the context of a run that is about to start; one that is there already stands.</summary>
    public RunContext Put(string ns, string run, RunContext context)
    {
        if (_runs.TryGet((ns, run), out var known)) return known;
        _runs.Set((ns, run), context);
        return context;
    }

    /// <summary>Another run may have the id from now on.</summary>
    public void Forget(string ns, string run) => _runs.Remove((ns, run));

    /// <summary>The context that a run's first event gives it, whatever was put for it before.</summary>
    public async Task<RunContext> OfAsync(string ns, string run, RunStarted started, CancellationToken cancellationToken)
    {
        if (Find(ns, run) is { } known && known.Deployment == started.Deployment && known.Parameters == started.Parameters) return known;
        var (graph, package) = await GraphAsync(ns, started.Flow, started.Deployment, cancellationToken);
        _runs.Remove((ns, run));
        return Put(ns, run, new RunContext(graph, started.Deployment, started.Parameters, package));
    }

    /// <summary>What the flow has; null when it is not known here.</summary>
    public FlowVersions? Versions(string ns, string flow) => _flows.TryGet((ns, flow), out var versions) ? versions : null;

    /// <summary>Takes note of what the flow has, as its own entity says it: whoever opened its stream learns of each deployment and deletion that follows. A row that was read would not do, since one may be on its way of which no
    /// row tells yet. What comes late takes nothing back: both numbers only grow.</summary>
    public void SetVersions(string ns, string flow, FlowVersions versions)
    {
        var known = _flows.Find((ns, flow));
        _flows.Set((ns, flow), new FlowVersions(Math.Max(versions.Latest, known.Latest), Math.Max(versions.Deleted, known.Deleted)));
    }

    /// <summary>Other nodes learn of these flows' deployments from now on.</summary>
    public void ForgetVersions(Func<string, string, bool> isLost)
    {
        foreach (var (ns, flow) in _flows.Keys.Where(key => isLost(key.Namespace, key.Flow)).ToList()) _flows.Remove((ns, flow));
    }

    /// <summary>The graph of a deployment that was read before; null when it has to be read.</summary>
    public (FlowGraph Graph, string? Package)? FindGraph(string ns, string flow, int version) => _graphs.TryGet((ns, flow, version), out var known) ? known : null;

    /// <exception cref="RefusedException">There is no such deployment.</exception>
    public async Task<(FlowGraph Graph, string? Package)> GraphAsync(string ns, string flow, int version, CancellationToken cancellationToken)
    {
        var key = (ns, flow, version);
        if (_graphs.TryGet(key, out var known)) return known;
        // A flow's schedules are loaded together, and its runs begin together.
        if (!_reads.TryGetValue(key, out var read)) _reads[key] = read = ReadAsync();
        return await read;

        async Task<(FlowGraph Graph, string? Package)> ReadAsync()
        {
            // Noted as being read before it is read.
            await Task.Yield();
            try
            {
                var graph = await ReadGraphAsync(ns, flow, version, cancellationToken);
                _graphs.Set(key, graph);
                return graph;
            }
            finally
            {
                _reads.Remove(key);
            }
        }
    }

    private async Task<(FlowGraph Graph, string? Package)> ReadGraphAsync(string ns, string flow, int version, CancellationToken cancellationToken)
    {
        var row = await readModel.GetDeploymentAsync(ns, flow, version, cancellationToken)
            ?? throw new RefusedException(RefusalKind.NotFound, "FAN0002", $"Flow '{flow}' has no deployment {version} in namespace '{ns}'.");
        var graph = FlowGraph.Compile(FlowSpecJson.Read(row.Spec), out var errors)
            ?? throw new JournalFormatException($"Deployment {version} of flow '{flow}' does not compile: {errors[0]}");
        return (graph, row.Package);
    }
}

/// <summary>Which deployments a flow has.</summary>
/// <param name="Latest">Number of the latest, deleted or not; 0 for none.</param>
/// <param name="Deleted">Number of the latest that was deleted, and with it all before it; 0 for none.</param>
internal readonly record struct FlowVersions(int Latest, int Deleted)
{
    public static FlowVersions Of(FlowEntity flow) => new(flow.Latest, flow.Deleted);

    /// <summary>The one that a run starts from when it names none; null where there is none.</summary>
    public int? Current => Latest > Deleted ? Latest : null;
}
