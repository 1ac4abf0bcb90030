using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Sqlite;

public sealed class SqliteConformance : JournalConformance, IDisposable
{
    private readonly DataDirectory _directory = new();
    private SqliteStore? _store;

    protected override async Task<IStore> OpenStoreAsync() => _store = await SqliteStore.OpenAsync(_directory.Path, TimeProvider.System);

    protected override async Task CloseStoreAsync() => await _store!.DisposeAsync();

    protected override Task DeposeAsync()
    {
        using var other = Database.Open(_directory.Database, readOnly: false, busyWait: Patience);
        other.Execute("UPDATE journal SET term = term + 1");
        return Task.CompletedTask;
    }

    public void Dispose() => _directory.Dispose();
}
