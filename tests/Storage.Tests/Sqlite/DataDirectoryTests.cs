using Fanfare.Contracts;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Sqlite;

public sealed class DataDirectoryTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly DataDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task ADirectoryInUse_IsRefused_NamingItAndItsHolder()
    {
        await using var store = await Open();

        var error = await Assert.ThrowsAsync<DataDirectoryException>(() => Open());

        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains($"(pid {Environment.ProcessId})", error.Message, StringComparison.Ordinal);
        Assert.Contains("--data", error.Message, StringComparison.Ordinal);
        await DataDirectory.AppendAsync(store, "r1");
    }

    [Fact]
    public async Task ADirectoryGivenFree_CanBeTakenAgain()
    {
        for (var i = 0; i < 3; i++)
        {
            await using var store = await Open();
            await DataDirectory.AppendAsync(store, $"r{i}");
        }
        await using var last = await Open();
        Assert.Equal(3, await last.ReadModel.GetPositionAsync("default", "run", default));
    }

    [Fact]
    public async Task AServerThatLostTheJournalToAnother_IsFenced_AndSaysSo()
    {
        await using var store = await Open();
        await DataDirectory.AppendAsync(store, "r1");
        // Where locks do not work, another server could raise the term.
        using (var other = Database.Open(_directory.Database, readOnly: false, _patience)) other.Execute("UPDATE journal SET term = term + 1");

        var stream = StreamId.Run(A.Ns, "r1");
        var opened = await store.Journal.OpenAsync(stream, default);
        Assert.Equal(AppendOutcome.Fenced, await store.Journal.AppendAsync(A.Append(stream, opened)).WaitAsync(_patience));

        Assert.Contains("Another server has taken over", store.Journal.Health, StringComparison.Ordinal);
        Assert.Equal(1, await store.ReadModel.GetPositionAsync("default", "run", default));
    }

    [Theory]
    [InlineData("INSERT INTO schema_version (version, applied_us) VALUES (99, 0)", "schema version 99")]
    [InlineData("UPDATE journal SET format = 99", "format 99")]
    public async Task AJournalOfANewerRelease_IsRefused(string change, string named)
    {
        await Make();
        Change(change);

        var error = await Assert.ThrowsAsync<JournalFormatException>(() => Open());

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("Start the release that wrote it", error.Message, StringComparison.Ordinal);
        Change("DELETE FROM schema_version WHERE version = 99");
        Change("UPDATE journal SET format = 1");
        await using var again = await Open(); // The refusal changed nothing, and let go of the lock.
    }

    [Theory]
    [InlineData("UPDATE events SET version = 99", "journal format 99")]
    [InlineData("UPDATE events SET payload = CAST('{\"t\":\"from_the_future\"}' AS BLOB)", "cannot be read")]
    [InlineData("UPDATE events SET payload = CAST('{\"t\":\"run_paused\",\"extra\":1}' AS BLOB)", "cannot be read")]
    [InlineData("UPDATE events SET payload = x'00ff'", "cannot be read")]
    [InlineData("DELETE FROM events", "damaged")]
    public async Task AnEventThatCannotBeRead_StopsItsStream_AndNoOther(string change, string named)
    {
        await Make();
        Change(change);
        await using var store = await Open();

        var error = await Assert.ThrowsAsync<JournalFormatException>(() => store.Journal.OpenAsync(StreamId.Run(A.Ns, "r1"), default));

        Assert.Contains(named, error.Message, StringComparison.Ordinal);
        Assert.Contains("default/run/r1", error.Message, StringComparison.Ordinal);
        await DataDirectory.AppendAsync(store, "r2");
    }

    [Fact]
    public async Task AFileThatIsNoDatabase_IsReportedAsDamaged_WithTheWayToSalvage()
    {
        await File.WriteAllTextAsync(_directory.Database, string.Concat(Enumerable.Repeat("this is no database ", 1000)));

        await IsReportedAsDamaged();
    }

    [Fact]
    public async Task ADamagedPage_IsFoundAtTheStart()
    {
        await Make(runs: 200);
        await using (var file = new FileStream(_directory.Database, FileMode.Open, FileAccess.ReadWrite))
        {
            // From the second page on: the header itself stays whole.
            file.Seek(4096, SeekOrigin.Begin);
            await file.WriteAsync(Enumerable.Repeat((byte)0xA5, 4096 * 8).ToArray());
        }

        await IsReportedAsDamaged();
    }

    [Fact]
    public async Task ATruncatedFile_IsFoundAtTheStart()
    {
        await Make(runs: 200);
        await using (var file = new FileStream(_directory.Database, FileMode.Open, FileAccess.ReadWrite)) file.SetLength(file.Length / 2 / 4096 * 4096);

        await IsReportedAsDamaged();
    }

    [Fact]
    public async Task SomeOtherDatabase_IsLeftAlone()
    {
        using (var other = Database.Open(_directory.Database, readOnly: false, _patience)) other.Execute("CREATE TABLE mine (x)");

        var error = await Assert.ThrowsAsync<DataDirectoryException>(() => Open());

        Assert.Contains("not a Fanfare journal", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADirectoryThatCannotBeMade_IsNamed()
    {
        var file = Path.Combine(_directory.Path, "file");
        await File.WriteAllTextAsync(file, "");

        var error = await Assert.ThrowsAsync<DataDirectoryException>(() => SqliteStore.OpenAsync(Path.Combine(file, "data"), TimeProvider.System));

        Assert.Contains("cannot be written", error.Message, StringComparison.Ordinal);
        Assert.Contains("--data", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AfterClosing_WritesAreRefused_AndReadsToo()
    {
        var store = await Open();
        var opened = await store.Journal.OpenAsync(StreamId.Run(A.Ns, "r1"), default);
        await store.DisposeAsync();
        await store.DisposeAsync();

        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.Journal.AppendAsync(A.Append(StreamId.Run(A.Ns, "r1"), opened)));
        await Assert.ThrowsAsync<ObjectDisposedException>(() => store.ReadModel.GetPositionAsync("default", "run", default));
        Assert.False(File.Exists(_directory.Database + "-wal"));
    }

    [Fact]
    public async Task Closing_WritesWhatIsQueued()
    {
        var store = await Open();
        var appends = new List<Task<AppendOutcome>>();
        for (var i = 0; i < 5000; i++)
        {
            var stream = StreamId.Run(A.Ns, $"r{i}");
            appends.Add(store.Journal.AppendAsync(new Append { Stream = stream, ExpectedSequence = 0, Epoch = (await Epoch(store)) + 1_000_000, Events = [A.Entry(1, new RunPaused())], Rows = [], Wake = null }));
        }
        await store.DisposeAsync();

        Assert.All(await Task.WhenAll(appends).WaitAsync(_patience), outcome => Assert.Equal(AppendOutcome.Committed, outcome));
        await using var again = await Open();
        Assert.Equal(5000, await again.ReadModel.GetPositionAsync("default", "run", default));
    }

    [Fact]
    public async Task AWriteThatTheSchemaRefuses_FailsAlone()
    {
        await using var store = await Open();
        var streams = Enumerable.Range(0, 100).Select(i => StreamId.Step(A.Ns, $"r{i}", A.Key())).ToArray();
        var opened = await Task.WhenAll(streams.Select(s => store.Journal.OpenAsync(s, default)));

        var appends = streams.Select((s, i) => store.Journal.AppendAsync(
            A.Append(s, opened[i], rows: [A.Task($"r{i}", A.Key(), i == 50 ? -1 : 0)]))).ToArray();

        for (var i = 0; i < appends.Length; i++)
        {
            if (i != 50) Assert.Equal(AppendOutcome.Committed, await appends[i].WaitAsync(_patience));
            else Assert.Contains("tasks_split_is_index", (await Assert.ThrowsAsync<InvalidOperationException>(() => appends[i].WaitAsync(_patience))).Message, StringComparison.Ordinal);
        }
        Assert.Equal(99, await store.ReadModel.GetPositionAsync("default", "run", default));
        Assert.Null(store.Journal.Health);
    }

    [Fact]
    public async Task AListenerThatThrows_DoesNotEndTheJournal()
    {
        var log = new List<string>();
        await using var store = await SqliteStore.OpenAsync(_directory.Path, TimeProvider.System, log.Add);
        store.Journal.Committed += (_, _) => throw new InvalidOperationException("broken listener");

        await DataDirectory.AppendAsync(store, "r1");
        await DataDirectory.AppendAsync(store, "r2");

        Assert.Contains(log, line => line.Contains("broken listener", StringComparison.Ordinal));
    }

    private Task<SqliteStore> Open() => SqliteStore.OpenAsync(_directory.Path, TimeProvider.System);

    private static async Task<long> Epoch(SqliteStore store) => (await store.Journal.OpenAsync(StreamId.Run(A.Ns, "epoch"), default)).Epoch;

    private async Task Make(int runs = 1)
    {
        await using var store = await Open();
        for (var i = 1; i <= runs; i++) await DataDirectory.AppendAsync(store, $"r{i}");
    }

    private void Change(string sql)
    {
        using var database = Database.Open(_directory.Database, readOnly: false, _patience);
        database.Execute(sql);
    }

    private async Task IsReportedAsDamaged()
    {
        var error = await Assert.ThrowsAsync<DataDirectoryException>(() => Open());
        Assert.Contains("damaged", error.Message, StringComparison.Ordinal);
        Assert.Contains(_directory.Path, error.Message, StringComparison.Ordinal);
        Assert.Contains(".recover", error.Message, StringComparison.Ordinal);
        Assert.Contains("backup", error.Message, StringComparison.Ordinal);
    }
}
