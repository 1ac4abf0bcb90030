using Fanfare.Engine;
using Fanfare.Gateway;
using Fanfare.Storage;
using Fanfare.Storage.Postgres;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Fanfare.Cli.Hosting;

/// <summary>One of several servers on one PostgreSQL database. It serves the API at all times: by itself while it leads, through the leader while it stands by.</summary>
internal sealed class ClusteredServer : IRunningServer
{
    private static readonly TimeSpan _afterFailure = TimeSpan.FromMilliseconds(250), _lookEvery = TimeSpan.FromMilliseconds(10), _holdEvery = TimeSpan.FromMilliseconds(100);

    /// <summary>How long a server that was drained leaves the lead to others: by then it has been stopped for its upgrade, or was not meant to be.</summary>
    private static readonly TimeSpan _aside = TimeSpan.FromMinutes(5);

    /// <summary>Longest that a drain waits for another server to lead, or for this one to lead again.</summary>
    private static readonly TimeSpan _longestHandOver = TimeSpan.FromSeconds(20);

    private readonly LocalServerOptions _options;
    private readonly PostgresElection _election;
    private readonly IBlobStore _blobs;
    private readonly PostgresMetaflow _metaflow;
    private readonly WebApplication _gateway;
    private readonly LeadPorts _ports;
    private readonly CancellationTokenSource _stop = new();
    private readonly EmbeddedWorkerRun? _worker;
    private readonly Task _leading;
    private volatile CancellationTokenSource _drain = new();

    private ClusteredServer(LocalServerOptions options, PostgresElection election, IBlobStore blobs, PostgresMetaflow metaflow, WebApplication gateway, LeadPorts ports, Uri url, Uri advertised)
    {
        (_options, _election, _blobs, _metaflow, _gateway, _ports, BaseUrl) = (options, election, blobs, metaflow, gateway, ports, url);
        ports.HandOver = HandOverAsync;
        _leading = Task.Run(() => LeadAsync(advertised.ToString()));
        if (options.WithWorker) _worker = EmbeddedWorkerRun.Start(options, url);
    }

    public Uri BaseUrl { get; }

    public Task Completion { get => field ??= EndAsync(); }

    /// <exception cref="CommandException">The database cannot be used: says what to do.</exception>
    public static async Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken)
    {
        // Nothing of the journal is in it, but the server's address, and perhaps the blobs.
        DataDirectory.Make(options.DataDirectory);
        IBlobStore? blobs = null;
        PostgresElection? election = null;
        PostgresMetaflow? metaflow = null;
        WebApplication? gateway = null;
        try
        {
            blobs = await BlobPlace.Of(options).OpenAsync(options.LogOf("Fanfare.Storage"), cancellationToken);
            election = await JoinAsync(() => PostgresElection.JoinAsync(options.Database!, TimeProvider.System, options.LogOf("Fanfare.Storage"), blobs, cancellationToken));
            metaflow = await JoinAsync(() => PostgresMetaflow.OpenAsync(options.Database!, TimeProvider.System, cancellationToken));
            var ports = new LeadPorts(election);
            gateway = ServerParts.Gateway(options, ports, ports, ports, blobs, metaflow, services => services.AddSingleton<ILeadership>(ports).AddSingleton<ITenure>(ports));
            await gateway.StartAsync(cancellationToken);
            var url = ServerParts.Reachable(GatewayHost.AddressOf(gateway));
            var advertised = options.Advertise ?? url;
            ports.Own = advertised;
            var server = new ClusteredServer(options, election, blobs, metaflow, gateway, ports, url, advertised);
            await ports.SettleAsync(cancellationToken);
            return server;
        }
        catch
        {
            if (gateway is not null) await gateway.DisposeAsync();
            if (metaflow is not null) await metaflow.DisposeAsync();
            if (election is not null) await election.DisposeAsync();
            BlobPlace.Close(blobs);
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
        await _metaflow.DisposeAsync();
        await _election.DisposeAsync();
        BlobPlace.Close(_blobs);
        _stop.Dispose();
        _drain.Dispose();
    }

    private static async Task<T> JoinAsync<T>(Func<Task<T>> join)
    {
        try
        {
            return await join();
        }
        catch (Exception e) when (e is StoreUnavailableException or JournalFormatException)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }

    // What is under way is answered as at a takeover; what is in commit is written before the lease is given up.
    private async Task<Uri> HandOverAsync(CancellationToken cancellationToken)
    {
        if (!await _election.HasSuccessorAsync(cancellationToken))
            throw new RefusedException(RefusalKind.Conflict, "FAN0003",
                $"No other server waits to lead: there is none, or those that there are were drained within the last {_aside.TotalMinutes:0} minutes. Start another one on the same database, or stop this one.");
        var drain = _drain;
        _election.StandAside(_aside);
        await drain.CancelAsync();
        using var limit = new CancellationTokenSource(_longestHandOver);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken, _stop.Token);
        while (!either.IsCancellationRequested)
        {
            if (_ports.Leader is { } successor) return successor;
            if (_ports.IsLeader && _drain != drain)
                throw new RefusedException(RefusalKind.Conflict, "FAN0003", $"No other server took over within {PostgresElection.LastResort.TotalSeconds:0} s, and this one leads again. Look at the others' logs.");
            await Task.Delay(_lookEvery, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        throw new RefusedException(RefusalKind.Busy, "FAN0008", $"This server has handed over, and does not know who leads now: {_election.Trouble ?? "nobody does yet."}");
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
        var drain = _drain = new CancellationTokenSource();
        var engine = new EngineNode(
            ServerParts.EngineOptionsOf(_options) with { IsHeld = () => store.Leads },
            store.Journal, store.ReadModel, _blobs, TimeProvider.System, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, _options.Log);
        try
        {
            await engine.RecoverAsync();
            _ports.Take(store, engine);
            _options.Log("This server leads.");
            await using var retention = RetentionRun.Start(_options, store, _blobs, engine);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(store.Deposed, _stop.Token, drain.Token);
            while (!either.IsCancellationRequested)
            {
                _ports.Hold(store.Leads);
                await Task.Delay(_holdEvery, either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            if (store.Deposed.IsCancellationRequested) _options.Log("Another server leads; this one stands by.");
            else if (drain.IsCancellationRequested) _options.Log($"Told to hand over: this one stands by, and leaves the lead to others for {_aside.TotalMinutes:0} minutes.");
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
