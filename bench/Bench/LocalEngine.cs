using Fanfare.Contracts;
using Fanfare.Core;
using Fanfare.Engine;
using Fanfare.Storage;
using Fanfare.Storage.Blobs;
using Npgsql;

namespace Fanfare.Bench;

/// <summary>An engine without gateway, with the SQLite journal in a directory of its own or a journal in a PostgreSQL database.</summary>
internal sealed class LocalEngine : IAsyncDisposable
{
    private readonly string _directory;
    private readonly string? _postgres;
    private readonly IStore _store;
    private readonly PostgresElection? _election;

    private LocalEngine(string directory, string? postgres, IStore store, PostgresElection? election, IBlobStore blobs, EngineNode node)
    {
        (_directory, _postgres, _store, _election, Blobs, Node) = (directory, postgres, store, election, blobs, node);
    }

    public EngineNode Node { get; }

    public IReadModel ReadModel => _store.ReadModel;

    public IJournal Journal => _store.Journal;

    public IStore Store => _store;

    public IBlobStore Blobs { get; }

    public string Directory => _directory;

    /// <param name="postgres">A connection string whose schema 'bench' is made anew; null for SQLite.</param>
    /// <param name="prepare">Called with the schema made, and nothing in it.</param>
    /// <param name="options">The engine's; null for its defaults.</param>
    public static async Task<LocalEngine> StartAsync(string? postgres = null, Func<Task>? prepare = null, EngineOptions? options = null)
    {
        var directory = System.IO.Directory.CreateTempSubdirectory("fanfare-bench-").FullName;
        if (postgres is not null)
        {
            await using var source = NpgsqlDataSource.Create(postgres);
            await using var drop = source.CreateCommand("DROP SCHEMA IF EXISTS bench CASCADE; DROP SCHEMA IF EXISTS bench_metaflow CASCADE");
            await drop.ExecuteNonQueryAsync();
        }
        return await OpenAsync(directory, postgres, prepare, options);
    }

    /// <summary>Stops, and starts again on what it has stored.</summary>
    public async Task<LocalEngine> RestartAsync()
    {
        await StopAsync();
        return await OpenAsync(_directory, _postgres, null, null);
    }

    private static async Task<LocalEngine> OpenAsync(string directory, string? postgres, Func<Task>? prepare, EngineOptions? options)
    {
        var election = postgres is null ? null : await PostgresElection.JoinAsync(postgres + ";Search Path=bench", TimeProvider.System, Console.Error.WriteLine);
        if (prepare is not null && election is not null) await prepare();
        IStore store = election is null
            ? await SqliteStore.OpenAsync(directory, TimeProvider.System, Console.Error.WriteLine)
            : await election.WinAsync("bench", CancellationToken.None);
        var blobs = new DirectoryBlobStore(Path.Combine(directory, "blobs"));
        var node = new EngineNode(options ?? new EngineOptions { Seed = 1 }, store.Journal, store.ReadModel, blobs,
            TimeProvider.System, new ConcurrentExclusiveSchedulerPair().ExclusiveScheduler, Console.Error.WriteLine);
        await node.RecoverAsync();
        return new LocalEngine(directory, postgres, store, election, blobs, node);
    }

    public Task DeployAsync(FlowSpec spec) => Node.DeployAsync(new DeployFlow("default", "bench", spec, "bench", null), default);

    public async Task<string> StartRunAsync(FlowSpec spec)
    {
        await DeployAsync(spec);
        return await StartRunAsync(spec.Name);
    }

    /// <param name="named">Told the run's id before it starts.</param>
    public async Task<string> StartRunAsync(string flow, Action<string>? named = null)
    {
        var run = RunIds.Of(Guid.NewGuid().ToByteArray());
        named?.Invoke(run);
        await Node.StartRunAsync(new StartRun("default", "bench", flow, null, "{}", [], 0, null, run), default);
        return run;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        System.IO.Directory.Delete(_directory, recursive: true);
    }

    private async Task StopAsync()
    {
        await Node.DisposeAsync();
        await _store.DisposeAsync();
        if (_election is not null) await _election.DisposeAsync();
    }
}
