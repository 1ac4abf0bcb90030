using Fanfare.Contracts;
using Fanfare.Storage.Tests.Conformance;
using Npgsql;

namespace Fanfare.Storage.Tests.Postgres;

public sealed class PostgresConformance : JournalConformance
{
    private string _connection = "";
    private PostgresElection? _election;
    private PostgresStore? _store;

    public override async Task InitializeAsync()
    {
        var name = "t" + Guid.NewGuid().ToString("N");
        await using var admin = NpgsqlDataSource.Create("Host=127.0.0.1;Port=54999;Username=postgres;Database=postgres");
        await using var create = admin.CreateCommand($"CREATE DATABASE {name} STRATEGY wal_log");
        await create.ExecuteNonQueryAsync();
        _connection = $"Host=127.0.0.1;Port=54999;Username=postgres;Database={name}";
        await base.InitializeAsync();
    }

    protected override async Task<(IJournal Journal, IReadModel ReadModel)> OpenStoreAsync()
    {
        _election = await PostgresElection.JoinAsync(_connection, TimeProvider.System);
        _store = await _election.WinAsync("http://127.0.0.1:1", CancellationToken.None);
        return (_store.Journal, _store.ReadModel);
    }

    protected override async Task CloseStoreAsync()
    {
        await _store!.DisposeAsync();
        await _election!.DisposeAsync();
    }
}
