using Fanfare.Cli.Hosting;
using Fanfare.Grains;
using Fanfare.Silo.Membership;
using Fanfare.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Runtime;

namespace Fanfare.Silo;

/// <summary>The silo itself, as Orleans has it.</summary>
internal static class SiloHost
{
    private const string Cluster = "fanfare";

    /// <summary>How long a silo may take to answer another's probe, and how often each reads who is declared dead.</summary>
    private static readonly TimeSpan _probeTimeout = TimeSpan.FromSeconds(1), _refreshEvery = TimeSpan.FromSeconds(5);

    /// <summary>Longest that a silo takes to stop: by then it has given away what it owned.</summary>
    private static readonly TimeSpan _stopWithin = TimeSpan.FromSeconds(10);

    public static IHost Build(LocalServerOptions options, Resident resident, IFatalErrorHandler fatal)
    {
        var place = options.Silo!;
        // Nothing from the environment or from files: all that there is to set is in the options.
        var builder = new HostApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        // Orleans tells much that is no news to an operator, such as each call that a dead silo did not answer.
        if (options.Lines is { } lines) builder.Logging.AddProvider(lines).SetMinimumLevel(LogLevel.Trace);
        builder.UseOrleans(silo =>
        {
            silo.Configure<ClusterOptions>(cluster => (cluster.ClusterId, cluster.ServiceId) = (Cluster, Cluster));
            silo.Configure<EndpointOptions>(endpoint =>
            {
                (endpoint.AdvertisedIPAddress, endpoint.SiloPort, endpoint.GatewayPort) = (place.EndPoint.Address, place.EndPoint.Port, 0);
                endpoint.SiloListeningEndpoint = place.Listen ?? place.EndPoint;
            });
            // Measured: a silo that is killed is declared dead after a second, one that hangs after two. What a longer wait would spare, a silo that joins anew, costs less than what it would hold up.
            silo.Configure<ClusterMembershipOptions>(membership =>
            {
                (membership.ProbeTimeout, membership.MinProbeTimeout, membership.MaxProbeTimeout) = (_probeTimeout, _probeTimeout, _probeTimeout);
                (membership.NumMissedProbesLimit, membership.TableRefreshTimeout) = (2, _refreshEvery);
            });
            silo.Configure<HostOptions>(host => host.ShutdownTimeout = _stopWithin);
            silo.AddFanfareGrains(resident);
            Join(silo, options, place);
            silo.Services.Replace(ServiceDescriptor.Singleton(fatal));
        });
        return builder.Build();
    }

    /// <summary>Stops it if it was started. One that is dead in the others' eyes has nothing to tell them.</summary>
    public static async Task EndAsync(IHost silo)
    {
        try
        {
            using var limit = new CancellationTokenSource(_stopWithin);
            await silo.StopAsync(limit.Token);
        }
        catch (Exception e) when (e is OrleansException or OperationCanceledException or AggregateException or InvalidOperationException)
        {
            // It ends all the same.
        }
        if (silo is IAsyncDisposable host) await host.DisposeAsync();
        else silo.Dispose();
    }

    private static void Join(ISiloBuilder silo, LocalServerOptions options, SiloPlace place)
    {
        switch (place.Membership.Kind)
        {
            case MembershipKind.PostgreSql:
                silo.UseAdoNetClustering(database => (database.Invariant, database.ConnectionString) = ("Npgsql", PostgresDatabase.ForSilos(options.Database!)));
                break;
            case MembershipKind.DynamoDb:
                silo.Services.AddSingleton<IMembershipTable>(services => new DynamoDbMembership(place.Membership, Cluster, TimeProvider.System));
                break;
            case MembershipKind.Localhost:
                silo.UseDevelopmentClustering(new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, place.Membership.Port));
                break;
            default:
                throw new InvalidOperationException($"Unknown membership {place.Membership.Kind}.");
        }
    }
}
