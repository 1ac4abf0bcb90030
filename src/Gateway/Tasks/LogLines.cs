using System.Buffers;
using System.IO.Pipelines;
using System.Text;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Which lines of a log are shown, and how.</summary>
/// <param name="Stream">Null for all.</param>
/// <param name="Raw">As stored, one JSON object a line; else the text alone.</param>
internal sealed record LogFormat(string? Stream, bool Raw);

/// <summary>Reads the stored log of an attempt: JSON Lines of <see cref="LogLine"/>, which may be growing.</summary>
internal sealed class LogLines(IBlobStore blobs)
{
    private const int BlockBytes = 64 * 1024;

    /// <summary>Longest stored line that is read as one; what is longer is shown in pieces.</summary>
    private const int MaxLineBytes = 1024 * 1024;

    private const byte NewLine = (byte)'\n';

    /// <summary>Bytes up to and including the last newline before <paramref name="size"/>.</summary>
    public async Task<long> WholeLinesAsync(string blob, long size, CancellationToken cancellationToken)
    {
        for (var end = size; end > Math.Max(0, size - MaxLineBytes);)
        {
            var start = Math.Max(0, end - BlockBytes);
            var block = await ReadAsync(blob, start, (int)(end - start), cancellationToken);
            var newline = block.AsSpan().LastIndexOf(NewLine);
            if (newline >= 0) return start + newline + 1;
            end = start;
        }
        return 0;
    }

    /// <summary>Where the last <paramref name="lines"/> lines of the format begin, looking back from <paramref name="end"/>.</summary>
    public async Task<long> TailAsync(string blob, long end, int lines, LogFormat format, CancellationToken cancellationToken)
    {
        if (lines == 0) return end;
        var found = 0;
        // What lies between the block's end and the first newline after it: the rest of a line that began before.
        var carry = Array.Empty<byte>();
        var lineEnd = end;
        for (var at = end; at > 0;)
        {
            var start = Math.Max(0, at - BlockBytes);
            byte[] block = [.. await ReadAsync(blob, start, (int)(at - start), cancellationToken), .. carry];
            var stop = block.Length;
            while (true)
            {
                // The newline that ends a line belongs to it, so look before the last byte.
                var newline = stop < 2 ? -1 : block.AsSpan(0, stop - 1).LastIndexOf(NewLine);
                if (newline < 0) break;
                lineEnd = start + newline + 1;
                if (Shows(format, block.AsSpan(newline + 1, stop - newline - 1)) && ++found == lines) return lineEnd;
                stop = newline + 1;
            }
            carry = stop <= MaxLineBytes ? block[..stop] : [];
            at = start;
        }
        return 0;
    }

    /// <summary>Writes the lines from <paramref name="from"/> on, and answers where it stopped.</summary>
    /// <param name="to">Where to stop, the rest of a torn line included; null for the last whole line.</param>
    public async Task<long> CopyAsync(string blob, long from, long? to, LogFormat format, Stream output, CancellationToken cancellationToken)
    {
        await using var content = await blobs.OpenReadAsync(blob, from, cancellationToken);
        if (content is null) return from;
        var reader = PipeReader.Create(content, new StreamPipeReaderOptions(leaveOpen: true, bufferSize: BlockBytes));
        var at = from;
        while (true)
        {
            var read = await reader.ReadAsync(cancellationToken);
            var buffer = read.Buffer;
            var last = read.IsCompleted;
            if (to is { } bound && at + buffer.Length >= bound)
            {
                buffer = buffer.Slice(0, bound - at);
                last = true;
            }
            while (buffer.PositionOf(NewLine) is { } newline)
            {
                var line = buffer.Slice(0, buffer.GetPosition(1, newline));
                await WriteAsync(line.ToArray(), format, output, cancellationToken);
                at += line.Length;
                buffer = buffer.Slice(line.End);
            }
            if (buffer.Length >= MaxLineBytes || (last && to is not null && buffer.Length > 0))
            {
                await WriteAsync(buffer.ToArray(), format, output, cancellationToken);
                at += buffer.Length;
                buffer = buffer.Slice(buffer.End);
            }
            reader.AdvanceTo(buffer.Start, buffer.End);
            if (!last) continue;
            await reader.CompleteAsync();
            await output.FlushAsync(cancellationToken);
            return at;
        }
    }

    /// <summary>The first line's start at or after <paramref name="from"/>.</summary>
    public async Task<long> AlignAsync(string blob, long from, CancellationToken cancellationToken)
    {
        if (from == 0) return 0;
        var block = await ReadAsync(blob, from - 1, BlockBytes, cancellationToken);
        var newline = block.AsSpan().IndexOf(NewLine);
        return newline < 0 ? from : from + newline;
    }

    private static async Task WriteAsync(byte[] line, LogFormat format, Stream output, CancellationToken cancellationToken)
    {
        if (!Shows(format, line)) return;
        var shown = format.Raw || Parse(line) is not { } parsed ? line : Encoding.UTF8.GetBytes(parsed.Text + "\n");
        await output.WriteAsync(shown, cancellationToken);
    }

    private static bool Shows(LogFormat format, ReadOnlySpan<byte> line) => format.Stream is null || Parse(line)?.Stream == format.Stream;

    private static LogLine? Parse(ReadOnlySpan<byte> line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, ContractsJson.Default.LogLine);
        }
        catch (JsonException)
        {
            // A torn line is shown as it is.
            return null;
        }
    }

    private async Task<byte[]> ReadAsync(string blob, long offset, int length, CancellationToken cancellationToken)
    {
        await using var content = await blobs.OpenReadAsync(blob, offset, cancellationToken);
        if (content is null) return [];
        var block = new byte[length];
        var read = await content.ReadAtLeastAsync(block, length, throwOnEndOfStream: false, cancellationToken);
        return read == length ? block : block[..read];
    }
}
