using System.Security.Cryptography;
using Fanfare.Engine;
using Fanfare.Gateway;
using Fanfare.Storage;
using Fanfare.Storage.Blobs;
using Fanfare.Storage.Postgres;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Fanfare.Cli.Hosting;

/// <summary>One of several servers on one PostgreSQL database. It serves the API at all times: by itself while it leads, through the leader while it stands by.</summary>
internal sealed class ClusteredServer : IRunningServer
{
    private static readonly TimeSpan _afterFailure = TimeSpan.FromMilliseconds(250);

    private readonly LocalServerOptions _options;
    private readonly PostgresElection _election;
    private readonly DirectoryBlobStore _blobs;
    private readonly WebApplication _gateway;
    private readonly LeadPorts _ports;
    private readonly CancellationTokenSource _stop = new();
    private readonly EmbeddedWorkerRun? _worker;
    private readonly Task _leading;

    private ClusteredServer(LocalServerOptions options, PostgresElection election, DirectoryBlobStore blobs, WebApplication gateway, LeadPorts ports, Uri url, Uri advertised)
    {
        (_options, _election, _blobs, _gateway, _ports, BaseUrl) = (options, election, blobs, gateway, ports, url);
        _leading = Task.Run(() => LeadAsync(advertised.ToString()));
        if (options.WithWorker) _worker = EmbeddedWorkerRun.Start(options, url);
    }

    public Uri BaseUrl { get; }

    public Task Completion { get => field ??= EndAsync(); }

    /// <exception cref="CommandException">The database cannot be used: says what to do.</exception>
    public static async Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken)
    {
        var election = await JoinAsync(options, cancellationToken);
        DirectoryBlobStore? blobs = null;
        WebApplication? gateway = null;
        try
        {
            blobs = new DirectoryBlobStore(Path.Combine(options.DataDirectory, "blobs"));
            var ports = new LeadPorts(election);
            gateway = ServerParts.Gateway(options, ports, ports, ports, blobs, services => services.AddSingleton<ILeadership>(ports));
            await gateway.StartAsync(cancellationToken);
            var url = ServerParts.Reachable(GatewayHost.AddressOf(gateway));
            var advertised = options.Advertise ?? url;
            ports.Own = advertised;
            var server = new ClusteredServer(options, election, blobs, gateway, ports, url, advertised);
            await ports.SettleAsync(cancellationToken);
            return server;
        }
        catch
        {
            if (gateway is not null) await gateway.DisposeAsync();
            blobs?.Dispose();
            await election.DisposeAsync();
            throw;
        }
    }

    // The worker first, while there is a gateway to take its last results. Then the lead, so that another server takes over while this one
    // still forwards; the gateway last.
    public async ValueTask DisposeAsync()
    {
        if (_worker is not null) await _worker.DisposeAsync();
        await _stop.CancelAsync();
        await _leading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _gateway.StopAsync();
        await _gateway.DisposeAsync();
        await _election.DisposeAsync();
        _blobs.Dispose();
        _stop.Dispose();
    }

    private static async Task<PostgresElection> JoinAsync(LocalServerOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return await PostgresElection.JoinAsync(options.Database!, TimeProvider.System, options.Log, cancellationToken);
        }
        catch (Exception e) when (e is StoreUnavailableException or JournalFormatException)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }

    private async Task LeadAsync(string address)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var store = await _election.WinAsync(address, _stop.Token);
                await using var closed = store.ConfigureAwait(false);
                await LeadOnceAsync(store);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is StoreUnavailableException)
            {
                _options.Log($"The lead was given up: {e.Message}");
                await Task.Delay(_afterFailure, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task LeadOnceAsync(PostgresStore store)
    {
        var engine = new EngineNode(
            ServerParts.EngineOptionsOf(_options, BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8))),
            store.Journal, store.ReadModel, _blobs, TimeProvider.System, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, _options.Log);
        try
        {
            await engine.RecoverAsync();
            _ports.Take(store, engine);
            _options.Log("This server leads.");
            await using var retention = RetentionRun.Start(_options, store, _blobs, engine);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(store.Deposed, _stop.Token);
            await Task.Delay(Timeout.InfiniteTimeSpan, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!_stop.IsCancellationRequested) _options.Log("Another server leads; this one stands by.");
        }
        finally
        {
            _ports.Leave();
            await engine.DisposeAsync();
        }
    }

    // A worker that ends without being told to has failed, and so has a server that can lead no more; neither must go on as if it could.
    private async Task EndAsync()
    {
        var shutdown = _gateway.WaitForShutdownAsync();
        await await Task.WhenAny([shutdown, _leading, .. _worker is null ? (Task[])[] : [_worker.Completion]]);
    }
}
