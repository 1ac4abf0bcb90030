using Fanfare.Contracts;
using Fanfare.Engine;
using Fanfare.Postgres;
using Fanfare.Storage;

namespace Fanfare.Nodes;

/// <summary>A node with its engine, at a place in a network.</summary>
internal sealed class Member : IShardHost, IAsyncDisposable
{
    private readonly PostgresNode _node;
    private readonly IPlace _place;
    private volatile bool _isDown;

    private Member(Site site, string name, PostgresNode node, IPlace place, Wire wire)
    {
        (_node, _place, Name, Wire) = (node, place, name, wire);
        Engine = new EngineNode(
            new EngineOptions { Seed = (ulong)name[0], IsOneOfSeveral = true, IsHeld = () => node.Store.Leads, ScanEvery = TimeSpan.FromSeconds(1), IsMeasured = true, Notifier = site.Receivers, ProviderOf = _ => site.Cloud },
            node.Store.Journal, node.Store.ReadModel, site.Blobs, TimeProvider.System, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, site.Warn);
        Scheduler = new NodeScheduler(Engine, place.Settle(this), TimeProvider.System);
    }

    /// <summary>By which tests and workers call it.</summary>
    public string Name { get; }

    /// <summary>By which the nodes call it.</summary>
    public string Address => _place.Address;

    public IReadOnlyCollection<string> Live => _node.Live;

    /// <summary>To the database.</summary>
    public Wire Wire { get; }

    public EngineNode Engine { get; }

    /// <summary>What its gateway serves.</summary>
    public NodeScheduler Scheduler { get; }

    public IReadOnlyList<int> Owned => _node.Owned;

    public IStore Store => _node.Store;

    public bool IsDown => _isDown;

    public static async Task<Member> JoinAsync(Site site, string name)
    {
        var (wire, place) = (new Wire(site.Database), await site.Network.OpenAsync(name));
        var member = new Member(site, name, await PostgresNode.JoinAsync(wire.Database, place.Address, TimeProvider.System, site.Warn), place, wire);
        await member.Engine.RecoverAsync();
        place.Open();
        return member;
    }

    /// <summary>Begins to own, when the others can reach it.</summary>
    public void Start() => _node.Start(this);

    /// <summary>Nobody can reach it, and it cannot reach the database, from one moment to the next.</summary>
    public async Task KillAsync()
    {
        _isDown = true;
        Wire.HangUp();
        await _place.KillAsync();
    }

    public string? AddressOf(int shard) => _node.AddressOf(shard);

    public string? OwnerOf(StreamId stream) => AddressOf(Shards.Of(stream));

    public Task ChangedAsync() => _node.ChangedAsync();

    public Task<Task> GainedAsync(IReadOnlyList<int> shards) => Engine.GainAsync(shards);

    public Task LosingAsync(IReadOnlyList<int> shards) => Engine.LoseAsync(shards);

    public Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken) => _place.PositionAsync(run, cancellationToken);

    public void PutOut(string address) => _place.PutOut(address);

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await Engine.DisposeAsync();
        await _place.DisposeAsync();
        await Wire.DisposeAsync();
    }
}
