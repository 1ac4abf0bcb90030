using Fanfare.Contracts;
using Fanfare.Storage.Sqlite;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Sqlite.Read;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Sqlite;

/// <summary>A full disk, made by a bound on the file's pages: SQLite then reports what it reports for a disk.</summary>
public sealed class FullDiskTests : IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly DataDirectory _directory = new();
    private readonly ManualClock _clock = new();
    private readonly List<string> _log = [];
    private readonly Database _writer;
    private readonly ReadConnections _connections;
    private readonly SqliteJournal _journal;

    public FullDiskTests()
    {
        (var file, _writer) = JournalFile.Open(_directory.Path, TimeProvider.System);
        _connections = new ReadConnections(file);
        _writer.Execute("PRAGMA max_page_count = 120");
        _journal = new SqliteJournal(file, _writer, _connections, _clock, _log.Add);
    }

    public async ValueTask DisposeAsync()
    {
        await _connections.DisposeAsync();
        await _journal.DisposeAsync();
        _clock.Dispose();
        _directory.Dispose();
    }

    [Fact]
    public async Task WhenTheDiskIsFull_AppendsWait_AndHealthSaysWhatToDo_AndThenAllCommitOnce()
    {
        var committed = 0;
        _journal.Committed += (_, _) => committed++;
        var first = await Filled("first");
        Assert.Equal(AppendOutcome.Committed, await first.WaitAsync(_patience));

        var waiting = Enumerable.Range(0, 20).Select(i => Filled($"r{i}").Result).ToArray();
        await _clock.TimerSetAsync();

        Assert.Contains("No space is left", _journal.Health, StringComparison.Ordinal);
        Assert.Contains(_directory.Path, _journal.Health, StringComparison.Ordinal);
        Assert.Contains(waiting, append => !append.IsCompleted);
        var committedBefore = committed;

        _clock.FireOldest(); // Tried again in vain.
        await _clock.TimerSetAsync();
        Assert.Equal(committedBefore, committed);
        Assert.Equal([TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)], _clock.Delays);

        // The committing thread waits for its timer, so its connection may be used here.
        _writer.Execute("PRAGMA max_page_count = 100000");
        _clock.FireOldest();

        Assert.All(await Task.WhenAll(waiting).WaitAsync(_patience), outcome => Assert.Equal(AppendOutcome.Committed, outcome));
        Assert.Null(_journal.Health);
        Assert.Equal(2, _log.Count);
        Assert.Contains("writes again", _log[1], StringComparison.Ordinal);
        for (var i = 0; i < waiting.Length; i++) Assert.Equal(1, (await _journal.OpenAsync(StreamId.Run(A.Ns, $"r{i}"), default)).Sequence);
    }

    [Fact]
    public async Task ClosingOnAFullDisk_FailsWhatIsNotWritten_AndKeepsWhatWas()
    {
        Assert.Equal(AppendOutcome.Committed, await (await Filled("first")).WaitAsync(_patience));
        var waiting = Enumerable.Range(0, 20).Select(i => Filled($"r{i}").Result).ToArray();
        await _clock.TimerSetAsync();

        await _journal.DisposeAsync();

        var written = waiting.Where(t => t.IsCompletedSuccessfully).Count();
        foreach (var append in waiting.Where(t => !t.IsCompletedSuccessfully))
            Assert.Contains("No space", (await Assert.ThrowsAsync<DataDirectoryException>(() => append.WaitAsync(_patience))).Message, StringComparison.Ordinal);
        await using var again = await SqliteStore.OpenAsync(_directory.Path, TimeProvider.System);
        Assert.Equal(written + 1, await again.ReadModel.GetPositionAsync(default));
    }

    /// <summary>Sends an append of some 100 KB.</summary>
    private async Task<Task<AppendOutcome>> Filled(string run)
    {
        var stream = StreamId.Run(A.Ns, run);
        var opened = await _journal.OpenAsync(stream, default);
        var append = A.Append(stream, opened) with { Events = [A.Entry(1, new RunCancelRequested(new string('x', 100_000)))] };
        return _journal.AppendAsync(append);
    }
}
