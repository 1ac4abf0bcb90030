using System.Threading.Channels;
using Fanfare.Contracts;

namespace Fanfare.Storage.Metaflow;

/// <summary>Takes writes one by one and has them committed together: what comes while a commit is under way goes with the next one. So one that comes alone waits for nobody, and a thousand that come at once are a handful of flushes.</summary>
internal sealed class WriteQueue : IAsyncDisposable
{
    /// <summary>Enough to spread a flush thin, few enough to be answered within milliseconds.</summary>
    private const int MostWrites = 500, MostRows = 5_000;

    /// <summary>Writes that wait; the next caller waits outside.</summary>
    private const int MostWaiting = 10_000;

    private readonly Channel<Write> _queue = Channel.CreateBounded<Write>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
    private readonly Func<IReadOnlyList<Write>, Task> _commit;
    private readonly Task _running;

    /// <param name="commit">Makes all of them durable and answers them, or throws and leaves nothing of them.</param>
    public WriteQueue(Func<IReadOnlyList<Write>, Task> commit)
    {
        _commit = commit;
        _running = Task.Run(RunAsync);
    }

    public async Task<MetaflowAnswer<TResult>> WriteAsync<TCommand, TResult>(Write<TCommand, TResult> write, CancellationToken cancellationToken)
    {
        try
        {
            await _queue.Writer.WriteAsync(write, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new RefusedException(RefusalKind.Busy, "FAN0008", "The server is shutting down. Repeat the request in a moment.");
        }
        return await write.Completion.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Commits what is queued, then ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _running.ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        var batch = new List<Write>();
        while (await _queue.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            batch.Clear();
            for (var rows = 0; batch.Count < MostWrites && rows < MostRows && _queue.Reader.TryRead(out var write); rows += write.Rows) batch.Add(write);
            await CommitAsync(batch).ConfigureAwait(false);
        }
    }

    private async Task CommitAsync(List<Write> batch)
    {
        try
        {
            await _commit(batch).ConfigureAwait(false);
        }
        catch (Exception error) when (batch.Count == 1 || error is RefusedException { Kind: RefusalKind.Busy })
        {
            foreach (var write in batch) write.Fail(error);
            return;
        }
        catch (Exception)
        {
            // What is wrong with one must not be the others' trouble: alone, each gets its own answer.
            foreach (var write in batch) await CommitAsync([write]).ConfigureAwait(false);
            return;
        }
        foreach (var write in batch) write.Complete();
    }
}
