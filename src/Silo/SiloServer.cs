using Fanfare.Cli;
using Fanfare.Cli.Hosting;
using Fanfare.Gateway;
using Fanfare.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Fanfare.Silo;

/// <summary>Hosts a server that is one of several; where it is not told to be, one as the plain program has.</summary>
internal sealed class SiloServer : ILocalServer
{
    private readonly EmbeddedServer _plain = new();

    public Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken) =>
        options.Silo is null ? _plain.StartAsync(options, cancellationToken) : EmbeddedServer.HostAsync(options, hosted => RunningSilo.StartAsync(hosted, cancellationToken));
}

/// <summary>A gateway that stays, and behind it one life of a silo after another: who was put out, for it hung or was cut off, joins anew.</summary>
internal sealed class RunningSilo : IRunningServer
{
    private static readonly TimeSpan _afterFailure = TimeSpan.FromMilliseconds(500), _holdEvery = TimeSpan.FromMilliseconds(100);

    private readonly LocalServerOptions _options;
    private readonly IBlobStore _blobs;
    private readonly PostgresMetaflow _metaflow;
    private readonly WebApplication _gateway;
    private readonly NodePorts _ports;
    private readonly CancellationTokenSource _stop = new(), _end = new();
    private readonly EmbeddedWorkerRun? _worker;
    private readonly Task _living;

    private RunningSilo(LocalServerOptions options, IBlobStore blobs, PostgresMetaflow metaflow, WebApplication gateway, NodePorts ports, Uri url, SiloLife first)
    {
        (_options, _blobs, _metaflow, _gateway, _ports, BaseUrl) = (options, blobs, metaflow, gateway, ports, url);
        _living = Task.Run(() => LiveAsync(first));
        if (options.WithWorker) _worker = EmbeddedWorkerRun.Start(options, url);
    }

    public Uri BaseUrl { get; }

    public Task Completion { get => field ??= EndAsync(); }

    /// <exception cref="CommandException">The database or the blobs cannot be used: says what to do.</exception>
    public static async Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken)
    {
        DataDirectory.Make(options.DataDirectory);
        IBlobStore? blobs = null;
        PostgresMetaflow? metaflow = null;
        WebApplication? gateway = null;
        try
        {
            blobs = await BlobPlace.Of(options).OpenAsync(options.LogOf("Fanfare.Storage"), cancellationToken);
            // Any silo serves it by itself: nobody owns any of it.
            metaflow = await PostgresMetaflow.OpenAsync(options.Database!, TimeProvider.System, cancellationToken);
            var ports = new NodePorts();
            gateway = ServerParts.Gateway(options, ports, ports, ports, blobs, metaflow, services => services.AddSingleton<ITenure>(ports).AddSingleton<IRunWatch>(ports).AddSingleton<ICluster>(ports));
            await gateway.StartAsync(cancellationToken);
            var url = ServerParts.Reachable(GatewayHost.AddressOf(gateway));
            options = options with { Advertise = options.Advertise ?? url };
            var life = await SiloLife.BeginAsync(options, blobs, cancellationToken);
            ports.Take(life);
            return new RunningSilo(options, blobs, metaflow, gateway, ports, url, life);
        }
        catch (Exception e)
        {
            if (gateway is not null) await gateway.DisposeAsync();
            if (metaflow is not null) await metaflow.DisposeAsync();
            BlobPlace.Close(blobs);
            if (ServerParts.IsStoreTrouble(e)) throw new CommandException(ExitCode.Usage, e.Message);
            if (e is AddressInUseException) throw new CommandException(ExitCode.Usage, $"The silo's port, {(options.Silo!.Listen ?? options.Silo.EndPoint).Port}, is in use.", "Name another with --silo IP:PORT.");
            throw;
        }
    }

    // The worker first, while there is a gateway to take its last results. Then the shards, which others take over while this gateway still serves;
    // then the gateway, and at last the silo through which it reached the others.
    public async ValueTask DisposeAsync()
    {
        if (_worker is not null) await _worker.DisposeAsync();
        await _stop.CancelAsync();
        if (_ports.Life is { } life) await life.StandAsideAsync(CancellationToken.None);
        await _gateway.StopAsync();
        await _end.CancelAsync();
        await _living.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _gateway.DisposeAsync();
        await _metaflow.DisposeAsync();
        BlobPlace.Close(_blobs);
        _stop.Dispose();
        _end.Dispose();
    }

    private async Task LiveAsync(SiloLife? life)
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (life is null)
                {
                    life = await SiloLife.BeginAsync(_options, _blobs, _stop.Token);
                    _ports.Take(life);
                }
                await LiveOnceAsync(life);
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // Told to stop.
            }
            catch (Exception e) when (ServerParts.IsStoreTrouble(e) || e is Orleans.Runtime.OrleansException or AddressInUseException or Npgsql.NpgsqlException)
            {
                _options.Log($"This server cannot join the others, and tries again: {e.Message}");
                await Task.Delay(_afterFailure, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            finally
            {
                _ports.Leave();
                if (life is not null) await life.DisposeAsync();
                life = null;
            }
        }
    }

    private async Task LiveOnceAsync(SiloLife life)
    {
        _options.Log($"This server takes part, as {life.EndPoint}.");
        while (!_end.IsCancellationRequested && life.WhyEnded is null)
        {
            _ports.Hold(life.Store.Leads);
            await Task.WhenAny(life.Ended, Task.Delay(_holdEvery, _end.Token));
        }
        if (life.WhyEnded is { } why && !_stop.IsCancellationRequested) _options.Log($"{why} It joins anew.");
    }

    // A worker that ends without being told to has failed; the server must not go on as if it ran tasks.
    private async Task EndAsync()
    {
        var shutdown = _gateway.WaitForShutdownAsync();
        await await Task.WhenAny([shutdown, _living, .. _worker is null ? (Task[])[] : [_worker.Completion]]);
    }
}
