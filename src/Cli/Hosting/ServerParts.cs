using System.Security.Cryptography;
using Fanfare.Engine;
using Fanfare.Gateway;
using Fanfare.Specs;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Fanfare.Cli.Hosting;

/// <summary>What every server is put together from.</summary>
internal static class ServerParts
{
    // The margin is for clocks that drift, which takes time: a short term needs less of it.
    public static EngineOptions EngineOptionsOf(LocalServerOptions options)
    {
        var engine = new EngineOptions { Seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8)), LeaseTerm = options.LeaseTerm, IsMeasured = true, Notifier = options.Notifier, ProviderOf = options.Pools is { } pools ? pools.Of : null, Cluster = options.Pools?.Cluster ?? "fanfare", Traces = options.Traces, Log = options.Lines is { } lines ? new EngineLog(lines) : null };
        return options.LeaseTerm / 2 < engine.LeaseMargin ? engine with { LeaseMargin = options.LeaseTerm / 2 } : engine;
    }

    public static WebApplication Gateway(
        LocalServerOptions options, IScheduler scheduler, IJournal journal, IReadModel readModel, IBlobStore blobs, IMetaflowStore metaflow, Action<IServiceCollection>? more = null) =>
        GatewayHost.Build(
            new GatewayOptions { Host = options.Host, Port = options.Port, AccessToken = options.Token, DataDirectory = options.DataDirectory, Webhooks = options.Webhooks, HandleSignals = false, MeasuresFromStart = !options.OrAnyPort },
            services =>
            {
                // As instances, which the host does not dispose: they are this process's.
                services.AddSingleton(scheduler).AddSingleton(journal).AddSingleton(readModel).AddSingleton(blobs).AddSingleton(metaflow)
                    .AddSingleton<ISpecReader, SpecReader>().AddSingleton(TimeProvider.System)
                    .AddSingleton(options.LogLevels);
                // What is written is for the levels to say, which change.
                if (options.Lines is { } lines) services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddProvider(lines));
                if (options.Traces is { } traces) services.AddSingleton(traces);
                more?.Invoke(services);
            });

    /// <summary>Whether the database is away, or cannot be used: the message says what to do.</summary>
    public static bool IsStoreTrouble(Exception error) => error is Storage.Postgres.StoreUnavailableException or JournalFormatException;

    // A server bound to all addresses is reached by this machine over loopback.
    public static Uri Reachable(Uri bound) =>
        bound.Host is "0.0.0.0" or "[::]" ? new UriBuilder(bound) { Host = "127.0.0.1" }.Uri : bound;

    private sealed class SpecReader : ISpecReader
    {
        public SpecReading Read(string source)
        {
            var result = FlowSpecReader.Read(source);
            return new SpecReading(result.Spec, result.Errors);
        }

        public PoolReading ReadPool(string source)
        {
            var (pool, errors) = PoolFileReader.Read(source);
            return new PoolReading(pool, errors);
        }
    }
}

/// <summary>A worker in the server's process.</summary>
internal sealed class EmbeddedWorkerRun : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();

    // Its server has begun, so there are lines.
    private EmbeddedWorkerRun(LocalServerOptions options, Uri url) => Completion = new EmbeddedWorker().RunAsync(
        new LocalWorkerOptions([url], options.Token, $"{Environment.MachineName}-embedded", [], Path.Combine(options.DataDirectory, "worker"), null, null, options.Lines!),
        _stop.Token);

    /// <summary>Ends when the worker does.</summary>
    public Task Completion { get; }

    public static EmbeddedWorkerRun Start(LocalServerOptions options, Uri url) => new(options, url);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Completion.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}
