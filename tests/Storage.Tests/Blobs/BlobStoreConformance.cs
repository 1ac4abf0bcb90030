using System.Text;
using Fanfare.Contracts;
using Fanfare.Postgres;
using Fanfare.Storage.Blobs;

namespace Fanfare.Storage.Tests.Blobs;

/// <summary>What every blob store must do, wherever it keeps the bytes. A backend is a short subclass.</summary>
public abstract class BlobStoreConformance : IAsyncLifetime
{
    private const int MiB = 1024 * 1024;

    private readonly List<IBlobStore> _opened = [];

    /// <summary>The first server's store.</summary>
    protected IBlobStore Store { get; private set; } = null!;

    /// <summary>Opens the same place once more, as another server does.</summary>
    protected abstract Task<IBlobStore> OpenStoreAsync();

    /// <summary>What a put that broke off left behind, however the backend keeps such.</summary>
    protected abstract IReadOnlyList<string> Rests();

    public virtual async Task InitializeAsync() => Store = await OpenAsync();

    public virtual Task DisposeAsync()
    {
        foreach (var store in _opened) (store as IDisposable)?.Dispose();
        return Task.CompletedTask;
    }

    [BackendFact]
    public async Task ABlob_IsReadBackFromAnyOffset_AndReplacedWhole()
    {
        await Put("a/b/c.txt", "hello");
        Assert.Equal("hello", await Read("a/b/c.txt"));
        Assert.Equal("llo", await Read("a/b/c.txt", 2));
        Assert.Equal("", await Read("a/b/c.txt", 5));
        Assert.Equal("", await Read("a/b/c.txt", 99));
        Assert.Equal(5, await Store.GetSizeAsync("a/b/c.txt", default));

        await Put("a/b/c.txt", "x");

        Assert.Equal("x", await Read("a/b/c.txt"));
        Assert.Equal(1, await Store.GetSizeAsync("a/b/c.txt", default));
    }

    [BackendFact]
    public async Task ABlobThatIsRemoved_IsGone_HoweverItWasWritten()
    {
        await Put("runs/r1/whole", "x");
        await Put("runs/r1/whole2", "kept");
        for (var i = 0; i < 40; i++) await Store.WriteChunkAsync("runs/r1/log", i, "y"u8.ToArray(), default);

        foreach (var name in new[] { "runs/r1/whole", "runs/r1/log", "runs/r1/log", "runs/r1/never" }) await Store.DeleteAsync(name, default);

        Assert.Equal(["runs/r1/whole2"], await List("runs/r1"));
        Assert.Null(await Store.GetSizeAsync("runs/r1/log", default));
        Assert.Null(await Store.OpenReadAsync("runs/r1/whole", 0, default));
        // The name is free again.
        Assert.Equal(1, await Store.WriteChunkAsync("runs/r1/log", 0, "z"u8.ToArray(), default));
        Assert.Equal("z", await Read("runs/r1/log"));
        await Assert.ThrowsAsync<ArgumentException>(() => Store.DeleteAsync("../x", default));
    }

    [BackendFact]
    public async Task AnEmptyBlob_IsThere()
    {
        await Put("empty", "");

        Assert.Equal(0, await Store.GetSizeAsync("empty", default));
        Assert.Equal("", await Read("empty"));
        Assert.Equal("", await Read("empty", 3));
        Assert.Equal(["empty"], await List(""));
    }

    [BackendFact]
    public async Task WhatIsNotThere_IsNull()
    {
        await Put("a/b", "x");

        foreach (var name in new[] { "a/c", "a", "x/y/z", "a/b2" })
        {
            Assert.Null(await Store.OpenReadAsync(name, 0, default));
            Assert.Null(await Store.OpenReadAsync(name, 7, default));
            Assert.Null(await Store.GetSizeAsync(name, default));
        }
    }

