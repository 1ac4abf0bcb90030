using Fanfare.Contracts;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Sqlite;

public sealed class SqliteConformance : JournalConformance, IDisposable
{
    private readonly DataDirectory _directory = new();
    private SqliteStore? _store;

    protected override async Task<(IJournal Journal, IReadModel ReadModel)> OpenStoreAsync()
    {
        _store = await SqliteStore.OpenAsync(_directory.Path, TimeProvider.System);
        return (_store.Journal, _store.ReadModel);
    }

    protected override async Task CloseStoreAsync() => await _store!.DisposeAsync();

    public void Dispose() => _directory.Dispose();
}
