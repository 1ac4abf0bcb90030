using System.Buffers;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Fanfare.Contracts;

namespace Fanfare.Storage.Retaining;

/// <summary>Writes the lines of one archive, compressed, and counts them.</summary>
internal sealed class ArchiveWriter : IAsyncDisposable
{
    private const int BufferBytes = 64 * 1024;

    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private readonly ArrayBufferWriter<byte> _buffer = new(BufferBytes);
    private readonly Dictionary<StreamId, long> _heads = [];
    private readonly GZipStream _zip;
    private long _events, _steps, _tasks, _attempts;

    public ArchiveWriter(Stream target) => _zip = new GZipStream(target, CompressionLevel.Fastest, leaveOpen: true);

    /// <exception cref="JournalFormatException">An event does not follow the one before it in its stream: a part of the history is missing.</exception>
    public async Task AddAsync(IReadOnlyList<ArchiveLine> lines, CancellationToken cancellationToken)
    {
        foreach (var line in lines)
        {
            Count(line);
            Write(line);
            if (_buffer.WrittenCount >= BufferBytes) await FlushAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Writes the last line. Nothing can be added then.</summary>
    public async Task<ArchiveEnd> EndAsync(CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        var end = new ArchiveEnd(_events, _steps, _tasks, _attempts, Convert.ToHexStringLower(_hash.GetCurrentHash()));
        Write(new ArchiveLine { End = end });
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        await _zip.DisposeAsync().ConfigureAwait(false);
        return end;
    }

    public async ValueTask DisposeAsync()
    {
        await _zip.DisposeAsync().ConfigureAwait(false);
        _hash.Dispose();
    }

    private void Count(ArchiveLine line)
    {
        if (line.Event is { } e)
        {
            _events++;
            if (e.Sequence != _heads.GetValueOrDefault(e.Stream) + 1)
                throw new JournalFormatException($"The journal's stream {e.Stream} is damaged: event {e.Sequence} follows event {_heads.GetValueOrDefault(e.Stream)}. Restore it from a backup.");
            _heads[e.Stream] = e.Sequence;
        }
        else if (line.Step is not null) _steps++;
        else if (line.Task is not null) _tasks++;
        else if (line.Attempt is not null) _attempts++;
    }

    private void Write(ArchiveLine line)
    {
        using (var json = new Utf8JsonWriter(_buffer)) JsonSerializer.Serialize(json, line, ArchiveJson.Default.ArchiveLine);
        _buffer.Write("\n"u8);
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        _hash.AppendData(_buffer.WrittenSpan);
        await _zip.WriteAsync(_buffer.WrittenMemory, cancellationToken).ConfigureAwait(false);
        _buffer.ResetWrittenCount();
    }
}
