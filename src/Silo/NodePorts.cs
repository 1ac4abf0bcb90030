using Fanfare.Cli.Hosting;

namespace Fanfare.Silo;

/// <summary>The gateway's ports on a silo: commands and polls go to whom they concern, reads are answered here.</summary>
internal sealed class NodePorts : ServerPorts, IRunWatch, ICluster
{
    private volatile SiloLife? _life;

    /// <summary>The present life; null while the silo joins.</summary>
    public SiloLife? Life => _life;

    protected override string? Absence => "This server is joining the others.";

    public void Take(SiloLife life)
    {
        _life = life;
        life.Changed = (ns, run) => Tell(0, [(ns, run)]);
        base.Take(life.Store, life.Scheduler);
    }

    public override void Leave()
    {
        _life = null;
        base.Leave();
    }

    // A life that ends takes its watches along; who follows a run is told to come again, since its tenure ends with it.
    public IDisposable Watch(string ns, string run) => (_life ?? throw Unsettled()).Watch(ns, run);

    int? ICluster.Live => _life?.Live.Count;

    public Task<IReadOnlyList<NodeInfo>> ListNodesAsync(CancellationToken cancellationToken) => (_life ?? throw Unsettled()).ListNodesAsync(cancellationToken);

    public async Task<string> DrainAsync(CancellationToken cancellationToken)
    {
        var life = _life ?? throw Unsettled();
        await life.DrainAsync(cancellationToken);
        return life.EndPoint;
    }

    protected override RefusedException Unsettled() => new(RefusalKind.Busy, "FAN0018", "This server is joining the others. Repeat the request in a moment, at any of the servers.");
}
