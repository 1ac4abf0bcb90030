using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Fanfare.S3;
using Fanfare.Storage.Blobs;
using Fanfare.Storage.Blobs.S3;

namespace Fanfare.Storage.Tests.Blobs;

/// <summary>An S3 server that is away, wants less, or breaks off, and what is asked of it in good times.</summary>
public sealed class S3TroubleTests(SharedS3 shared) : IClassFixture<SharedS3>, IAsyncLifetime
{
    private const int MiB = 1024 * 1024;

    private readonly StoppedClock _clock = new();
    private readonly List<string> _log = [];
    private string _prefix = "";
    private S3Link _link = null!;
    private S3BlobStore _store = null!;

    public async Task InitializeAsync()
    {
        (_prefix, _link) = (shared.Server.NewPrefix(), new S3Link(shared.Server.Port));
        _store = await S3BlobStore.OpenAsync(new S3Location(S3Server.Bucket, _prefix) { Endpoint = _link.Endpoint }, _clock, _log.Add, default);
        _link.Forget();
    }

    public async Task DisposeAsync()
    {
        _store.Dispose();
        await _link.DisposeAsync();
    }

    [S3Fact]
    public async Task AServerThatIsAway_IsToldApartFromABlobThatIsMissing_AndIsUsedAgainWhenItIsBack()
    {
        await Put("there", "x"u8.ToArray());
        _link.Away = true;

        var error = await Assert.ThrowsAsync<BlobStoreUnavailableException>(() => _store.OpenReadAsync("there", 0, default));
        // Those who come next are not kept waiting for what the first has waited for.
        var clock = Stopwatch.StartNew();
        await Assert.ThrowsAsync<BlobStoreUnavailableException>(() => _store.GetSizeAsync("missing", default));
        await Assert.ThrowsAsync<BlobStoreUnavailableException>(() => Chunk("log", 0, "x"));
        await Assert.ThrowsAsync<BlobStoreUnavailableException>(() => Put("a", new byte[9 * MiB]));
        Assert.True(clock.ElapsedMilliseconds < 400, $"They took {clock.ElapsedMilliseconds} ms.");
        Assert.Contains($"s3://fanfare-tests/{_prefix}", error.Message, StringComparison.Ordinal);
        Assert.Contains("does not answer", error.Message, StringComparison.Ordinal);
        Assert.Contains("Check its address", error.Message, StringComparison.Ordinal);

        _link.Away = false;
        _clock.Advance(TimeSpan.FromSeconds(3));

        Assert.Null(await _store.GetSizeAsync("missing", default));
        Assert.Equal("x"u8.ToArray(), await Read("there"));
        Assert.Equal(1, await Chunk("log", 0, "x"));
        Assert.Equal([error.Message, $"The blob store s3://fanfare-tests/{_prefix} at {_link.Endpoint.GetLeftPart(UriPartial.Authority)} answers again."], _log);
    }

    [S3Fact]
    public async Task AServerThatWantsLess_IsAskedAgain()
    {
        _link.SlowDown(1);
        Assert.Equal(3, await Chunk("log", 0, "abc"));
        _link.SlowDown(1);
        Assert.Equal("abc"u8.ToArray(), await Read("log"));
        _link.SlowDown(2);
        await Put("a", "x"u8.ToArray());

        Assert.Equal("x"u8.ToArray(), await Read("a"));
        Assert.Empty(_log);
    }

    [S3Fact]
    public async Task AServerThatWantsLessForLong_IsTrouble_WithItsWords()
    {
        _link.SlowDown(20);

        var error = await Assert.ThrowsAsync<BlobStoreUnavailableException>(() => Chunk("log", 0, "abc"));

        Assert.Contains("503 SlowDown: Please reduce your request rate", error.Message, StringComparison.Ordinal);
        Assert.Equal([error.Message], _log);
    }