    [BackendFact]
    public async Task ALargeBlob_OfUnknownLength_IsStoredAsItCame_AndReadFromAnywhere()
    {
        var bytes = new byte[(17 * MiB) + 12345];
        new Random(7).NextBytes(bytes);

        await Store.PutAsync("large", new TrickleStream(bytes), default);

        Assert.Equal(bytes.Length, await Store.GetSizeAsync("large", default));
        foreach (var offset in new[] { 0, 1, (8 * MiB) - 1, 8 * MiB, 10_000_000, bytes.Length - 10 })
        {
            var read = await ReadBytes("large", offset);
            Assert.True(bytes.AsSpan(offset).SequenceEqual(read), $"From {offset} on it is another.");
        }
        Assert.Empty(Rests());
    }

    [BackendFact]
    public async Task APutThatBreaks_LeavesTheOldBlob_AndNoRest()
    {
        await Put("a", "old");

        foreach (var bytes in new[] { 0, 1000, (8 * MiB) + 1, 18 * MiB })
            Assert.Equal("broken", (await Assert.ThrowsAsync<TimeZoneNotFoundException>(() => Store.PutAsync("a", new BreakingStream(bytes), default))).Message);

        Assert.Equal("old", await Read("a"));
        Assert.Equal(["a"], await List(""));
        Assert.Empty(Rests());
    }

    [BackendFact]
    public async Task AReader_KeepsTheBlobItOpened_WhenItIsReplaced()
    {
        await Put("a", "old");
        await using var open = await Store.OpenReadAsync("a", 0, default);
        await Put("a", "newer");

        using var reader = new StreamReader(open!);
        Assert.Equal("old", await reader.ReadToEndAsync());
    }

    [BackendFact]
    public async Task ABadName_IsRefused_WithTheRule()
    {
        foreach (var name in new[] { "", "/etc/passwd", "a//b", "a/", "../a", "a/../../b", "a/./b", "a\0b", "a\\b", "a\nb", ".incoming/x" })
        {
            var error = await Assert.ThrowsAsync<ArgumentException>(() => Put(name, "x"));
            Assert.Contains(BlobName.Rule, error.Message, StringComparison.Ordinal);
            await Assert.ThrowsAsync<ArgumentException>(() => Store.OpenReadAsync(name, 0, default));
            await Assert.ThrowsAsync<ArgumentException>(() => Store.GetSizeAsync(name, default));
            await Assert.ThrowsAsync<ArgumentException>(() => Store.WriteChunkAsync(name, 0, new byte[1], default));
        }
        await Assert.ThrowsAsync<ArgumentException>(() => List("../.."));
        Assert.Empty(await List(""));
    }

    [BackendFact]
    public async Task LongNames_AreHeldToTheLimits()
    {
        await Put(new string('a', 200), "x");
        await Put(new string('é', 110), "x");
        foreach (var name in new[] { new string('a', 201), new string('日', 86), "half a pair " + '\ud800', string.Join('/', Enumerable.Repeat("abcdefghi", 201)) })
            await Assert.ThrowsAsync<ArgumentException>(() => Put(name, "x"));
    }

    [BackendFact]
    public async Task Chunks_GrowALog_AndMayComeTwiceOrTorn()
    {
        Assert.Equal(0, await Chunk("log", 0, ""));
        Assert.Null(await Store.GetSizeAsync("log", default));
        Assert.Equal(3, await Chunk("log", 0, "abc"));
        Assert.Equal(6, await Chunk("log", 3, "def"));
        Assert.Equal(6, await Chunk("log", 3, "def"));
        Assert.Equal(6, await Chunk("log", 0, "abc"));
        Assert.Equal(6, await Chunk("log", 9, "gap"));
        // A torn try left "abcdef"; the same chunk comes whole.
        Assert.Equal(9, await Chunk("log", 3, "defghi"));
        Assert.Equal(9, await Chunk("log", 9, ""));

        Assert.Equal("abcdefghi", await Read("log"));
        Assert.Equal("efghi", await Read("log", 4));
        Assert.Equal("", await Read("log", 9));
        Assert.Equal("", await Read("log", 99));
        Assert.Equal(9, await Store.GetSizeAsync("log", default));
        Assert.Equal(0, await Chunk("other", 5, "gap"));
        Assert.Null(await Store.GetSizeAsync("other", default));
        Assert.Null(await Store.OpenReadAsync("other", 0, default));
        Assert.Equal(["log"], await List(""));
    }

