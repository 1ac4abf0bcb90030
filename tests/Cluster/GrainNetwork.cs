using Fanfare.Contracts;
using Fanfare.Grains;
using Fanfare.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Orleans.Configuration;
using Orleans.Hosting;
using Orleans.Runtime;
using Orleans.TestingHost;

namespace Fanfare.Cluster;

/// <summary>Each node lives in a silo of a test cluster, and the nodes reach each other through grains.</summary>
internal sealed class GrainNetwork : INetwork
{
    private readonly SemaphoreSlim _one = new(1);
    private InProcessTestCluster? _cluster;

    public async Task<IPlace> OpenAsync(string name)
    {
        // The first silo comes with the cluster.
        await _one.WaitAsync();
        try
        {
            if (_cluster is not null) return new Place(_cluster, await _cluster.StartAdditionalSiloAsync());
            _cluster = Build();
            await _cluster.DeployAsync();
            return new Place(_cluster, _cluster.Silos[0]);
        }
        finally
        {
            _one.Release();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_cluster is not null) await _cluster.DisposeAsync();
        _one.Dispose();
    }

    private static InProcessTestCluster Build()
    {
        var builder = new InProcessTestClusterBuilder(1);
        (builder.Options.InitializeClientOnDeploy, builder.Options.ConfigureFileLogging) = (false, false);
        builder.ConfigureSilo((_, silo) =>
        {
            silo.AddFanfareGrains(new Resident());
            silo.Configure<ClusterMembershipOptions>(membership =>
            {
                (membership.ProbeTimeout, membership.MaxProbeTimeout, membership.NumMissedProbesLimit, membership.TableRefreshTimeout) = (TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), 2, TimeSpan.FromSeconds(5));
                membership.LivenessEnabled = true;
            });
        });
        return builder.Build();
    }

    private sealed class Place(InProcessTestCluster cluster, InProcessSiloHandle silo) : IPlace, IShardMap
    {
        private Member? _member;
        private GrainNodes? _nodes;
        private bool _isDown;

        public string Address => NodeAddress.Of(silo.SiloAddress);

        public string Own => Address;

        public IReadOnlyCollection<string> Live => _member!.Live;

        public int OwnedShards => _member!.Owned.Count;

        private IServiceProvider Services => silo.ServiceProvider;

        public INodes Settle(Member member)
        {
            _member = member;
            _nodes = new GrainNodes(this, member.Engine, Services.GetRequiredService<IGrainFactory>());
            return _nodes;
        }

        public void Open() => Services.GetRequiredService<Resident>().MoveIn(
            _member!.Engine, _member.Scheduler, this, _member.Store.Journal, _member.Store.ReadModel, new NodeInfo(Address, "", "test", JournalFormat.Version, Environment.ProcessId, DateTimeOffset.UtcNow));

        public string? AddressOf(int shard) => _member!.AddressOf(shard);

        public Task ChangedAsync() => _member!.ChangedAsync();

        public Task<long> PositionAsync(StreamId run, CancellationToken cancellationToken) => _nodes!.PositionAsync(run, cancellationToken);

        public void PutOut(string address) => Services.GetRequiredService<IClusterMembershipService>().TryKill(SiloAddress.FromParsableString(address)).Ignore();

        public async Task KillAsync()
        {
            _isDown = true;
            await cluster.KillSiloAsync(silo);
        }

        public async ValueTask DisposeAsync()
        {
            if (_isDown) return;
            Services.GetRequiredService<Resident>().MoveOut();
            await cluster.StopSiloAsync(silo);
        }
    }
}
