using System.Buffers;
using Amazon.S3.Model;

namespace Fanfare.Storage.Blobs.S3;

/// <summary>Blobs that are put whole: what fits into one part as one object, what is larger in parts, of which one at a time is in memory. In both forms S3 shows the object when it is complete.</summary>
internal sealed class WholeBlobs(S3Bucket bucket, Action<string> log)
{
    /// <summary>S3 wants at least 5 MiB, and takes 10,000 of them.</summary>
    private const int PartBytes = 8 * 1024 * 1024, MostParts = 10_000;

    private const int FirstBytes = 64 * 1024;

    private static readonly TimeSpan _dropTimeout = TimeSpan.FromSeconds(10);

    public async Task PutAsync(string key, Stream content, CancellationToken cancellationToken)
    {
        // Most blobs are small: the buffer grows with what comes.
        var buffer = ArrayPool<byte>.Shared.Rent(FirstBytes);
        try
        {
            var count = 0;
            while (true)
            {
                count += await content.ReadAtLeastAsync(buffer.AsMemory(count), buffer.Length - count, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
                if (count < buffer.Length)
                {
                    await bucket.PutAsync(key, buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false);
                    return;
                }
                if (buffer.Length >= PartBytes) break;
                var larger = ArrayPool<byte>.Shared.Rent(Math.Min(PartBytes, buffer.Length * 4));
                buffer.AsSpan(0, count).CopyTo(larger);
                ArrayPool<byte>.Shared.Return(buffer);
                buffer = larger;
            }
            await PutPartsAsync(key, buffer, count, content, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task PutPartsAsync(string key, byte[] buffer, int count, Stream content, CancellationToken cancellationToken)
    {
        var upload = await bucket.BeginPartsAsync(key, cancellationToken).ConfigureAwait(false);
        try
        {
            var parts = new List<PartETag>();
            while (count > 0)
            {
                if (parts.Count == MostParts) throw new IOException($"The blob is larger than {(long)MostParts * buffer.Length} bytes, the most that is stored in S3.");
                parts.Add(await bucket.PutPartAsync(key, upload, parts.Count + 1, buffer.AsMemory(0, count), cancellationToken).ConfigureAwait(false));
                count = await content.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
            }
            await bucket.EndPartsAsync(key, upload, parts, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await DropAsync(key, upload).ConfigureAwait(false);
            throw;
        }
    }

    // Parts of an upload that does not come to its end are paid for until they are dropped.
    private async Task DropAsync(string key, string upload)
    {
        using var limit = new CancellationTokenSource(_dropTimeout);
        try
        {
            await bucket.DropPartsAsync(key, upload, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (e is BlobStoreUnavailableException or OperationCanceledException)
        {
            log($"The parts of an upload of {key} that broke off are left in the blob store; a lifecycle rule removes such (docs/blobs.md). {e.Message}");
        }
    }
}
