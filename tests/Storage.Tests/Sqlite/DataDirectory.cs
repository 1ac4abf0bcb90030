using Fanfare.Contracts;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Sqlite;

/// <summary>A temporary data directory.</summary>
internal sealed class DataDirectory : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("fanfare-storage-").FullName;

    public string Database => System.IO.Path.Combine(Path, "journal.db");

    /// <summary>The directory as a crash would leave it: its files copied while the journal is open.</summary>
    public DataDirectory Snapshot()
    {
        var copy = new DataDirectory();
        foreach (var file in Directory.GetFiles(Path, "journal.db*"))
        {
            // The shared-memory file is rebuilt by whoever opens the copy first.
            if (!file.EndsWith("-shm", StringComparison.Ordinal)) File.Copy(file, System.IO.Path.Combine(copy.Path, System.IO.Path.GetFileName(file)));
        }
        return copy;
    }

    /// <summary>One append with its run's row, which must win.</summary>
    public static async Task AppendAsync(SqliteStore store, string run)
    {
        var stream = StreamId.Run(A.Ns, run);
        var opened = await store.Journal.OpenAsync(stream, default);
        Assert.Equal(AppendOutcome.Committed, await store.Journal.AppendAsync(A.Append(stream, opened, rows: [A.Run(run)])).WaitAsync(TimeSpan.FromSeconds(30)));
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
