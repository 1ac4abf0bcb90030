using Fanfare.Contracts;
using Fanfare.S3;
using Fanfare.Storage.Blobs;
using Fanfare.Storage.Blobs.S3;

namespace Fanfare.Storage.Tests.Blobs;

[NeedsS3]
public sealed class S3BlobStoreTests(SharedS3 shared) : BlobStoreConformance, IClassFixture<SharedS3>
{
    private readonly string _prefix = shared.Server.NewPrefix();

    protected override async Task<IBlobStore> OpenStoreAsync() =>
        await S3BlobStore.OpenAsync(new S3Location(S3Server.Bucket, _prefix) { Endpoint = shared.Server.Endpoint }, new Hurry(), Assert.Fail, default);

    protected override IReadOnlyList<string> Rests() => shared.Server.OpenUploads(_prefix + "/");

    [S3Fact]
    public async Task ANameMayBeAFolderOfAnother()
    {
        await Put("a", "x");
        await Put("a/b", "y");
        await Chunk("a/b/log", 0, "z");

        Assert.Equal(["a", "a/b", "a/b/log"], await List(""));
        Assert.Equal("xyz", await Read("a") + await Read("a/b") + await Read("a/b/log"));
    }

    [S3Fact]
    public async Task ANameThatIsTooLongForAKey_IsRefused_WithTheLimit()
    {
        var refused = await Assert.ThrowsAsync<ArgumentException>(() => Put(string.Join('/', Enumerable.Repeat(new string('a', 200), 5)), "x"));

        Assert.Contains("1024", refused.Message, StringComparison.Ordinal);
    }

    /// <summary>A clock by which nothing that is known is fresh: every read sees what other servers wrote.</summary>
    private sealed class Hurry : TimeProvider
    {
        private long _now;

        public override long GetTimestamp() => Interlocked.Add(ref _now, 10 * TimestampFrequency);
    }
}
