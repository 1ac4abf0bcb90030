using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Postgres;

[NeedsPostgres]
public sealed class PostgresConformance(SharedPostgres shared) : JournalConformance, IClassFixture<SharedPostgres>
{
    private readonly string _database = shared.NewSchema();
    private PostgresElection? _election;
    private PostgresStore? _store;

    protected override string Kept(string text) => base.Kept(text).Replace('\0', '\uFFFD');

    protected override async Task<(IJournal Journal, IReadModel ReadModel)> OpenStoreAsync()
    {
        _election = await PostgresElection.JoinAsync(_database, TimeProvider.System);
        _store = await _election.WinAsync("http://127.0.0.1:1", CancellationToken.None);
        return (_store.Journal, _store.ReadModel);
    }

    protected override async Task CloseStoreAsync()
    {
        await _store!.DisposeAsync();
        await _election!.DisposeAsync();
    }
}
