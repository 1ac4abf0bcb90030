using Fanfare.Contracts;
using Fanfare.Engine;
using Fanfare.Postgres;
using Fanfare.Storage;

namespace Fanfare.Nodes;

/// <summary>A node with its engine: what a server of a cluster is, without the network between it and the others.</summary>
internal sealed class Member : INodes, IShardHost, IAsyncDisposable
{
    private readonly Site _site;
    private readonly PostgresNode _node;
    private volatile bool _isDown;

    private Member(Site site, PostgresNode node, string address, Wire wire)
    {
        (_site, _node, Own, Wire) = (site, node, address, wire);
        Engine = new EngineNode(
            new EngineOptions { Seed = (ulong)address[0], IsOneOfSeveral = true, IsHeld = () => node.Store.Leads, ScanEvery = TimeSpan.FromSeconds(1) },
            node.Store.Journal, node.Store.ReadModel, site.Blobs, TimeProvider.System, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, site.Warn);
        Scheduler = new NodeScheduler(Engine, this, TimeProvider.System);
    }

    public string Own { get; }

    public IReadOnlyCollection<string> All => _node.Live;

    /// <summary>To the database.</summary>
    public Wire Wire { get; }

    public EngineNode Engine { get; }

    /// <summary>What its gateway serves.</summary>
    public NodeScheduler Scheduler { get; }

    public IReadOnlyList<int> Owned => _node.Owned;

    public IStore Store => _node.Store;

    public bool IsDown => _isDown;

    public static async Task<Member> JoinAsync(Site site, string address)
    {
        var wire = new Wire(site.Database);
        var member = new Member(site, await PostgresNode.JoinAsync(wire.Database, address, TimeProvider.System, site.Warn), address, wire);
        await member.Engine.RecoverAsync();
        return member;
    }

    /// <summary>Begins to own, when the others can reach it.</summary>
    public void Start() => _node.Start(this);

    /// <summary>Nobody can reach it, and it cannot reach the database, from one moment to the next.</summary>
    public void Kill()
    {
        _isDown = true;
        Wire.HangUp();
    }

    public string? OwnerOf(StreamId stream) => _node.AddressOf(Shards.Of(stream));

    public Task ChangedAsync() => _node.ChangedAsync();

    public IScheduler At(string node) => _site.Reach(this, node)?.Engine ?? throw new RefusedException(RefusalKind.Busy, "FAN0008", $"{node} cannot be reached from {Own}.");

    public void OfferWork()
    {
        foreach (var other in All.Where(other => other != Own)) _ = _site.Reach(this, other)?.Scheduler.HearOfWorkAsync(Own);
    }

    public Task GainedAsync(IReadOnlyList<int> shards) => Engine.GainAsync(shards);

    public Task LosingAsync(IReadOnlyList<int> shards) => Engine.LoseAsync(shards);

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await Engine.DisposeAsync();
        await Wire.DisposeAsync();
    }
}
