using Fanfare.Contracts;
using Fanfare.Storage.Tests.Conformance;

namespace Fanfare.Storage.Tests.Sqlite;

/// <summary>What a crash leaves, and what a bad disk makes of it.</summary>
public sealed class CrashTests : IDisposable
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private readonly DataDirectory _directory = new();

    public void Dispose() => _directory.Dispose();

    [Fact]
    public async Task AfterACrash_WhatWasAcknowledgedIsThere_AndTheOldOwnerIsFenced()
    {
        await using var store = await Open();
        var opened = await store.Journal.OpenAsync(StreamId.Run(A.Ns, "r0"), default);
        for (var i = 0; i < 100; i++) await DataDirectory.AppendAsync(store, $"r{i}");

        using var copy = _directory.Snapshot();
        await using var after = await SqliteStore.OpenAsync(copy.Path, TimeProvider.System);

        // What the crash left is looked at in a copy, and that is known for one.
        Assert.NotEqual(store.Journal.Incarnation, after.Journal.Incarnation);
        Assert.Equal(100, await after.ReadModel.GetPositionAsync("default", "run", default));
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(1, (await after.Journal.OpenAsync(StreamId.Run(A.Ns, $"r{i}"), default)).Sequence);
            Assert.NotNull(await after.ReadModel.GetRunAsync(A.Ns, $"r{i}", default));
        }
        Assert.Equal(AppendOutcome.Fenced, await after.Journal.AppendAsync(A.Append(StreamId.Run(A.Ns, "r0"), opened, expected: 1)).WaitAsync(_patience));
        await DataDirectory.AppendAsync(after, "new");
    }

    [Fact]
    public async Task ACrashAtAnyMoment_KeepsWhatWasAcknowledgedBefore_WithoutGaps()
    {
        await using var store = await Open();
        var streams = Enumerable.Range(0, 4).Select(i => StreamId.Run(A.Ns, $"r{i}")).ToArray();
        var acknowledged = new int[streams.Length];
        var enough = new CancellationTokenSource();
        // Few enough pages that no checkpoint comes: the files can then be copied one after another and are still of one moment.
        var writing = Task.WhenAll(streams.Select((stream, s) => Task.Run(async () =>
        {
            var opened = await store.Journal.OpenAsync(stream, default);
            for (var i = 0; i < 25 && !enough.IsCancellationRequested; i++)
            {
                Assert.Equal(AppendOutcome.Committed, await store.Journal.AppendAsync(A.Append(stream, opened, expected: i, rows: [A.Run(stream.Name) with { Generation = i + 1 }])));
                Volatile.Write(ref acknowledged[s], i + 1);
            }
        })));

        for (var moment = 0; moment < 12; moment++)
        {
            var before = acknowledged.Select((_, s) => Volatile.Read(ref acknowledged[s])).ToArray();
            using var copy = _directory.Snapshot();
            await using var after = await SqliteStore.OpenAsync(copy.Path, TimeProvider.System);
            for (var s = 0; s < streams.Length; s++)
            {
                var found = await after.Journal.OpenAsync(streams[s], default);
                Assert.True(found.Sequence >= before[s], $"{streams[s]} has {found.Sequence} events, and {before[s]} were acknowledged.");
                Assert.Equal(found.Sequence, (await after.ReadModel.GetRunAsync(A.Ns, streams[s].Name, default))?.Generation ?? 0);
            }
        }

        await enough.CancelAsync();
        await writing.WaitAsync(_patience);
        enough.Dispose();
    }

    [Fact]
    public async Task ATornTailOfTheLog_IsCutOff_AndTheCommitsBeforeItStay()
    {
        using var copy = await CrashedWith(runs: 10);
        var log = new FileInfo(copy.Database + "-wal");
        // A power cut in the middle of a write that nobody was told of: the bytes end within its last frame.
        await using (var tail = log.Open(FileMode.Append, FileAccess.Write)) await tail.WriteAsync(new byte[1000]);

        await using var after = await SqliteStore.OpenAsync(copy.Path, TimeProvider.System);

        Assert.Equal(10, await after.ReadModel.GetPositionAsync("default", "run", default));
        await DataDirectory.AppendAsync(after, "new");
    }

    [Fact]
    public async Task ADamagedMiddleOfTheLog_IsRefused_SinceAcknowledgedCommitsFollow()
    {
        using var copy = await CrashedWith(runs: 10);
        var before = await File.ReadAllBytesAsync(copy.Database + "-wal");
        Flip(copy.Database + "-wal", before.Length / 2);

        var error = await Assert.ThrowsAsync<DataDirectoryException>(() => SqliteStore.OpenAsync(copy.Path, TimeProvider.System));

        Assert.Contains("acknowledged commits follow", error.Message, StringComparison.Ordinal);
        Assert.Contains("backup", error.Message, StringComparison.Ordinal);
        // It was left as it is, so that mending it brings everything back.
        Flip(copy.Database + "-wal", before.Length / 2);
        Assert.Equal(before, await File.ReadAllBytesAsync(copy.Database + "-wal"));
        await using var mended = await SqliteStore.OpenAsync(copy.Path, TimeProvider.System);
        Assert.Equal(10, await mended.ReadModel.GetPositionAsync("default", "run", default));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    [InlineData(26)]
    public async Task ADamagedHeaderOfTheLog_IsRefused(int at)
    {
        using var copy = await CrashedWith(runs: 10);
        Flip(copy.Database + "-wal", at);

        var error = await Assert.ThrowsAsync<DataDirectoryException>(() => SqliteStore.OpenAsync(copy.Path, TimeProvider.System));
        Assert.Contains("journal.db-wal", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ACommitThatTheCrashCutOff_IsDropped()
    {
        using var copy = await CrashedWith(runs: 10);
        var log = new FileInfo(copy.Database + "-wal");
        Flip(log.FullName, (int)log.Length - 100);

        await using var after = await SqliteStore.OpenAsync(copy.Path, TimeProvider.System);

        Assert.Equal(9, await after.ReadModel.GetPositionAsync("default", "run", default));
    }

    private Task<SqliteStore> Open() => SqliteStore.OpenAsync(_directory.Path, TimeProvider.System);

    private async Task<DataDirectory> CrashedWith(int runs)
    {
        await using var store = await Open();
        for (var i = 0; i < runs; i++) await DataDirectory.AppendAsync(store, $"r{i}");
        return _directory.Snapshot();
    }

    private static void Flip(string path, int at)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.ReadWrite);
        file.Seek(at, SeekOrigin.Begin);
        var old = file.ReadByte();
        file.Seek(at, SeekOrigin.Begin);
        file.WriteByte((byte)(old ^ 0x40));
    }
}