    [BackendFact]
    public async Task WhatIsStoredOfALog_Stays_WhateverComesForTheSameOffset()
    {
        await Chunk("log", 0, "first");

        Assert.Equal(5, await Chunk("log", 0, "SECON"));
        Assert.Equal(8, await Chunk("log", 0, "SECOND!!"));

        Assert.Equal("firstD!!", await Read("log"));
    }

    [BackendFact]
    public async Task ALogOfManyChunks_IsOne()
    {
        var chunks = Enumerable.Range(0, 80).Select(i => $"line {i}\n").ToArray();
        var whole = string.Concat(chunks);
        long offset = 0;
        foreach (var chunk in chunks) offset = await Chunk("log", offset, chunk);

        Assert.Equal(whole, await Read("log"));
        Assert.Equal(whole[300..], await Read("log", 300));
        Assert.Equal(whole.Length, await Store.GetSizeAsync("log", default));
        Assert.Equal(whole, await Read("log", 0, await OpenAsync()));
        Assert.Equal(["log"], await List(""));
    }

    [BackendFact]
    public async Task AReader_OfALogThatGrows_ReadsOnFromWhereItWas()
    {
        await Chunk("log", 0, "one\n");
        await using var open = await Store.OpenReadAsync("log", 0, default);
        await Chunk("log", 4, "two\n");
        var buffer = new byte[100];
        await open!.ReadAtLeastAsync(buffer, 4);

        Assert.StartsWith("one\n", Encoding.UTF8.GetString(buffer), StringComparison.Ordinal);
        Assert.Equal("two\n", await Read("log", 4));
    }

    [BackendFact]
    public async Task TheSameChunksFromManyWriters_MakeOneLog()
    {
        var chunks = Enumerable.Range(0, 40).Select(i => Encoding.UTF8.GetBytes($"line {i:000}\n")).ToArray();
        var whole = chunks.SelectMany(c => c).ToArray();
        var second = await OpenAsync();

        await Task.WhenAll(Enumerable.Range(0, 6).Select(writer => Task.Run(async () =>
        {
            // Two of the writers have the other store: what a leader sends late that has been succeeded.
            var store = writer % 3 == 0 ? second : Store;
            for (long offset = 0, i = 0; i < chunks.Length; i++) offset = Math.Min(offset + chunks[i].Length, await store.WriteChunkAsync("log", offset, chunks[i], default));
        })));

        Assert.Equal(Encoding.UTF8.GetString(whole), await Read("log"));
        Assert.Equal(Encoding.UTF8.GetString(whole), await Read("log", 0, second));
    }

    [BackendFact]
    public async Task TwoServersInTurn_WriteOneLog_AndEachReadsAllOfIt()
    {
        var second = await OpenAsync();
        Assert.Equal(3, await Chunk("log", 0, "abc"));
        Assert.Equal(6, await Chunk("log", 3, "def", second));
        // The first has heard of nothing: neither that the log went on, nor that this chunk is there.
        Assert.Equal(9, await Chunk("log", 6, "ghi"));
        Assert.Equal(9, await Chunk("log", 3, "def"));
        Assert.Equal(12, await Chunk("log", 9, "jkl", second));

        Assert.Equal("abcdefghijkl", await Read("log"));
        Assert.Equal("abcdefghijkl", await Read("log", 0, second));
        Assert.Equal(12, await Store.GetSizeAsync("log", default));
    }

