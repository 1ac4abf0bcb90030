using System.Security.Cryptography;
using Fanfare.Engine;
using Fanfare.Gateway;
using Fanfare.Specs;
using Fanfare.Storage;
using Fanfare.Storage.Blobs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Fanfare.Cli.Hosting;

/// <summary>Gateway, engine, SQLite journal and, where asked for, a worker: all in this process.</summary>
internal sealed class EmbeddedServer : ILocalServer
{
    public async Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken)
    {
        var store = await OpenStoreAsync(options);
        EngineNode? engine = null;
        WebApplication? gateway = null;
        try
        {
            var blobs = new DirectoryBlobStore(Path.Combine(options.DataDirectory, "blobs"));
            engine = new EngineNode(
                EngineOptionsOf(options),
                store.Journal, store.ReadModel, blobs, TimeProvider.System,
                // One thing at a time, on the pool's threads: the engine owns none.
                new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, options.Log);
            await engine.RecoverAsync();
            gateway = GatewayHost.Build(
                new GatewayOptions { Host = options.Host, Port = options.Port, AccessToken = options.Token, DataDirectory = options.DataDirectory, HandleSignals = false },
                services => services
                    .AddSingleton<IScheduler>(engine)
                    .AddSingleton(store.ReadModel)
                    .AddSingleton(store.Journal)
                    .AddSingleton<IBlobStore>(blobs)
                    .AddSingleton<ISpecReader, SpecReader>()
                    .AddSingleton(TimeProvider.System));
            await gateway.StartAsync(cancellationToken);
            var running = new RunningServer(store, engine, gateway, Reachable(GatewayHost.AddressOf(gateway)));
            if (options.WithWorker) running.StartWorker(options);
            return running;
        }
        catch (Exception e)
        {
            if (gateway is not null) await gateway.DisposeAsync();
            if (engine is not null) await engine.DisposeAsync();
            await store.DisposeAsync();
            var taken = e is IOException { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException };
            // Only binding tells for sure: a look beforehand would race with another server that starts just now.
            if (taken && options.OrAnyPort) return await StartAsync(options with { Port = 0, OrAnyPort = false }, cancellationToken);
            throw e switch
            {
                GatewayConfigurationException => new CommandException(ExitCode.Usage, e.Message),
                IOException when taken =>
                    new CommandException(ExitCode.Usage, $"Port {options.Port} is in use.", "Name another with --port N, or 0 for any free one."),
                _ => e,
            };
        }
    }

    // The margin is for clocks that drift, which takes time: a short term needs less of it.
    private static EngineOptions EngineOptionsOf(LocalServerOptions options)
    {
        var engine = new EngineOptions { Seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), LeaseTerm = options.LeaseTerm };
        return options.LeaseTerm / 2 < engine.LeaseMargin ? engine with { LeaseMargin = options.LeaseTerm / 2 } : engine;
    }

    private static async Task<SqliteStore> OpenStoreAsync(LocalServerOptions options)
    {
        try
        {
            return await SqliteStore.OpenAsync(options.DataDirectory, TimeProvider.System, options.Log);
        }
        catch (Exception e) when (e is DataDirectoryException or JournalFormatException)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }

    // A server bound to all addresses is reached by this machine over loopback.
    private static Uri Reachable(Uri bound) =>
        bound.Host is "0.0.0.0" or "[::]" ? new UriBuilder(bound) { Host = "127.0.0.1" }.Uri : bound;

    private sealed class SpecReader : ISpecReader
    {
        public SpecReading Read(string source)
        {
            var result = FlowSpecReader.Read(source);
            return new SpecReading(result.Spec, result.Errors);
        }
    }

    private sealed class RunningServer(SqliteStore store, EngineNode engine, WebApplication gateway, Uri url) : IRunningServer
    {
        private readonly CancellationTokenSource _workerStop = new();
        private Task? _worker;

        public Uri BaseUrl => url;

        public Task Completion { get => field ??= EndAsync(); }

        public void StartWorker(LocalServerOptions options) => _worker = new EmbeddedWorker().RunAsync(
            new LocalWorkerOptions([url], options.Token, $"{Environment.MachineName}-embedded", [], Path.Combine(options.DataDirectory, "worker"), null, null, options.Log),
            _workerStop.Token);

        // The worker first, while there is a gateway to take its last results; the journal last.
        public async ValueTask DisposeAsync()
        {
            await _workerStop.CancelAsync();
            if (_worker is not null) await _worker.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await gateway.StopAsync();
            await gateway.DisposeAsync();
            await engine.DisposeAsync();
            await store.DisposeAsync();
            _workerStop.Dispose();
        }

        // A worker that ends without being told to has failed, and a server that should run tasks and cannot must not go on as if it could.
        private async Task EndAsync()
        {
            var shutdown = gateway.WaitForShutdownAsync();
            if (_worker is null) await shutdown;
            else await await Task.WhenAny(_worker, shutdown);
        }
    }
}
