using System.Net;
using Amazon;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using Fanfare.Contracts.Http;

namespace Fanfare.Storage.Blobs.S3;

/// <summary>
/// The requests to one bucket. The SDK sends a request again that met trouble which may pass: throttling, 5xx, a broken connection. What remains is told as <see cref="BlobStoreUnavailableException"/>, and then
/// nothing more is asked for a moment: many who need the store at once shall not wait one after another for what the first has waited for.
/// </summary>
internal sealed class S3Bucket : IDisposable
{
    /// <summary>Retries of one request, after half a second, one and two on the average.</summary>
    private const int MostRetries = 3;

    private static readonly TimeSpan _connectTimeout = TimeSpan.FromSeconds(5), _requestTimeout = TimeSpan.FromSeconds(60), _rest = TimeSpan.FromSeconds(2);

    private readonly S3Location _location;
    private readonly TimeProvider _clock;
    private readonly Action<string> _log;
    private readonly AmazonS3Client _client;
    private readonly Lock _lock = new();
    private string? _trouble;
    private long _restsUntil;

    /// <exception cref="BlobStoreUnavailableException">No region or credentials are set.</exception>
    public S3Bucket(S3Location location, TimeProvider clock, Action<string> log)
    {
        (_location, _clock, _log) = (location, clock, log);
        try
        {
            _client = new AmazonS3Client(Settings(location));
        }
        catch (AmazonClientException error)
        {
            throw Unavailable(error);
        }
    }

    public void Dispose() => _client.Dispose();

    public Task PutAsync(string key, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) => AskAsync(
        async cancel =>
        {
            using var body = new ReadOnlyMemoryStream(content);
            // In one piece, with its SHA-256 in the signature: what compatible stores know, and what tells a body that was changed on its way.
            return await _client.PutObjectAsync(new PutObjectRequest { BucketName = _location.Bucket, Key = key, InputStream = body, UseChunkEncoding = false }, cancel).ConfigureAwait(false);
        },
        cancellationToken);

    public async Task<string> BeginPartsAsync(string key, CancellationToken cancellationToken) =>
        (await AskAsync(cancel => _client.InitiateMultipartUploadAsync(new InitiateMultipartUploadRequest { BucketName = _location.Bucket, Key = key }, cancel), cancellationToken).ConfigureAwait(false)).UploadId;

    public Task<PartETag> PutPartAsync(string key, string upload, int number, ReadOnlyMemory<byte> content, CancellationToken cancellationToken) => AskAsync(
        async cancel =>
        {
            using var body = new ReadOnlyMemoryStream(content);
            var request = new UploadPartRequest
            {
                BucketName = _location.Bucket,
                Key = key,
                UploadId = upload,
                PartNumber = number,
                InputStream = body,
                PartSize = content.Length,
                UseChunkEncoding = false,
            };
            return new PartETag(number, (await _client.UploadPartAsync(request, cancel).ConfigureAwait(false)).ETag);
        },
        cancellationToken);

    public Task EndPartsAsync(string key, string upload, List<PartETag> parts, CancellationToken cancellationToken) => AskAsync(
        cancel => _client.CompleteMultipartUploadAsync(new CompleteMultipartUploadRequest { BucketName = _location.Bucket, Key = key, UploadId = upload, PartETags = parts }, cancel), cancellationToken);

    public Task DropPartsAsync(string key, string upload, CancellationToken cancellationToken) => AskAsync(
        cancel => _client.AbortMultipartUploadAsync(new AbortMultipartUploadRequest { BucketName = _location.Bucket, Key = key, UploadId = upload }, cancel), cancellationToken);

    public Task DeleteAsync(string key, CancellationToken cancellationToken) => AskAsync(
        cancel => _client.DeleteObjectAsync(new DeleteObjectRequest { BucketName = _location.Bucket, Key = key }, cancel), cancellationToken);

    /// <summary>Size in bytes; null when there is no such object.</summary>
    public Task<long?> GetSizeAsync(string key, CancellationToken cancellationToken) => AskAsync(
        async cancel =>
        {
            try
            {
                var found = await _client.GetObjectMetadataAsync(new GetObjectMetadataRequest { BucketName = _location.Bucket, Key = key }, cancel).ConfigureAwait(false);
                return found.ContentLength;
            }
            catch (AmazonS3Exception e) when (IsAbsent(e))
            {
                return (long?)null;
            }
        },
        cancellationToken);

