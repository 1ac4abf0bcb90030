using Fanfare.Contracts;
using Fanfare.Storage.Blobs;

namespace Fanfare.Storage.Tests.Blobs;

public sealed class DirectoryBlobStoreTests : BlobStoreConformance
{
    private readonly string _root = Directory.CreateTempSubdirectory("fanfare-blobs-").FullName;

    protected override Task<IBlobStore> OpenStoreAsync() => Task.FromResult<IBlobStore>(new DirectoryBlobStore(_root));

    protected override IReadOnlyList<string> Rests() => Directory.GetFiles(Path.Combine(_root, BlobName.Incoming));

    public override async Task DisposeAsync()
    {
        await base.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    [Fact]
    public async Task ABlobThatIsRemoved_IsGone_WithTheFoldersThatHeldNothingElse()
    {
        await Put("runs/default/r1/start/log", "x");
        await Put("runs/default/r1/end/log", "x");

        await Store.DeleteAsync("runs/default/r1/start/log", default);
        await Store.DeleteAsync("runs/default/r1/start/log", default);
        await Store.DeleteAsync("runs/default/r2/start/log", default);

        Assert.Null(await Store.GetSizeAsync("runs/default/r1/start/log", default));
        Assert.Equal("x", await Read("runs/default/r1/end/log"));
        Assert.Equal(["end"], Directory.GetFileSystemEntries(Path.Combine(_root, "runs/default/r1")).Select(Path.GetFileName));
        await Store.DeleteAsync("runs/default/r1/end/log", default);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_root, "runs/default")));
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
        Assert.Equal(1, await Store.GetSizeAsync(there, default));
    }

    [Fact]
    public Task TheLongestName_OfAFile_IsTaken() => Put(new string('é', 127), "x");

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
}
