using System.Buffers.Binary;

namespace Fanfare.Gateway;

/// <summary>Checks that the lines which an attempt's foreach is to go over are those that were uploaded for it, and as many as it says:
/// a split beyond the last line could never be leased, and its run never end.</summary>
internal static class UploadedItems
{
    /// <exception cref="ApiFault">They are not.</exception>
    public static async Task CheckAsync(string field, FinishedAttempt finished, IScheduler scheduler, IBlobStore blobs, CancellationToken cancellationToken)
    {
        // Without a live lease nothing comes of the result, whatever it says.
        if (await scheduler.CheckLeaseAsync(new HeldLease(finished.Task, finished.Token), cancellationToken) is not { } attempt) return;
        var file = finished.ItemsFile!;
        if (file != LeasesApi.ItemsOf(finished.Task, attempt))
            throw ApiFault.Field($"{field}.items_file", "is not what was uploaded for this attempt", "Upload the lines with PUT /api/v1/leases/items, and give what it answered.");
        if (await CountAsync(file, blobs, cancellationToken) != finished.ItemsCount)
            throw ApiFault.Field($"{field}.items_count", "is not the number of lines that were uploaded", "Give what the upload answered.");
    }

    // The index tells of all chunks but the last how many lines they have.
    private static async Task<long> CountAsync(FileItems file, IBlobStore blobs, CancellationToken cancellationToken)
    {
        var chunks = (await blobs.GetSizeAsync(file.Index, cancellationToken) ?? 0) / sizeof(long);
        if (chunks == 0) return 0;
        var offset = new byte[sizeof(long)];
        await using var index = await blobs.OpenReadAsync(file.Index, (chunks - 1) * sizeof(long), cancellationToken) ?? throw Gone();
        await index.ReadExactlyAsync(offset, cancellationToken);
        await using var lines = await blobs.OpenReadAsync(file.Blob, BinaryPrimitives.ReadInt64LittleEndian(offset), cancellationToken) ?? throw Gone();
        var count = (chunks - 1) * file.LinesPerChunk;
        var (buffer, ended) = (new byte[64 * 1024], true);
        while (await lines.ReadAsync(buffer, cancellationToken) is > 0 and var read)
        {
            count += buffer.AsSpan(0, read).Count((byte)'\n');
            ended = buffer[read - 1] == '\n';
        }
        return ended ? count : count + 1;

        static IOException Gone() => new("The uploaded lines are gone from the blob store.");
    }
}
