using Fanfare.Engine;
using Fanfare.Gateway;
using Fanfare.Storage;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Fanfare.Cli.Hosting;

/// <summary>Gateway, engine, journal and, where asked for, a worker: all in this process. The journal is an SQLite file, or in a database that several servers share.</summary>
internal sealed class EmbeddedServer : ILocalServer
{
    public Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken) => HostAsync(options, hosted => StartAnywhereAsync(hosted, cancellationToken));

    /// <summary>Starts a server, with what it tells of itself to receivers; what the gateway cannot do is said as it is to be mended.</summary>
    public static async Task<IRunningServer> HostAsync(LocalServerOptions options, Func<LocalServerOptions, Task<IRunningServer>> start)
    {
        var lines = new ServerLog(options.LogForm, options.LogLevels, options.Log, TimeProvider.System, Environment.GetEnvironmentVariable);
        TraceExport? traces = null;
        PoolProviders? pools = null;
        try
        {
            traces = TraceExport.Begin(Environment.GetEnvironmentVariable, lines.Writer("Fanfare.Traces", LogLevel.Warning));
            options = options with { Traces = traces, Lines = lines, Log = lines.Writer("Fanfare.Server") };
            pools = new PoolProviders(options);
            var server = await start(options with { Pools = pools });
            pools.Open(server.BaseUrl);
            return new SendingServer(server, traces, pools, lines);
        }
        catch (Exception e)
        {
            traces?.Dispose();
            pools?.Dispose();
            lines.Dispose();
            if (e is IOException io && IsPortInUse(io)) throw new CommandException(ExitCode.Usage, $"Port {options.Port} is in use.", "Name another with --port N, or 0 for any free one.");
            if (e is GatewayConfigurationException) throw new CommandException(ExitCode.Usage, e.Message);
            throw;
        }
    }

    private static bool IsPortInUse(IOException error) => error is { InnerException: Microsoft.AspNetCore.Connections.AddressInUseException };

    private static async Task<IRunningServer> StartAnywhereAsync(LocalServerOptions options, CancellationToken cancellationToken)
    {
        try
        {
            return options.Database is null ? await StartAloneAsync(options, cancellationToken) : await ClusteredServer.StartAsync(options, cancellationToken);
        }
        catch (IOException e) when (options.OrAnyPort && IsPortInUse(e))
        {
            // Only binding tells for sure: a look beforehand would race with another server that starts just now.
            return await StartAnywhereAsync(options with { Port = 0, OrAnyPort = false }, cancellationToken);
        }
    }

    private static async Task<IRunningServer> StartAloneAsync(LocalServerOptions options, CancellationToken cancellationToken)
    {
        var store = await OpenAsync(() => SqliteStore.OpenAsync(options.DataDirectory, TimeProvider.System, options.LogOf("Fanfare.Storage")));
        IBlobStore? blobs = null;
        SqliteMetaflow? metaflow = null;
        EngineNode? engine = null;
        WebApplication? gateway = null;
        try
        {
            blobs = await BlobPlace.Of(options).OpenAsync(options.LogOf("Fanfare.Storage"), cancellationToken);
            metaflow = await OpenAsync(() => SqliteMetaflow.OpenAsync(options.DataDirectory, TimeProvider.System));
            engine = new EngineNode(
                ServerParts.EngineOptionsOf(options),
                store.Journal, store.ReadModel, blobs, TimeProvider.System,
                // One thing at a time, on the pool's threads: the engine owns none.
                new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, options.Log);
            await engine.RecoverAsync();
            gateway = ServerParts.Gateway(options, engine, store.Journal, store.ReadModel, blobs, metaflow);
            await gateway.StartAsync(cancellationToken);
            return new RunningServer(store, blobs, metaflow, engine, gateway, RetentionRun.Start(options, store, blobs, engine), ServerParts.Reachable(GatewayHost.AddressOf(gateway)), options);
        }
        catch
        {
            if (gateway is not null) await gateway.DisposeAsync();
            if (engine is not null) await engine.DisposeAsync();
            if (metaflow is not null) await metaflow.DisposeAsync();
            BlobPlace.Close(blobs);
            await store.DisposeAsync();
            throw;
        }
    }

    private static async Task<T> OpenAsync<T>(Func<Task<T>> open)
    {
        try
        {
            return await open();
        }
        catch (Exception e) when (e is DataDirectoryException or JournalFormatException)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }

    /// <summary>A server, and what is sent of it until the end.</summary>
    private sealed class SendingServer(IRunningServer server, TraceExport? traces, PoolProviders pools, ServerLog lines) : IRunningServer
    {
        public Uri BaseUrl => server.BaseUrl;

        public Task Completion => server.Completion;

        public async ValueTask DisposeAsync()
        {
            await server.DisposeAsync();
            pools.Dispose();
            traces?.Dispose();
            lines.Dispose();
        }
    }

    private sealed class RunningServer : IRunningServer
    {
        private readonly SqliteStore _store;
        private readonly IBlobStore _blobs;
        private readonly SqliteMetaflow _metaflow;
        private readonly EngineNode _engine;
        private readonly WebApplication _gateway;
        private readonly RetentionRun _retention;
        private readonly EmbeddedWorkerRun? _worker;

        public RunningServer(SqliteStore store, IBlobStore blobs, SqliteMetaflow metaflow, EngineNode engine, WebApplication gateway, RetentionRun retention, Uri url, LocalServerOptions options)
        {
            (_store, _blobs, _metaflow, _engine, _gateway, _retention, BaseUrl) = (store, blobs, metaflow, engine, gateway, retention, url);
            if (options.WithWorker) _worker = EmbeddedWorkerRun.Start(options, url);
        }

        public Uri BaseUrl { get; }

        public Task Completion { get => field ??= EndAsync(); }

        // The worker first, while there is a gateway to take its last results; the journal last.
        public async ValueTask DisposeAsync()
        {
            if (_worker is not null) await _worker.DisposeAsync();
            await _gateway.StopAsync();
            await _gateway.DisposeAsync();
            await _retention.DisposeAsync();
            await _engine.DisposeAsync();
            await _metaflow.DisposeAsync();
            BlobPlace.Close(_blobs);
            await _store.DisposeAsync();
        }

        // A worker that ends without being told to has failed, and a server that should run tasks and cannot must not go on as if it could.
        private async Task EndAsync()
        {
            var shutdown = _gateway.WaitForShutdownAsync();
            if (_worker is null) await shutdown;
            else await await Task.WhenAny(_worker.Completion, shutdown);
        }
    }
}
