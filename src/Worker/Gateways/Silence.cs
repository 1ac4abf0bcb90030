namespace Fanfare.Worker.Gateways;

/// <summary>Ends an exchange when nothing has come for a while.</summary>
internal sealed class Silence : IDisposable
{
    private readonly CancellationTokenSource _tooLong;
    private readonly CancellationTokenSource _either;
    private readonly TimeSpan _longest;

    public Silence(TimeSpan longest, TimeProvider time, CancellationToken cancellationToken)
    {
        _longest = longest;
        _tooLong = new CancellationTokenSource(longest, time);
        _either = CancellationTokenSource.CreateLinkedTokenSource(_tooLong.Token, cancellationToken);
    }

    public CancellationToken Token => _either.Token;

    /// <summary>The stream, whose every piece ends the silence.</summary>
    public Stream Watch(Stream stream)
    {
        _tooLong.CancelAfter(_longest);
        return new Watched(stream, this);
    }

    public void Dispose()
    {
        _either.Dispose();
        _tooLong.Dispose();
    }

    private sealed class Watched(Stream inner, Silence silence) : Stream
    {
        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = await inner.ReadAsync(buffer, cancellationToken);
            silence._tooLong.CancelAfter(silence._longest);
            return read;
        }

        public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) => ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