    /// <summary>The answer with its body still to be read; null when there is no such object.</summary>
    /// <param name="from">First byte.</param>
    /// <param name="to">Last byte; null for the whole object, and then <paramref name="from"/> is 0.</param>
    /// <exception cref="BeyondEndException">The object ends before <paramref name="from"/>.</exception>
    public Task<GetObjectResponse?> GetAsync(string key, long from, long? to, CancellationToken cancellationToken) => AskAsync(
        async cancel =>
        {
            var request = new GetObjectRequest { BucketName = _location.Bucket, Key = key, ByteRange = to is { } last ? new ByteRange(from, last) : null };
            try
            {
                return await _client.GetObjectAsync(request, cancel).ConfigureAwait(false);
            }
            catch (AmazonS3Exception e) when (IsAbsent(e))
            {
                return null;
            }
            catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.RequestedRangeNotSatisfiable)
            {
                throw new BeyondEndException();
            }
        },
        cancellationToken);

    /// <summary>Keys that begin with <paramref name="prefix"/>, in the order of their bytes.</summary>
    public async IAsyncEnumerable<string> ListAsync(string prefix, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        for (string? next = null; ;)
        {
            var request = new ListObjectsV2Request { BucketName = _location.Bucket, Prefix = prefix, ContinuationToken = next };
            var page = await AskAsync(cancel => _client.ListObjectsV2Async(request, cancel), cancellationToken).ConfigureAwait(false);
            foreach (var found in page.S3Objects ?? []) yield return found.Key;
            if (page.IsTruncated != true) yield break;
            next = page.NextContinuationToken;
        }
    }

    /// <summary>The error of a body that broke off too often.</summary>
    public BlobStoreUnavailableException BrokeOff(Exception error) => Rest(Unavailable(error));

    private static AmazonS3Config Settings(S3Location location)
    {
        var settings = new AmazonS3Config
        {
            RetryMode = RequestRetryMode.Standard,
            MaxErrorRetry = MostRetries,
            HttpClientFactory = new Connections(),
            Timeout = _requestTimeout,
            ForcePathStyle = location.PathStyle ?? location.Endpoint is not null,
            // Checksums beyond those in the signature come in trailers, which not every compatible store knows.
            RequestChecksumCalculation = RequestChecksumCalculation.WHEN_REQUIRED,
            ResponseChecksumValidation = ResponseChecksumValidation.WHEN_REQUIRED,
        };
        if (location.Endpoint is not { } endpoint) return settings;
        settings.ServiceURL = endpoint.ToString();
        // The machine's own region says nothing of where such a store is.
        settings.AuthenticationRegion = (FallbackRegionFactory.GetRegionEndpoint(includeInstanceMetadata: false) ?? RegionEndpoint.USEast1).SystemName;
        return settings;
    }

    private async Task<T> AskAsync<T>(Func<CancellationToken, Task<T>> ask, CancellationToken cancellationToken)
    {
        ThrowIfResting();
        T answer;
        try
        {
            answer = await ask(cancellationToken).ConfigureAwait(false);
        }
        // A timeout of the SDK is a cancellation too, but not the caller's.
        catch (Exception error) when (error is not BeyondEndException && !cancellationToken.IsCancellationRequested && IsTrouble(error))
        {
            throw IsOfOneRequest(error) ? Unavailable(error) : Rest(Unavailable(error));
        }
        Recovered();
        return answer;
    }

    private void ThrowIfResting()
    {
        lock (_lock)
            if (_trouble is not null && _clock.GetTimestamp() < _restsUntil) throw new BlobStoreUnavailableException(_trouble);
    }

    private BlobStoreUnavailableException Rest(BlobStoreUnavailableException error)
    {
        bool first;
        lock (_lock)
        {
            first = _trouble is null;
            _trouble = error.Message;
            _restsUntil = _clock.GetTimestamp() + (long)(_rest.TotalSeconds * _clock.TimestampFrequency);
        }
        if (first) _log(error.Message);
        return error;
    }

    private void Recovered()
    {
        lock (_lock)
        {
            if (_trouble is null) return;
            _trouble = null;
        }
        _log($"The blob store {_location} answers again.");
    }

    private static bool IsOfOneRequest(Exception error) =>
        error is AmazonServiceException { StatusCode: HttpStatusCode.BadRequest or HttpStatusCode.NotFound or HttpStatusCode.Conflict or HttpStatusCode.NotImplemented, ErrorCode: not "NoSuchBucket" };

    private static bool IsAbsent(AmazonS3Exception error) => error.StatusCode == HttpStatusCode.NotFound && error.ErrorCode is "NoSuchKey" or "NotFound" or "";

    private static bool IsTrouble(Exception error) => error is AmazonServiceException or AmazonClientException or HttpRequestException or IOException or OperationCanceledException or TimeoutException;

    private BlobStoreUnavailableException Unavailable(Exception error)
    {
        var (what, remedy) = Explain(error);
        return new BlobStoreUnavailableException($"The blob store {_location} {what} {remedy}", error);
    }

    private (string What, string Remedy) Explain(Exception error) => error switch
    {
        AmazonS3Exception { ErrorCode: "NoSuchBucket" } => ("cannot be used: there is no such bucket.", $"Make the bucket {_location.Bucket}, or correct the name in --blobs (FANFARE_BLOBS)."),
        AmazonS3Exception { ErrorCode: "PermanentRedirect" or "AuthorizationHeaderMalformed" or "IllegalLocationConstraintException" } =>
            ($"cannot be used: the bucket is in another region ({error.Message}).", "Set AWS_REGION to the bucket's region."),
        AmazonS3Exception { ErrorCode: "InvalidAccessKeyId" or "SignatureDoesNotMatch" or "ExpiredToken" or "InvalidToken" } s3 =>
            ($"refuses the credentials ({s3.ErrorCode}: {s3.Message}).", "Correct them, and check this machine's clock; docs/blobs.md says where they are looked for."),
        AmazonS3Exception { StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } s3 =>
            ($"refuses access ({s3.ErrorCode}: {s3.Message}).", "Allow these credentials what docs/blobs.md lists."),
        AmazonServiceException { StatusCode: >= HttpStatusCode.InternalServerError or HttpStatusCode.TooManyRequests } service =>
            ($"cannot be read or written now ({(int)service.StatusCode} {service.ErrorCode}: {service.Message.TrimEnd('.')}).", "It is tried again; look at the store's own state if this goes on."),
        AmazonServiceException { StatusCode: not 0 } service => ($"refused a request ({(int)service.StatusCode} {service.ErrorCode}: {service.Message}).", "Check that its address is that of S3 or of a store that is compatible with it (FANFARE_S3_ENDPOINT)."),
        AmazonClientException when IsLackOf(error, "egion") => ("cannot be reached: no region is set.", "Set AWS_REGION to the bucket's region, or FANFARE_S3_ENDPOINT to the address of a compatible store."),
        AmazonClientException when IsLackOf(error, "redentials") => ($"cannot be reached: there are no credentials for it ({error.Message}).", "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role; docs/blobs.md says where they are looked for."),
        _ => ($"does not answer ({Cause(error)}).", "Check its address, the network and that it runs; it is tried again."),
    };

    private static bool IsLackOf(Exception error, string what) => error is not AmazonServiceException && error.Message.Contains(what, StringComparison.Ordinal);

    /// <summary>As the SDK makes them, and with errors that it sends again after.</summary>
    private sealed class Connections : HttpClientFactory
    {
        public override HttpClient CreateHttpClient(IClientConfig clientConfig) =>
            new(new BrokenConnections(new SocketsHttpHandler { AllowAutoRedirect = false, ConnectTimeout = _connectTimeout })) { Timeout = _requestTimeout };
    }

    // The SDK's own messages hide the reason one or two levels below.
    private static string Cause(Exception error) => error.GetBaseException().Message.TrimEnd('.');
}

/// <summary>An object was asked for from a byte on that it does not have.</summary>
internal sealed class BeyondEndException : Exception;
