using System.Buffers;
using System.IO.Compression;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Storage.Retaining;

/// <summary>Reads archives of runs, line by line, whatever their size.</summary>
public static class ArchiveReader
{
    /// <summary>The lines of an archive, checked: the first tells the format, the last has the counts and the digest of all before it.</summary>
    /// <param name="compressed">As it lies in the blob store.</param>
    /// <exception cref="InvalidDataException">It is no archive, a newer release's, or damaged; what came before has been given out by then.</exception>
    public static async IAsyncEnumerable<ArchiveLine> ReadAsync(Stream compressed, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(compressed);
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var (events, steps, tasks, attempts) = (0L, 0L, 0L, 0L);
        ArchiveEnd? end = null;
        var number = 0L;
        var zip = new GZipStream(compressed, CompressionMode.Decompress, leaveOpen: true);
        await using var closed = zip.ConfigureAwait(false);
        var reader = PipeReader.Create(zip, new StreamPipeReaderOptions(bufferSize: 64 * 1024));
        while (await LineAsync(reader, cancellationToken).ConfigureAwait(false) is { } bytes)
        {
            number++;
            if (end is not null) throw new InvalidDataException($"Line {number} of the archive follows its end.");
            var line = Parse(bytes, number);
            if (number == 1) CheckHead(line);
            if (line.Event is not null) events++;
            if (line.Step is not null) steps++;
            if (line.Task is not null) tasks++;
            if (line.Attempt is not null) attempts++;
            if (line.End is { } last)
            {
                if (last != new ArchiveEnd(events, steps, tasks, attempts, Convert.ToHexStringLower(hash.GetCurrentHash())))
                    throw new InvalidDataException("The archive is damaged: its lines are not those that its end counted and digested. Take it from a backup of the blob store.");
                end = last;
            }
            hash.AppendData(bytes);
            yield return line;
        }
        if (end is null) throw new InvalidDataException("The archive is cut off: its last line, with the counts and the digest, is missing. Take it from a backup of the blob store.");
    }

    private static async Task<byte[]?> LineAsync(PipeReader reader, CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read;
            try
            {
                read = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidDataException error)
            {
                throw new InvalidDataException("The archive is damaged, or no archive: it cannot be decompressed.", error);
            }
            if (read.Buffer.PositionOf((byte)'\n') is { } at)
            {
                var past = read.Buffer.GetPosition(1, at);
                var line = read.Buffer.Slice(0, past).ToArray();
                reader.AdvanceTo(past);
                return line;
            }
            if (read.IsCompleted)
            {
                if (!read.Buffer.IsEmpty) throw new InvalidDataException("The archive is cut off in the middle of a line. Take it from a backup of the blob store.");
                return null;
            }
            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static ArchiveLine Parse(byte[] bytes, long number)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, ArchiveJson.Default.ArchiveLine) ?? throw new JsonException("It is null.");
        }
        catch (JsonException error)
        {
            throw new InvalidDataException($"Line {number} of the archive cannot be read: {error.Message}", error);
        }
    }

    private static void CheckHead(ArchiveLine line)
    {
        if (line.Archive is not { Format: ArchiveHead.Name } head) throw new InvalidDataException("This is no archive of a run: its first line does not say so.");
        if (head.Version > ArchiveHead.Newest)
            throw new InvalidDataException($"The archive is of format {head.Version}, and this release reads up to format {ArchiveHead.Newest}. Use the release that wrote it, or a later one.");
    }
}
