using System.Text;
using System.Text.RegularExpressions;

namespace Fanfare.Storage.Blobs.S3;

/// <summary>A bucket of S3 or of a compatible store, and where in it the blobs are.</summary>
/// <param name="Bucket">Has to be there already.</param>
/// <param name="Prefix">What the keys begin with, without a slash at its ends; empty for the whole bucket.</param>
public sealed partial record S3Location(string Bucket, string Prefix)
{
    public const string Scheme = "s3://";

    private const string Form = "Write it as s3://BUCKET or s3://BUCKET/PREFIX.";

    /// <summary>Bytes; a key of S3 has at most 1024, and the blobs' names have to find room behind the prefix.</summary>
    private const int PrefixBytes = 256;

    /// <summary>URL of a compatible store; null for S3 itself.</summary>
    public Uri? Endpoint { get; init; }

    /// <summary>Whether the bucket stands in the URL's path rather than in its host name. Null for the usual: yes with an endpoint of one's own, no without.</summary>
    public bool? PathStyle { get; init; }

    /// <exception cref="FormatException">It is none; says what to write.</exception>
    public static S3Location Parse(string url)
    {
        ArgumentNullException.ThrowIfNull(url);
        if (!url.StartsWith(Scheme, StringComparison.Ordinal)) throw new FormatException($"'{url}' is no address of a bucket. {Form}");
        var rest = url[Scheme.Length..].TrimEnd('/');
        var slash = rest.IndexOf('/', StringComparison.Ordinal);
        var (bucket, prefix) = slash < 0 ? (rest, "") : (rest[..slash], rest[(slash + 1)..]);
        if (!BucketName().IsMatch(bucket)) throw new FormatException($"'{bucket}' in '{url}' is no name of a bucket: 3 to 63 lower-case letters, digits, dots and dashes. {Form}");
        if (prefix.Length == 0) return new S3Location(bucket, prefix);
        try
        {
            BlobName.Check(prefix);
        }
        catch (ArgumentException refused)
        {
            throw new FormatException($"The prefix in '{url}' is refused: {refused.Message} {Form}", refused);
        }
        if (Encoding.UTF8.GetByteCount(prefix) > PrefixBytes) throw new FormatException($"The prefix in '{url}' is too long: at most {PrefixBytes} bytes. {Form}");
        return new S3Location(bucket, prefix);
    }

    /// <summary>As an operator knows it.</summary>
    public override string ToString() => $"{Scheme}{Bucket}{(Prefix.Length == 0 ? "" : "/")}{Prefix}{(Endpoint is null ? "" : $" at {Endpoint.GetLeftPart(UriPartial.Authority)}")}";

    [GeneratedRegex("^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")]
    private static partial Regex BucketName();
}
