using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite.Write;

/// <summary>Work of the store's own, of no stream: it is done when the batch that it is part of commits.</summary>
internal sealed class StreamUpkeep(Action<Database, Action<StreamId>> work) : StreamWrite(StreamId.Queue("system", "upkeep"), epoch: 0)
{
    public void Run(Database database, Action<StreamId> forget) => work(database, forget);
}
