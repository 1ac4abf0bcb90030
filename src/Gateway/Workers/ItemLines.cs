using System.Buffers;
using System.Buffers.Binary;
using System.Text.Json;

namespace Fanfare.Gateway;

/// <summary>Passes JSON Lines through while checking, counting and indexing them. A bad line ends the reading with an
/// <see cref="ApiFault"/>, so that what was read of it is never stored.</summary>
internal sealed class ItemLines(Stream source, int linesPerChunk) : PassingStream(source)
{
    /// <summary>An item travels in a lease, as an output does.</summary>
    private const int MaxLineBytes = Limits.OutputBytes;

    private readonly ArrayBufferWriter<byte> _line = new();
    private readonly MemoryStream _index = new();
    private long _at;

    public int Count { get; private set; }

    /// <summary>The byte offset of every n-th line, as little-endian 64-bit integers.</summary>
    public Stream OpenIndex() => new MemoryStream(_index.GetBuffer(), 0, (int)_index.Length, writable: false);

    protected override void Pass(ReadOnlySpan<byte> bytes)
    {
        while (bytes.IndexOf((byte)'\n') is >= 0 and var newline)
        {
            Gather(bytes[..newline]);
            End(newlineBytes: 1);
            bytes = bytes[(newline + 1)..];
        }
        Gather(bytes);
    }

    protected override void Finish()
    {
        if (_line.WrittenCount > 0) End(newlineBytes: 0);
    }

    private void Gather(ReadOnlySpan<byte> part)
    {
        if (_line.WrittenCount + part.Length > MaxLineBytes)
            throw ApiFault.TooLarge($"line {Count + 1}", $"is longer than {MaxLineBytes} bytes", "Put large items into files of their own and list their names.");
        _line.Write(part);
    }

    private void End(int newlineBytes)
    {
        if (Count == Limits.Splits)
            throw ApiFault.TooLarge("lines", $"are more than {Limits.Splits}", "Let one item stand for several.");
        if (Count % linesPerChunk == 0)
        {
            Span<byte> offset = stackalloc byte[sizeof(long)];
            BinaryPrimitives.WriteInt64LittleEndian(offset, _at);
            _index.Write(offset);
        }
        Check(_line.WrittenSpan);
        _at += _line.WrittenCount + newlineBytes;
        Count++;
        _line.ResetWrittenCount();
    }

    private void Check(ReadOnlySpan<byte> line)
    {
        try
        {
            var reader = new Utf8JsonReader(line, new JsonReaderOptions { MaxDepth = Limits.MaxNesting });
            while (reader.Read())
            {
                // Decodes, which parsing alone does not.
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) reader.GetString();
            }
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            throw ApiFault.Field($"line {Count + 1}", "is not one JSON value", "Write one JSON value on every line, and no empty lines.");
        }
    }
}
