using Fanfare.Engine;
using Fanfare.Storage;
using Fanfare.Storage.Retaining;

namespace Fanfare.Cli.Hosting;

/// <summary>The removal of old runs beside an engine, as long as that leads.</summary>
internal sealed class RetentionRun : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly Task _running;

    private RetentionRun(Retention retention, CancellationToken deposed)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(deposed);
        _running = Task.Run(() => retention.RunAsync(_stop.Token), CancellationToken.None);
    }

    public static RetentionRun Start(LocalServerOptions options, IStore store, IBlobStore blobs, EngineNode engine) =>
        new(new Retention(store, blobs, options.Retention, TimeProvider.System, options.Log, engine.ForgetRunsAsync), store.Deposed);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}