    [S3Fact]
    public async Task AnAnswerThatBreaksOff_IsReadOnFromThere()
    {
        var bytes = RandomNumberGenerator.GetBytes(5 * MiB);
        await Put("a", bytes);
        _link.Forget();

        _link.CutAnswers(3, MiB);
        var read = await Read("a");
        _link.CutAnswers(1, MiB / 2);
        var fromLater = await Read("a", MiB);

        Assert.Equal(bytes, read);
        Assert.Equal(bytes[MiB..], fromLater);
        Assert.Empty(_log);
    }

    [S3Fact]
    public async Task AnAnswerThatBreaksOffAgainAndAgain_IsTrouble_AndNotAShortBlob()
    {
        await Put("a", new byte[2 * MiB]);
        await using var stream = await _store.OpenReadAsync("a", 0, default);
        _link.CutAnswers(20, 0);

        // What was on its way when the faults began comes through.
        await Assert.ThrowsAsync<BlobStoreUnavailableException>(async () =>
        {
            await using var second = await _store.OpenReadAsync("a", 0, default);
            await second!.CopyToAsync(Stream.Null);
        });
    }

    [S3Fact]
    public async Task ABlobThatIsReplacedWhileItIsRead_IsNeverAMixture()
    {
        await Put("a", Enumerable.Repeat((byte)'o', 3 * MiB).ToArray());
        _link.CutAnswers(1, MiB);
        await using var stream = await _store.OpenReadAsync("a", 0, default);
        await Put("a", Enumerable.Repeat((byte)'n', 3 * MiB).ToArray());

        var error = await Assert.ThrowsAsync<IOException>(() => stream!.CopyToAsync(Stream.Null));

        Assert.Contains("replaced", error.Message, StringComparison.Ordinal);
    }

    [S3Fact]
    public async Task ARequestThatBreaksOff_IsSentAgain_WholeOrInParts()
    {
        var bytes = RandomNumberGenerator.GetBytes(17 * MiB);
        _link.CutRequests(1, MiB);
        await Put("small", bytes[..(3 * MiB)]);
        // The first request begins the upload, the second brings its first part.
        _link.SlowDown(1);
        _link.PassOn(1);
        _link.CutRequests(1, MiB);
        await Put("large", bytes);

        Assert.Equal(bytes[..(3 * MiB)], await Read("small"));
        Assert.Equal(bytes, await Read("large"));
        Assert.Empty(shared.Server.OpenUploads(_prefix + "/"));
    }

    [S3Fact]
    public async Task AChunkWhoseAnswerIsLost_IsInTheLogOnce()
    {
        await Chunk("log", 0, "abc");
        _link.LoseAnswers(1);

        Assert.Equal(6, await Chunk("log", 3, "def"));

        Assert.Equal("abcdef", Encoding.UTF8.GetString(await Read("log") ?? []));
    }

    [S3Fact]
    public async Task AChunkThatCameToLittle_IsMadeUpForByALargerOne()
    {
        await Chunk("log", 0, "abc");
        // The last try of a leader that has been succeeded: what the next one does not know of.
        using (var late = await S3BlobStore.OpenAsync(new S3Location(S3Server.Bucket, _prefix) { Endpoint = _link.Endpoint }, _clock, _log.Add, default))
            Assert.Equal(5, await late.WriteChunkAsync("log", 3, "de"u8.ToArray(), default));
        Assert.Equal(8, await Chunk("log", 3, "defgh"));

        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("abcdefgh", Encoding.UTF8.GetString(await Read("log") ?? []));
        Assert.Equal(8, await _store.GetSizeAsync("log", default));
    }

