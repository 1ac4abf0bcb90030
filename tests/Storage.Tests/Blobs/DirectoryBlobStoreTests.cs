using System.Text;
using Fanfare.Storage.Blobs;

namespace Fanfare.Storage.Tests.Blobs;

public sealed class DirectoryBlobStoreTests : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("fanfare-blobs-").FullName;
    private readonly DirectoryBlobStore _store;

    public DirectoryBlobStoreTests() => _store = new DirectoryBlobStore(_root);

    public void Dispose()
    {
        _store.Dispose();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task ABlob_IsReadBackFromAnyOffset_AndReplacedWhole()
    {
        await Put("a/b/c.txt", "hello");
        Assert.Equal("hello", await Read("a/b/c.txt"));
        Assert.Equal("llo", await Read("a/b/c.txt", 2));
        Assert.Equal("", await Read("a/b/c.txt", 99));
        Assert.Equal(5, await _store.GetSizeAsync("a/b/c.txt", default));

        await Put("a/b/c.txt", "x");

        Assert.Equal("x", await Read("a/b/c.txt"));
    }

    [Fact]
    public async Task ABlobThatIsRemoved_IsGone_WithTheFoldersThatHeldNothingElse()
    {
        await Put("runs/default/r1/start/log", "x");
        await Put("runs/default/r1/end/log", "x");

        await _store.DeleteAsync("runs/default/r1/start/log", default);
        await _store.DeleteAsync("runs/default/r1/start/log", default);
        await _store.DeleteAsync("runs/default/r2/start/log", default);

        Assert.Null(await _store.GetSizeAsync("runs/default/r1/start/log", default));
        Assert.Equal("x", await Read("runs/default/r1/end/log"));
        Assert.Equal(["end"], Directory.GetFileSystemEntries(Path.Combine(_root, "runs/default/r1")).Select(Path.GetFileName));
        await _store.DeleteAsync("runs/default/r1/end/log", default);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_root, "runs/default")));
        await Assert.ThrowsAsync<ArgumentException>(() => _store.DeleteAsync("../x", default));
    }

    [Fact]
    public async Task WhatIsNotThere_IsNull()
    {
        await Put("a/b", "x");

        Assert.Null(await _store.OpenReadAsync("a/c", 0, default));
        Assert.Null(await _store.OpenReadAsync("a", 0, default));
        Assert.Null(await _store.OpenReadAsync("x/y/z", 0, default));
        Assert.Null(await _store.GetSizeAsync("a/c", default));
        Assert.Null(await _store.GetSizeAsync("a", default));
    }

    [Fact]
    public async Task APutThatBreaks_LeavesTheOldBlob_AndNoRest()
    {
        await Put("a", "old");

        await Assert.ThrowsAsync<IOException>(() => _store.PutAsync("a", new BreakingStream(), default));

        Assert.Equal("old", await Read("a"));
        Assert.Equal(["a"], Directory.GetFiles(_root, "*", SearchOption.AllDirectories).Select(Path.GetFileName));
    }

    [Fact]
    public async Task AReader_KeepsTheBlobItOpened_WhenItIsReplaced()
    {
        await Put("a", "old");
        await using var open = await _store.OpenReadAsync("a", 0, default);
        await Put("a", "newer");

        using var reader = new StreamReader(open!);
        Assert.Equal("old", await reader.ReadToEndAsync());
    }

    [Theory]
    [InlineData("")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData("a/")]
    [InlineData("../a")]
    [InlineData("a/../../b")]
    [InlineData("a/./b")]
    [InlineData("a\0b")]
    [InlineData("a\\b")]
    [InlineData("a\nb")]
    [InlineData(".incoming/x")]
    public async Task ABadName_IsRefused_WithTheRule(string name)
    {
        var error = await Assert.ThrowsAsync<ArgumentException>(() => Put(name, "x"));
        Assert.Contains(BlobName.Rule, error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<ArgumentException>(() => _store.OpenReadAsync(name, 0, default));
        await Assert.ThrowsAsync<ArgumentException>(() => _store.GetSizeAsync(name, default));
        await Assert.ThrowsAsync<ArgumentException>(() => _store.WriteChunkAsync(name, 0, new byte[1], default));
    }

    [Theory]
    [InlineData("a", "a/b")]
    [InlineData("a/b", "a")]
    [InlineData("a/b", "a/b/c/d")]
    public async Task ANameThatIsAFolderOfAnother_IsRefused_AndTheOtherStays(string there, string name)
    {
        await Put(there, "x");

        var refused = await Assert.ThrowsAsync<ArgumentException>(() => Put(name, "y"));

        Assert.Contains("folder", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, await _store.GetSizeAsync(there, default));
    }

    [Fact]
    public async Task LongNames_AreHeldToTheFileSystemsLimits()
    {
        await Put(new string('a', 200), "x");
        await Put(new string('é', 127), "x");
        await Assert.ThrowsAsync<ArgumentException>(() => Put(new string('a', 201), "x"));
        await Assert.ThrowsAsync<ArgumentException>(() => Put(new string('日', 86), "x"));
        await Assert.ThrowsAsync<ArgumentException>(() => Put("half a pair " + '\ud800', "x"));
        await Assert.ThrowsAsync<ArgumentException>(() => Put(string.Join('/', Enumerable.Repeat("abcdefghi", 201)), "x"));
    }

    [Fact]
    public async Task Chunks_GrowALog_AndMayComeTwiceOrTorn()
    {
        Assert.Equal(3, await Chunk("log", 0, "abc"));
        Assert.Equal(6, await Chunk("log", 3, "def"));
        Assert.Equal(6, await Chunk("log", 3, "def"));
        Assert.Equal(6, await Chunk("log", 0, "abc"));
        Assert.Equal(6, await Chunk("log", 9, "gap"));
        // A torn try left "abcdef"; the same chunk comes whole.
        Assert.Equal(9, await Chunk("log", 3, "defghi"));
        Assert.Equal(9, await Chunk("log", 9, ""));

        Assert.Equal("abcdefghi", await Read("log"));
        Assert.Equal(0, await Chunk("other", 5, "gap"));
        Assert.Null(await _store.GetSizeAsync("other", default));
    }

    [Fact]
    public async Task TheSameChunksFromManyWriters_MakeOneLog()
    {
        var chunks = Enumerable.Range(0, 50).Select(i => Encoding.UTF8.GetBytes($"line {i:000}\n")).ToArray();
        var whole = chunks.SelectMany(c => c).ToArray();

        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () =>
        {
            for (long offset = 0, i = 0; i < chunks.Length; i++) offset = Math.Min(offset + chunks[i].Length, await _store.WriteChunkAsync("log", offset, chunks[i], default));
        })));

        Assert.Equal(Encoding.UTF8.GetString(whole), await Read("log"));
    }

    [Fact]
    public async Task Names_AreListedUnderAFolder_InOrdinalOrder()
    {
        string[] names = ["a-b", "a/b", "a/c/d", "a/c-", "a/c0", "ab", "b"];
        foreach (var name in names.Reverse()) await Put(name, name);

        Assert.Equal(names.Order(StringComparer.Ordinal), await List(""));
        Assert.Equal(["a/b", "a/c-", "a/c/d", "a/c0"], await List("a"));
        Assert.Equal(["a/c/d"], await List("a/c/"));
        Assert.Empty(await List("never"));
        await Assert.ThrowsAsync<ArgumentException>(() => List("../.."));
    }

    [Fact]
    public async Task OldRestsOfACrash_AreRemoved_AndYoungOnesLeftToTheirWriter()
    {
        var incoming = Path.Combine(_root, BlobName.Incoming);
        await File.WriteAllTextAsync(Path.Combine(incoming, "old"), "");
        File.SetLastWriteTimeUtc(Path.Combine(incoming, "old"), DateTime.UtcNow.AddDays(-2));
        await File.WriteAllTextAsync(Path.Combine(incoming, "young"), "");

        using var second = new DirectoryBlobStore(_root);

        Assert.Equal(["young"], Directory.GetFiles(incoming).Select(Path.GetFileName));
        Assert.Empty(await List(""));
    }

    [Fact]
    public void ADirectoryThatCannotBe_IsNamed()
    {
        var file = Path.Combine(_root, "file");
        File.WriteAllText(file, "");

        var error = Assert.Throws<DataDirectoryException>(() => new DirectoryBlobStore(Path.Combine(file, "blobs")));

        Assert.Contains(file, error.Message, StringComparison.Ordinal);
    }

    private Task Put(string name, string text) => _store.PutAsync(name, new MemoryStream(Encoding.UTF8.GetBytes(text)), default);

    private Task<long> Chunk(string name, long offset, string text) => _store.WriteChunkAsync(name, offset, Encoding.UTF8.GetBytes(text), default);

    private async Task<string?> Read(string name, long offset = 0)
    {
        await using var stream = await _store.OpenReadAsync(name, offset, default);
        if (stream is null) return null;
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync();
    }

    private async Task<List<string>> List(string prefix)
    {
        var names = new List<string>();
        await foreach (var name in _store.ListAsync(prefix, default)) names.Add(name);
        return names;
    }

    /// <summary>Gives some bytes, then fails as a broken connection does.</summary>
    private sealed class BreakingStream : MemoryStream
    {
        private bool _gave;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (_gave) throw new IOException("broken");
            _gave = true;
            return ValueTask.FromResult(buffer.Length);
        }

        public override Task CopyToAsync(Stream destination, int bufferSize, CancellationToken cancellationToken) => Copy(destination, cancellationToken);

        private async Task Copy(Stream destination, CancellationToken cancellationToken)
        {
            var buffer = new byte[100];
            while (await ReadAsync(buffer, cancellationToken) is var read and > 0) await destination.WriteAsync(buffer.AsMemory(0, read), cancellationToken);
        }
    }
}
