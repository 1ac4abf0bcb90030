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

    /// <param name="isMine">Whether it is this server's to do, of several that could; null for always.</param>
    public static RetentionRun Start(LocalServerOptions options, IStore store, IBlobStore blobs, EngineNode engine, Func<bool>? isMine = null) =>
        new(new Retention(store, blobs, options.Retention, TimeProvider.System, options.LogOf("Fanfare.Storage"), engine.ForgetRunsAsync, isMine), store.Deposed);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }
}
