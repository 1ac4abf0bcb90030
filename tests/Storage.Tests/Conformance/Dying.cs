using Fanfare.Contracts;
using Fanfare.Storage.Blobs;

namespace Fanfare.Storage.Tests.Conformance;

/// <summary>Counts the calls of a process, and ends it at one of them: before it, or after it, when its caller does not hear of it any more.</summary>
internal sealed class Mortality(int stop) : IDisposable
{
    private int _calls;

    public CancellationTokenSource Death { get; } = new();

    public async Task<T> CallAsync<T>(Func<Task<T>> call)
    {
        Live();
        var outcome = await call();
        Live();
        return outcome;
    }

    public Task CallAsync(Func<Task> call) => CallAsync(async () =>
    {
        await call();
        return true;
    });

    public void Live()
    {
        if (++_calls == stop) Death.Cancel();
        Death.Token.ThrowIfCancellationRequested();
    }

    public void Dispose() => Death.Dispose();
}

/// <summary>A blob store whose process may end.</summary>
internal sealed class DyingBlobs(string root) : IBlobStore, IDisposable
{
    private readonly DirectoryBlobStore _blobs = new(root);

    public Mortality? Mortality { get; set; }

    public Task PutAsync(string name, Stream content, CancellationToken cancellationToken) =>
        Call(() => _blobs.PutAsync(name, Mortality is null ? content : new TornStream(content, Mortality), cancellationToken));

    public Task<Stream?> OpenReadAsync(string name, long offset, CancellationToken cancellationToken) => _blobs.OpenReadAsync(name, offset, cancellationToken);

    public Task<long?> GetSizeAsync(string name, CancellationToken cancellationToken) => _blobs.GetSizeAsync(name, cancellationToken);

    public Task<long> WriteChunkAsync(string name, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) => _blobs.WriteChunkAsync(name, offset, content, cancellationToken);

    public Task DeleteAsync(string name, CancellationToken cancellationToken) => Call(() => _blobs.DeleteAsync(name, cancellationToken));

    public IAsyncEnumerable<string> ListAsync(string prefix, CancellationToken cancellationToken) => _blobs.ListAsync(prefix, cancellationToken);

    public void Dispose() => _blobs.Dispose();

    private Task Call(Func<Task> call) => Mortality is null ? call() : Mortality.CallAsync(call);

    /// <summary>The process may end at every read of it, too.</summary>
    private sealed class TornStream(Stream content, Mortality mortality) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            mortality.Live();
            return await content.ReadAsync(buffer, cancellationToken);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}

/// <summary>A store whose process may end at any call that removes old runs.</summary>
/// <param name="rows">Whether it gets as far as to remove rows.</param>
internal sealed class DyingStore(IStore store, Mortality mortality, bool rows) : IStore, IRetention
{
    public IJournal Journal => store.Journal;

    public IReadModel ReadModel => store.ReadModel;

    public IRetention Retention => this;

    private IRetention Alive => store.Retention;

    public Task<int> CloseAsync(DateTimeOffset endedBefore, int limit, IReadOnlyCollection<long> except, CancellationToken cancellationToken) =>
        mortality.CallAsync(() => Alive.CloseAsync(endedBefore, limit, except, default));

    public Task<IReadOnlyList<RetiredRun>> ListClosedAsync(int limit, CancellationToken cancellationToken) => Alive.ListClosedAsync(limit, default);

    public Task<IReadOnlyList<RetiredRun>> ListHiddenAsync(DateTimeOffset hiddenUntil, int limit, CancellationToken cancellationToken) => Alive.ListHiddenAsync(hiddenUntil, limit, default);

    public Task<(long? Next, bool Quiet)> SealAsync(RetiredRun run, long after, int limit, CancellationToken cancellationToken) => mortality.CallAsync(() => Alive.SealAsync(run, after, limit, default));

    public Task ReopenAsync(RetiredRun run, CancellationToken cancellationToken) => mortality.CallAsync(() => Alive.ReopenAsync(run, default));

    public Task<ArchivePage> ReadAsync(RetiredRun run, ArchivePart part, ArchiveKey after, CancellationToken cancellationToken) => Alive.ReadAsync(run, part, after, default);

    public Task HideAsync(IReadOnlyList<RetiredRun> archived, DateTimeOffset now, CancellationToken cancellationToken) => mortality.CallAsync(() => Alive.HideAsync(archived, now, default));

    public Task<int> RemoveAsync(IReadOnlyList<RetiredRun> hidden, int rowsAtATime, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (!rows) mortality.Death.Cancel();
        return mortality.CallAsync(() => Alive.RemoveAsync(hidden, 8, now, default));
    }

    public Task<IReadOnlyList<StreamId>> ForgetAsync(DateTimeOffset removedUntil, int limit, CancellationToken cancellationToken) => mortality.CallAsync(() => Alive.ForgetAsync(removedUntil, limit, default));

    public Task<int> ForgetSettledAsync(DateTimeOffset before, int limit, CancellationToken cancellationToken) => mortality.CallAsync(() => Alive.ForgetSettledAsync(before, limit, default));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
