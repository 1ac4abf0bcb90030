using Fanfare.Cli.Hosting;

namespace Fanfare.Cli.Tests;

/// <summary>Where <c>fanfare serve</c> keeps blobs, as options and variables say it.</summary>
public sealed class BlobPlaceTests : IDisposable
{
    private readonly TestCli _cli = new();
    private readonly Recorder _server = new();

    public BlobPlaceTests() => _cli.LocalServer = _server;

    public void Dispose() => _cli.Dispose();

    [Fact]
    public async Task WithoutAWord_TheyAreInTheDataDirectory()
    {
        await ServeAsync("--data", "data");

        Assert.Null(_server.Options!.Blobs);
        Assert.Equal(Path.Combine(_cli.Directory, "data", "blobs"), BlobPlace.Of(_server.Options).Directory);
    }

    [Fact]
    public async Task APath_IsADirectory()
    {
        await ServeAsync("--blobs", "elsewhere/blobs");

        Assert.Equal(new BlobPlace(Path.Combine(_cli.Directory, "elsewhere", "blobs"), null), _server.Options!.Blobs);
    }

    [Fact]
    public async Task AnAddressOfABucket_GoesWithTheVariables_AndTheOptionGoesBeforeThem()
    {
        _cli.Set("FANFARE_BLOBS", "s3://other/place").Set("FANFARE_S3_ENDPOINT", "http://store:9000").Set("FANFARE_S3_PATH_STYLE", "false");
        await ServeAsync();
        Assert.Equal("s3://other/place at http://store:9000", _server.Options!.Blobs!.ToString());
        Assert.False(_server.Options.Blobs.Bucket!.PathStyle);

        await ServeAsync("--blobs", "s3://bucket/prefix/");
        Assert.Equal(("bucket", "prefix"), (_server.Options.Blobs.Bucket!.Bucket, _server.Options.Blobs.Bucket.Prefix));
    }

    [Theory]
    [InlineData("s3://bucket", "FANFARE_S3_ENDPOINT", "store:9000", "https://HOST:PORT")]
    [InlineData("s3://bucket", "FANFARE_S3_PATH_STYLE", "yes", "Set it to true")]
    [InlineData("gs://bucket", "UNUSED", "", "s3://BUCKET/PREFIX")]
    public async Task WhatIsNone_IsRefused_BeforeAnythingStarts(string place, string variable, string value, string said)
    {
        _cli.Set(variable, value);

        var answer = await _cli.RunAsync("serve", "--blobs", place);

        Assert.Equal(ExitCode.Usage, answer.Exit);
        Assert.Contains(said, string.Join(' ', answer.Error.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)), StringComparison.Ordinal);
        Assert.Null(_server.Options);
    }

    private async Task ServeAsync(params string[] arguments)
    {
        var answer = await _cli.RunAsync(["serve", .. arguments]);
        Assert.Contains(Recorder.Refusal, answer.Error, StringComparison.Ordinal);
    }

    /// <summary>Notes what it was to host, and does not.</summary>
    private sealed class Recorder : ILocalServer
    {
        public const string Refusal = "only noted";

        public LocalServerOptions? Options { get; private set; }

        public Task<IRunningServer> StartAsync(LocalServerOptions options, CancellationToken cancellationToken)
        {
            Options = options;
            throw new CommandException(ExitCode.Usage, Refusal);
        }
    }
}
