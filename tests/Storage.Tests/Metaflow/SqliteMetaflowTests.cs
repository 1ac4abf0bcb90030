using Fanfare.Contracts;
using Fanfare.Storage.Tests.Sqlite;

namespace Fanfare.Storage.Tests.Metaflow;

public sealed class SqliteMetaflowTests : MetaflowConformance, IDisposable
{
    private readonly DataDirectory _directory = new();

    protected override async Task<IMetaflowStore> OpenAsync() => await SqliteMetaflow.OpenAsync(_directory.Path, TimeProvider.System);

    public void Dispose() => _directory.Dispose();
}
