using Fanfare.Contracts;
using Fanfare.Storage.Sqlite;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Sqlite.Read;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Sqlite;

/// <summary>A disk that refuses, made by settings of the connection: SQLite then reports what it reports for a disk.</summary>
public sealed class TroubledDiskTests : IAsyncDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly DataDirectory _directory = new();
    private readonly ManualClock _clock = new();
    private readonly List<string> _log = [];
    private readonly JournalFile _file;
    private readonly Database _writer;
    private readonly ReadConnections _connections;
    private SqliteJournal? _journal;

    public TroubledDiskTests()
    {
        (_file, _writer) = JournalFile.Open(_directory.Path, TimeProvider.System);
        _connections = new ReadConnections(_file.Directory, _file.OpenReader);
    }

    private SqliteJournal Journal => _journal ??= new SqliteJournal(_file, _writer, _connections, _clock, _log.Add);

    public async ValueTask DisposeAsync()
    {
        await _connections.DisposeAsync();
        await Journal.DisposeAsync();
        _clock.Dispose();
        _directory.Dispose();
    }

    [Theory]
    [InlineData("PRAGMA max_page_count = 120", "PRAGMA max_page_count = 100000", "No space is left")]
    [InlineData("PRAGMA query_only = 1", "PRAGMA query_only = 0", "cannot be written")]
    public async Task WhileTheDiskRefuses_AppendsWait_AndHealthSaysWhatToDo_AndThenAllCommitOnce(string breaks, string mends, string says)
    {
        _writer.Execute(breaks);
        var commits = 0;
        Journal.Committed += (_, _) => commits++;

        var waiting = new List<Task<AppendOutcome>>();
        for (var i = 0; i < 20; i++) waiting.Add(await Send($"r{i}"));
        await _clock.TimerSetAsync();

        Assert.Contains(says, Journal.Health, StringComparison.Ordinal);
        Assert.Contains(_directory.Path, Journal.Health, StringComparison.Ordinal);
        Assert.Contains(waiting, append => !append.IsCompleted);
        var before = commits;

        _clock.FireOldest(); // Tried again in vain.
        await _clock.TimerSetAsync();
        Assert.Equal(before, commits);
        Assert.Equal([TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(2)], _clock.Delays);

        // The committing thread waits for its timer, so its connection may be used here.
        _writer.Execute(mends);
        _clock.FireOldest();

        Assert.All(await Task.WhenAll(waiting).WaitAsync(_patience), outcome => Assert.Equal(AppendOutcome.Committed, outcome));
        Assert.Null(Journal.Health);
        Assert.Equal(2, _log.Count);
        Assert.Contains("writes again", _log[1], StringComparison.Ordinal);
        for (var i = 0; i < waiting.Count; i++) Assert.Equal(1, (await Journal.OpenAsync(StreamId.Run(A.Ns, $"r{i}"), default)).Sequence);
    }

    [Fact]
    public async Task WhileAnotherProgramHoldsTheFile_AppendsWait()
    {
        _writer.Execute("PRAGMA busy_timeout = 0");
        using var other = Database.Open(_directory.Database, readOnly: false, _patience);
        other.Execute("BEGIN IMMEDIATE");
        var append = await Send("r1");
        await _clock.TimerSetAsync();

        Assert.Contains("Another program holds the journal", Journal.Health, StringComparison.Ordinal);
        other.Execute("COMMIT");
        _clock.FireOldest();

        Assert.Equal(AppendOutcome.Committed, await append.WaitAsync(_patience));
    }

    [Fact]
    public async Task WhileTheDiskRefuses_WhatIsQueuedIsBounded_AndNothingOfItIsLost()
    {
        _writer.Execute("PRAGMA query_only = 1");
        const int Callers = 12_000; // More than the queue holds.
        var opened = await Journal.OpenAsync(StreamId.Run(A.Ns, "r"), default);
        var appends = new List<Task<AppendOutcome>>(Callers);
        for (var i = 0; i < Callers; i++) appends.Add(Journal.AppendAsync(A.Append(StreamId.Run(A.Ns, "r"), opened, expected: i)));
        await _clock.TimerSetAsync();

        _writer.Execute("PRAGMA query_only = 0");
        _clock.FireOldest();

        Assert.All(await Task.WhenAll(appends).WaitAsync(_patience), outcome => Assert.Equal(AppendOutcome.Committed, outcome));
        Assert.Equal(Callers, (await Journal.OpenAsync(StreamId.Run(A.Ns, "r"), default)).Sequence);
    }

    [Fact]
    public async Task ClosingOnAFullDisk_FailsWhatIsNotWritten_AndKeepsWhatWas()
    {
        _writer.Execute("PRAGMA max_page_count = 120");
        Assert.Equal(AppendOutcome.Committed, await (await Send("first")).WaitAsync(_patience));
        var waiting = new List<Task<AppendOutcome>>();
        for (var i = 0; i < 20; i++) waiting.Add(await Send($"r{i}"));
        await _clock.TimerSetAsync();

        await Journal.DisposeAsync();

        var written = waiting.Count(t => t.IsCompletedSuccessfully);
        Assert.NotEqual(waiting.Count, written);
        foreach (var append in waiting.Where(t => !t.IsCompletedSuccessfully))
            Assert.Contains("No space", (await Assert.ThrowsAsync<DataDirectoryException>(() => append.WaitAsync(_patience))).Message, StringComparison.Ordinal);
        await using var again = await SqliteStore.OpenAsync(_directory.Path, TimeProvider.System);
        Assert.Equal(written + 1, await again.ReadModel.GetPositionAsync("default", "run", default));
    }

    /// <summary>Sends an append of some 100 KB.</summary>
    private async Task<Task<AppendOutcome>> Send(string run)
    {
        var stream = StreamId.Run(A.Ns, run);
        var opened = await Journal.OpenAsync(stream, default);
        var append = A.Append(stream, opened) with { Events = [A.Entry(1, new RunCancelRequested(new string('x', 100_000)))] };
        return Journal.AppendAsync(append);
    }
}
