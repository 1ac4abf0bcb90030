using Fanfare.Contracts;
using Fanfare.Engine;
using Fanfare.Storage;
using Fanfare.Storage.Blobs;

namespace Fanfare.Bench;

/// <summary>An engine with the SQLite journal in a directory of its own, without gateway.</summary>
internal sealed class LocalEngine : IAsyncDisposable
{
    private readonly string _directory;
    private readonly SqliteStore _store;

    private LocalEngine(string directory, SqliteStore store, EngineNode node)
    {
        (_directory, _store, Node) = (directory, store, node);
    }

    public EngineNode Node { get; }

    public IReadModel ReadModel => _store.ReadModel;

    public IJournal Journal => _store.Journal;

    public string Directory => _directory;

    public static async Task<LocalEngine> StartAsync()
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("fanfare-bench-").FullName;
        var store = await SqliteStore.OpenAsync(directory, TimeProvider.System, Console.Error.WriteLine);
        var node = new EngineNode(new EngineOptions { Seed = 1 }, store.Journal, store.ReadModel, new DirectoryBlobStore(Path.Combine(directory, "blobs")),
            TimeProvider.System, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, Console.Error.WriteLine);
        await node.RecoverAsync();
        return new LocalEngine(directory, store, node);
    }

    public async Task<string> StartRunAsync(FlowSpec spec)
    {
        await Node.DeployAsync(new DeployFlow("default", "bench", spec, "bench", null), default);
        var started = await Node.StartRunAsync(new StartRun("default", "bench", spec.Name, null, "{}", [], 0, null, RunIds.Of(Guid.NewGuid().ToByteArray())), default);
        return started.Run;
    }

    public async ValueTask DisposeAsync()
    {
        await Node.DisposeAsync();
        await _store.DisposeAsync();
        System.IO.Directory.Delete(_directory, recursive: true);
    }
}
