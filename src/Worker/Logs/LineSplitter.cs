using System.Buffers;

namespace Fanfare.Worker.Logs;

/// <summary>Takes a line without its end; <paramref name="cut"/> when it was longer than what is kept.</summary>
internal delegate void LineHandler(ReadOnlySpan<byte> line, bool cut);

/// <summary>Splits a stream of bytes in lines, in bounded memory: beyond <paramref name="keep"/> bytes the rest of a line is dropped.</summary>
internal sealed class LineSplitter(int keep, LineHandler handler)
{
    private readonly ArrayBufferWriter<byte> _partial = new();
    private bool _cut;

    public void Write(ReadOnlySpan<byte> bytes)
    {
        while (bytes.IndexOf((byte)'\n') is var end and >= 0)
        {
            if (_partial.WrittenCount == 0 && !_cut && end <= keep)
            {
                handler(TrimEnd(bytes[..end]), false);
            }
            else
            {
                Append(bytes[..end]);
                Flush();
            }
            bytes = bytes[(end + 1)..];
        }
        Append(bytes);
    }

    /// <summary>The stream ended; what stands after the last line end is a line too.</summary>
    public void Complete()
    {
        if (_partial.WrittenCount > 0 || _cut) Flush();
    }

    private void Append(ReadOnlySpan<byte> bytes)
    {
        var room = keep - _partial.WrittenCount;
        if (bytes.Length > room)
        {
            bytes = bytes[..room];
            _cut = true;
        }
        if (bytes.Length > 0) _partial.Write(bytes);
    }

    private void Flush()
    {
        handler(TrimEnd(_partial.WrittenSpan), _cut);
        _partial.ResetWrittenCount();
        _cut = false;
    }

    private static ReadOnlySpan<byte> TrimEnd(ReadOnlySpan<byte> line) => line.Length > 0 && line[^1] == '\r' ? line[..^1] : line;
}