    [BackendFact]
    public async Task WhatOneServerPuts_AnotherReads()
    {
        var second = await OpenAsync();
        Assert.Null(await second.GetSizeAsync("a/b", default));

        await Put("a/b", "x");

        Assert.Equal(1, await second.GetSizeAsync("a/b", default));
        Assert.Equal("x", await Read("a/b", 0, second));
    }

    [BackendFact]
    public async Task Names_AreListedUnderAFolder_InTheOrderOfTheirBytes()
    {
        string[] whole = ["a-b", "a/b", "a/c/d", "a/c-", "a/c0", "ab", "b", "é", "日本", "\uffee", "😀 face!", "a/c d", "a/c!d", "plus+and%20&?#"];
        string[] growing = ["a/c", "a/log", "a/log-x", "a/log x", "a/log!x", "log!1"];
        foreach (var name in whole.Reverse().Where(n => n is not "a/c/d")) await Put(name, name);
        foreach (var name in growing)
            foreach (var at in new[] { 0, 1 }) await Chunk(name, at, "x");

        var names = whole.Concat(growing).Where(n => n is not "a/c/d").OrderBy(n => Convert.ToHexString(Encoding.UTF8.GetBytes(n)), StringComparer.Ordinal).ToArray();
        Assert.Equal(names, await List(""));
        Assert.Equal(names.Where(n => n.StartsWith("a/", StringComparison.Ordinal)), await List("a"));
        Assert.Empty(await List("a/b"));
        Assert.Empty(await List("never"));
        await Put("deep/er/x", "");
        Assert.Equal(["deep/er/x"], await List("deep/er/"));
        foreach (var name in whole.Where(n => n is not "a/c/d")) Assert.Equal(name, await Read(name));
        foreach (var name in growing) Assert.Equal("xx", await Read(name));
    }

    [BackendFact]
    public async Task ACancelledCall_SaysSo_AndIsNoTrouble()
    {
        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.PutAsync("a", new MemoryStream(new byte[10]), cancelled.Token));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Store.WriteChunkAsync("log", 0, new byte[10], cancelled.Token));

        await Put("a", "x");
        Assert.Equal("x", await Read("a"));
    }

    protected async Task<IBlobStore> OpenAsync()
    {
        var store = await OpenStoreAsync();
        _opened.Add(store);
        return store;
    }

    protected Task Put(string name, string text) => Store.PutAsync(name, new MemoryStream(Encoding.UTF8.GetBytes(text)), default);

    protected Task<long> Chunk(string name, long offset, string text, IBlobStore? store = null) => (store ?? Store).WriteChunkAsync(name, offset, Encoding.UTF8.GetBytes(text), default);

    protected async Task<string?> Read(string name, long offset = 0, IBlobStore? store = null)
    {
        await using var stream = await (store ?? Store).OpenReadAsync(name, offset, default);
        if (stream is null) return null;
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    protected async Task<List<string>> List(string prefix)
    {
        var names = new List<string>();
        await foreach (var name in Store.ListAsync(prefix, default)) names.Add(name);
        return names;
    }

    private async Task<byte[]> ReadBytes(string name, long offset)
    {
        await using var stream = await Store.OpenReadAsync(name, offset, default);
        using var all = new MemoryStream();
        await stream!.CopyToAsync(all);
        return all.ToArray();
    }

    /// <summary>Gives so many bytes, then fails as what reads a request's body does.</summary>
    private sealed class BreakingStream(int bytes) : TrickleStream(new byte[bytes])
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await base.ReadAsync(buffer, cancellationToken) is var read and > 0 ? read : throw new TimeZoneNotFoundException("broken");
    }

    /// <summary>Gives bytes in odd pieces, and does not know how many there are, as a request's body.</summary>
    private class TrickleStream(byte[] bytes) : Stream
    {
        private int _at;

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var count = Math.Min(Math.Min(buffer.Length, 100_003), bytes.Length - _at);
            bytes.AsSpan(_at, count).CopyTo(buffer.Span);
            _at += count;
            return ValueTask.FromResult(count);
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
