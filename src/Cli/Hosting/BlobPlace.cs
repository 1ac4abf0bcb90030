using Fanfare.Storage;
using Fanfare.Storage.Blobs;
using Fanfare.Storage.Blobs.S3;

namespace Fanfare.Cli.Hosting;

/// <summary>Where a server keeps logs, artifacts and packages: a directory, or a bucket of S3 or of a compatible store. One of the two is null.</summary>
internal sealed record BlobPlace(string? Directory, S3Location? Bucket)
{
    /// <summary>What was given, else the environment's; null for neither.</summary>
    /// <exception cref="CommandException">It is neither a directory nor the address of a bucket.</exception>
    public static BlobPlace? Given(CliHost host, string? option)
    {
        var place = string.IsNullOrWhiteSpace(option) ? host.Variable("FANFARE_BLOBS") : option;
        if (string.IsNullOrWhiteSpace(place)) return null;
        if (!place.Contains("://", StringComparison.Ordinal)) return new BlobPlace(Path.GetFullPath(place, host.WorkingDirectory), null);
        try
        {
            return new BlobPlace(null, S3Location.Parse(place) with { Endpoint = Endpoint(host), PathStyle = PathStyle(host) });
        }
        catch (FormatException refused)
        {
            throw new CommandException(ExitCode.Usage, $"--blobs: {refused.Message}", "A directory is named by its path.");
        }
    }

    /// <summary>The directory in the data directory, unless another place is given.</summary>
    public static BlobPlace Of(LocalServerOptions options) => options.Blobs ?? new BlobPlace(Path.Combine(options.DataDirectory, "blobs"), null);

    /// <exception cref="CommandException">It cannot be used: says what to do.</exception>
    public async Task<IBlobStore> OpenAsync(Action<string> log, CancellationToken cancellationToken)
    {
        try
        {
            return Bucket is null ? new DirectoryBlobStore(Directory!) : await S3BlobStore.OpenAsync(Bucket, TimeProvider.System, log, cancellationToken);
        }
        catch (Exception e) when (e is DataDirectoryException or BlobStoreUnavailableException)
        {
            throw new CommandException(ExitCode.Usage, e.Message);
        }
    }

    public static void Close(IBlobStore? blobs) => (blobs as IDisposable)?.Dispose();

    public override string ToString() => Bucket?.ToString() ?? Directory!;

    private static Uri? Endpoint(CliHost host)
    {
        if (host.Variable("FANFARE_S3_ENDPOINT") is not { } given || string.IsNullOrWhiteSpace(given)) return null;
        return Uri.TryCreate(given, UriKind.Absolute, out var url) && url.Scheme is "http" or "https"
            ? url
            : throw new CommandException(ExitCode.Usage, $"FANFARE_S3_ENDPOINT '{given}' is no URL.", "Write it as https://HOST:PORT.");
    }

    private static bool? PathStyle(CliHost host) => host.Variable("FANFARE_S3_PATH_STYLE") switch
    {
        null or "" => null,
        "true" => true,
        "false" => false,
        var other => throw new CommandException(ExitCode.Usage, $"FANFARE_S3_PATH_STYLE is '{other}'.", "Set it to true (the bucket stands in the path) or false (it stands in the host name), or leave it out."),
    };
}
