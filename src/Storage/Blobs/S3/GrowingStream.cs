namespace Fanfare.Storage.Blobs.S3;

/// <summary>Reads what was there of a growing blob when it was opened, stretch by stretch. Stretches that were put together meanwhile are looked up anew.</summary>
internal sealed class GrowingStream(S3Bucket bucket, string key, Growth growth, long offset, Func<CancellationToken, Task<Growth>> lookAgain) : ReadOnlyStream
{
    private const int MostLooks = 5;

    private readonly long _end = growth.Size;
    private Growth _growth = growth;
    private long _position = offset;
    private ObjectStream? _stretch;
    private int _looks;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0) return 0;
        while (_position < _end)
        {
            if (_stretch is null && !await NextAsync(cancellationToken).ConfigureAwait(false)) continue;
            var most = (int)Math.Min(buffer.Length, _end - _position);
            var read = await _stretch!.ReadAsync(buffer[..most], cancellationToken).ConfigureAwait(false);
            if (read > 0)
            {
                _position += read;
                _looks = 0;
                return read;
            }
            CloseStretch();
        }
        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) CloseStretch();
        base.Dispose(disposing);
    }

    private async Task<bool> NextAsync(CancellationToken cancellationToken)
    {
        if (_growth.At(_position) is { Stretch: var stretch })
        {
            _stretch = await ObjectStream.OpenAsync(bucket, S3Keys.Of(key, stretch), _position - stretch.Start, cancellationToken).ConfigureAwait(false);
            if (_stretch is not null) return true;
        }
        if (++_looks > MostLooks) throw new IOException($"The object {S3Keys.OfStretches(key)}… with the bytes from {_position} on was removed while the blob was read.");
        _growth = await lookAgain(cancellationToken).ConfigureAwait(false);
        return false;
    }

    private void CloseStretch()
    {
        _stretch?.Dispose();
        _stretch = null;
    }
}
