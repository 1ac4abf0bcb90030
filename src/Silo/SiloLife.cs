using System.Net;
using Fanfare.Cli;
using Fanfare.Cli.Hosting;
using Fanfare.Engine;
using Fanfare.Grains;
using Fanfare.Silo.Membership;
using Fanfare.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Orleans.Runtime;

namespace Fanfare.Silo;

/// <summary>A silo, the node of the database that it is, and their engine, from when they joined the others to when they leave, or are put out. Either of the two is put out with the other: who is not
/// seen by the silos cannot be asked for what it owns, and who is not seen in the database owns nothing.</summary>
internal sealed class SiloLife : IShardHost, IShardMap, IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(3), _aside = TimeSpan.FromMinutes(5), _comeBackAgain = TimeSpan.FromSeconds(1);

    private readonly LocalServerOptions _options;
    private readonly IHost _silo;
    private readonly Resident _resident;
    private readonly FatalErrors _fatal;
    private readonly SiloAddress _address;
    private readonly PostgresNode _node;
    private readonly EngineNode _engine;
    private readonly GrainNodes _nodes;
    private readonly RunWatch _watch;
    private readonly CancellationTokenSource _ending = new();
    private RetentionRun? _retention;
    private Task _watching = Task.CompletedTask;

    private SiloLife(LocalServerOptions options, IHost silo, Resident resident, FatalErrors fatal, PostgresNode node, IBlobStore blobs)
    {
        (_options, _silo, _resident, _fatal, _node) = (options, silo, resident, fatal, node);
        _address = silo.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress;
        var grains = silo.Services.GetRequiredService<IGrainFactory>();
        _engine = new EngineNode(
            ServerParts.EngineOptionsOf(options) with { IsOneOfSeveral = true, IsHeld = () => node.Store.Leads },
            node.Store.Journal, node.Store.ReadModel, blobs, TimeProvider.System, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, options.Log);
        _nodes = new GrainNodes(this, _engine, grains);
        Scheduler = new NodeScheduler(_engine, _nodes, TimeProvider.System);
        _watch = new RunWatch(this, grains, TimeProvider.System, (ns, run) => Changed?.Invoke(ns, run));
        var deposed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Store.Deposed.Register(deposed.SetResult);
        Ended = Task.WhenAny(fatal.Happened, deposed.Task);
    }

    /// <summary>What the gateway of this server serves.</summary>
    public NodeScheduler Scheduler { get; }

    public PostgresStore Store => _node.Store;

    /// <summary>Where the other silos reach this one.</summary>
    public string EndPoint => _address.Endpoint.ToString();

    /// <summary>Completes when the life can go on no more.</summary>
    public Task Ended { get; }

    /// <summary>Null while it goes on.</summary>
    public string? WhyEnded => _fatal.What ?? (_node.Store.Deposed.IsCancellationRequested ? "The others put this server out: it hung, or the database did not hear of it." : null);

    /// <summary>Told of a run that is followed here, and changed elsewhere.</summary>
    public Action<string, string>? Changed { get; set; }

    public string Own => NodeAddress.Of(_address);

    public IReadOnlyCollection<string> Live => _node.Live;

    public int OwnedShards => _node.Owned.Count;

    public static async Task<SiloLife> BeginAsync(LocalServerOptions options, IBlobStore blobs, CancellationToken cancellationToken)
    {
        // The schema holds the silos' tables, too.
        await PostgresDatabase.MigrateAsync(options.Database!, cancellationToken);
        var (resident, fatal) = (new Resident(), new FatalErrors(options.Log));
        var silo = SiloHost.Build(options, resident, fatal);
        PostgresNode? node = null;
        SiloLife? life = null;
        try
        {
            await silo.StartAsync(cancellationToken);
            var address = NodeAddress.Of(silo.Services.GetRequiredService<ILocalSiloDetails>().SiloAddress);
            node = await PostgresNode.JoinAsync(options.Database!, address, TimeProvider.System, options.LogOf("Fanfare.Storage"), blobs, cancellationToken);
            life = new SiloLife(options, silo, resident, fatal, node, blobs);
            await life.StartAsync(blobs, cancellationToken);
            return life;
        }
        catch
        {
            if (life is not null)
            {
                await life.DisposeAsync();
                throw;
            }
            if (node is not null) await node.DisposeAsync();
            await SiloHost.EndAsync(silo);
            throw;
        }
    }

    public string? AddressOf(int shard) => _node.AddressOf(shard);

    public Task ChangedAsync() => _node.ChangedAsync();

    public Task<Task> GainedAsync(IReadOnlyList<int> shards) => _engine.GainAsync(shards);

    public Task LosingAsync(IReadOnlyList<int> shards) => _engine.LoseAsync(shards);

    public Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken) => _nodes.PositionAsync(run, cancellationToken);

    // What is asked of it ends at once then, and not only when its probes were missed.
    public void PutOut(string address) => _ = KillAsync(SiloAddress.FromParsableString(address));

    public IDisposable Watch(string ns, string run) => _watch.Watch(ns, run);

    public async Task<IReadOnlyList<NodeInfo>> ListNodesAsync(CancellationToken cancellationToken) =>
        [.. (await _nodes.DescribeAsync(_patience).WaitAsync(cancellationToken)).Select(node => node.Info ?? new NodeInfo(node.Address, "", "", 0, 0, DateTimeOffset.UnixEpoch))];

    /// <summary>Has the others take what this node owns, as far as there are any.</summary>
    public Task<bool> StandAsideAsync(CancellationToken cancellationToken) => _node.StandAsideAsync(cancellationToken);

    /// <summary>As <see cref="StandAsideAsync"/>, for some minutes.</summary>
    /// <exception cref="RefusedException">There is no other.</exception>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        var isAside = await _node.StandAsideAsync(cancellationToken);
        _ = ComeBackAsync(isAside ? _aside : TimeSpan.Zero);
        if (!isAside)
            throw new RefusedException(RefusalKind.Conflict, "FAN0003", "No other server took over what this one owns: there is none, or those that there are were drained within the last 5 minutes. Start another one on the same database, or stop this one.");
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        await _watching;
        if (_retention is not null) await _retention.DisposeAsync();
        _resident.MoveOut();
        // The shards before the engine: what is in commit is answered, and then the others have them.
        if (!_node.Store.Deposed.IsCancellationRequested) await _node.StandAsideAsync();
        await _engine.DisposeAsync();
        await _node.DisposeAsync();
        await SiloHost.EndAsync(_silo);
        _ending.Dispose();
    }

    private async Task StartAsync(IBlobStore blobs, CancellationToken cancellationToken)
    {
        _watching = WatchSilosAsync();
        await _engine.RecoverAsync();
        _resident.MoveIn(_engine, Scheduler, this, Store.Journal, Store.ReadModel,
            new NodeInfo(Own, _options.Advertise!.ToString().TrimEnd('/'), ProductVersion.Text, JournalFormat.Version, Environment.ProcessId, DateTimeOffset.UtcNow));
        var known = ChangedAsync();
        _node.Start(this);
        // Whose anything is, is known from then on.
        await Task.WhenAny(known, Ended).WaitAsync(cancellationToken);
        // One of all does it: whoever owns the first shard.
        _retention = RetentionRun.Start(_options, Store, blobs, _engine, isMine: () => AddressOf(0) == Own);
    }

    // One that the silos do not reach, though the database does, learns only later that they have declared it dead; and nobody could ask it for what it owns.
    private async Task WatchSilosAsync()
    {
        try
        {
            await foreach (var seen in _silo.Services.GetRequiredService<IClusterMembershipService>().MembershipUpdates.WithCancellation(_ending.Token))
                foreach (var dead in seen.Members.Values.Where(silo => silo.Status == SiloStatus.Dead && Live.Contains(NodeAddress.Of(silo.SiloAddress)))) await PutOutAsync(dead.SiloAddress);
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            // The life ends.
        }
    }

    private async Task PutOutAsync(SiloAddress silo)
    {
        try
        {
            if (await _node.PutOutAsync(NodeAddress.Of(silo), _ending.Token)) _options.Log($"The server {silo.Endpoint} was put out: the silos do not reach it.");
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException)
        {
            // While the database is away nobody takes anything over. The lease of one that is gone runs out by itself.
            _options.Log($"The server {silo.Endpoint} could not be put out: {e.Message}");
        }
    }

    private async Task KillAsync(SiloAddress silo)
    {
        try
        {
            await _silo.Services.GetRequiredService<IClusterMembershipService>().TryKill(silo);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The silos' own probes find it out.
            _options.Log($"The silo {silo.Endpoint} could not be told to be gone: {e.Message}");
        }
    }

    private async Task ComeBackAsync(TimeSpan after)
    {
        for (var wait = after; ; wait = _comeBackAgain)
        {
            try
            {
                await Task.Delay(wait, _ending.Token);
                await _node.ComeBackAsync(_ending.Token);
                return;
            }
            catch (OperationCanceledException)
            {
                // It ended in between.
                return;
            }
            catch (Exception error)
            {
                _options.Log($"The silo could not say that it takes its share again, which is tried again: {error.Message}");
            }
        }
    }
}
