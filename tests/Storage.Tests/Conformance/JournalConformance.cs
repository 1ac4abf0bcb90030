using Fanfare.Contracts;

namespace Fanfare.Storage.Tests.Conformance;

/// <summary>What every journal with its read model must do, whichever database keeps it. A backend is a short subclass.</summary>
public abstract partial class JournalConformance : IAsyncLifetime
{
    protected static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    protected IJournal Journal { get; private set; } = null!;

    protected IReadModel ReadModel { get; private set; } = null!;

    protected IStore Store { get; private set; } = null!;

    /// <summary>Opens the journal, for the first time or after <see cref="CloseStoreAsync"/>: the same data, a new owner.</summary>
    protected abstract Task<IStore> OpenStoreAsync();

    protected abstract Task CloseStoreAsync();

    public virtual Task InitializeAsync() => OpenAsync();

    public virtual async Task DisposeAsync()
    {
        await CloseStoreAsync();
        Directory.Delete(_blobRoot, recursive: true);
    }

    protected async Task ReopenAsync()
    {
        await CloseStoreAsync();
        await OpenAsync();
    }

    protected Task<OpenedStream> Open(StreamId stream) => Journal.OpenAsync(stream, default).WaitAsync(Patience);

    protected async Task<AppendOutcome> Append(Append append) => await Journal.AppendAsync(append).WaitAsync(Patience);

    /// <summary>Opens a stream and appends rows with as many events as it takes, asserting that it wins.</summary>
    protected async Task Write(StreamId stream, params Row[] rows)
    {
        var opened = await Open(stream);
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(stream, opened, rows: rows)));
    }

    private async Task OpenAsync()
    {
        Store = await OpenStoreAsync();
        (Journal, ReadModel) = (Store.Journal, Store.ReadModel);
    }

    private static StreamId Flow(string name = "etl") => StreamId.Flow(A.Ns, name);

    private static StreamId Run(string run = "r1") => StreamId.Run(A.Ns, run);

    private static StreamId Step(string run, StepKey key) => StreamId.Step(A.Ns, run, key);
}