    [S3Fact]
    public async Task AChunkOfALog_CostsOneRequest_AndSoDoesReadingItWhereItWasWritten()
    {
        await Chunk("log", 0, "abc");
        await Chunk("log", 3, "def");
        Assert.Equal("def", Encoding.UTF8.GetString(await Read("log", 3) ?? []));
        Assert.Empty(await Read("log", 6) ?? [1]);
        Assert.Equal(6, await _store.GetSizeAsync("log", default));

        Assert.Equal(
            [
                $"GET /fanfare-tests/?list-type=2&prefix={_prefix}/log!-",
                $"PUT /fanfare-tests/{_prefix}/log!-0000000000000-0000000000003-0",
                $"PUT /fanfare-tests/{_prefix}/log!-0000000000003-0000000000006-0",
                $"GET /fanfare-tests/{_prefix}/log!-0000000000003-0000000000006-0",
            ],
            _link.Requests);
    }

    [S3Fact]
    public async Task ManyChunks_ArePutTogether_AndAReaderWhoHoldsTheOldOnesGoesOn()
    {
        var lines = Enumerable.Range(0, 70).Select(i => $"line {i:000}\n").ToArray();
        long offset = 0;
        foreach (var line in lines[..31]) offset = await Chunk("log", offset, line);
        await using var reader = await _store.OpenReadAsync("log", 0, default);
        Assert.Equal(31, shared.Server.Keys(_prefix + "/").Count);

        foreach (var line in lines[31..]) offset = await Chunk("log", offset, line);

        Assert.Equal(2 + 6, shared.Server.Keys(_prefix + "/").Count);
        Assert.Contains($"{_prefix}/log!-0000000000000-0000000000288-1", shared.Server.Keys(_prefix + "/"));
        using var text = new StreamReader(reader!);
        Assert.Equal(string.Concat(lines[..31]), await text.ReadToEndAsync());
        Assert.Equal(string.Concat(lines), Encoding.UTF8.GetString(await Read("log") ?? []));
    }

    [S3Fact]
    public async Task LargeChunks_StayAsTheyAre()
    {
        var chunk = new string('x', MiB / 2);
        for (var i = 0; i < 33; i++) await Chunk("log", (long)i * chunk.Length, chunk);

        Assert.Equal(33, shared.Server.Keys(_prefix + "/").Count);
    }

    [S3Fact]
    public async Task ALookIntoTheMiddleOfALargeBlob_DoesNotFetchTheRest()
    {
        await Put("items", new byte[4 * MiB]);
        _link.Forget();
        await using (var stream = await _store.OpenReadAsync("items", 2 * MiB, default))
            await stream!.ReadExactlyAsync(new byte[60 * 1024]);
        Assert.Single(_link.Requests);

        // Whoever reads on gets more at a time.
        Assert.Equal(2 * MiB, (await Read("items", 2 * MiB))!.Length);
        Assert.InRange(_link.Requests.Count, 3, 5);
    }

    [S3Fact]
    public async Task ABucketThatIsNotThere_IsSaidAtTheStart()
    {
        var error = await Assert.ThrowsAsync<BlobStoreUnavailableException>(() => S3BlobStore.OpenAsync(new S3Location("not-there", "") { Endpoint = _link.Endpoint }, _clock, _log.Add, default));

        Assert.Contains("there is no such bucket. Make the bucket not-there", error.Message, StringComparison.Ordinal);
    }

    private Task Put(string name, byte[] bytes) => _store.PutAsync(name, new MemoryStream(bytes), default);

    private Task<long> Chunk(string name, long offset, string text) => _store.WriteChunkAsync(name, offset, Encoding.UTF8.GetBytes(text), default);

    private async Task<byte[]?> Read(string name, long offset = 0)
    {
        await using var stream = await _store.OpenReadAsync(name, offset, default);
        if (stream is null) return null;
        using var all = new MemoryStream();
        await stream.CopyToAsync(all);
        return all.ToArray();
    }

    /// <summary>A clock that the test sets.</summary>
    private sealed class StoppedClock : TimeProvider
    {
        private long _now;

        public override long GetTimestamp() => Interlocked.Read(ref _now);

        public void Advance(TimeSpan time) => Interlocked.Add(ref _now, (long)(time.TotalSeconds * TimestampFrequency));
    }
}
