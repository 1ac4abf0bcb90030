namespace Fanfare.Gateway;

/// <summary>A stream that shows what is read from it to its subclass on the way.</summary>
internal abstract class PassingStream(Stream source) : Stream
{
    private bool _finished;

    public override bool CanRead => true;

    public override bool CanSeek => false;

    public override bool CanWrite => false;

    public override long Length => throw new NotSupportedException();

    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0) return 0;
        var read = await source.ReadAsync(buffer, cancellationToken);
        if (read > 0)
        {
            Pass(buffer.Span[..read]);
        }
        else if (!_finished)
        {
            _finished = true;
            Finish();
        }
        return read;
    }

    public override Task<int> ReadAsync(byte[] buffer, int offset, int count, CancellationToken cancellationToken) =>
        ReadAsync(buffer.AsMemory(offset, count), cancellationToken).AsTask();

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Read asynchronously.");

    public override void Flush()
    {
    }

    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

    public override void SetLength(long value) => throw new NotSupportedException();

    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    /// <summary>Bytes that were just read.</summary>
    protected abstract void Pass(ReadOnlySpan<byte> bytes);

    /// <summary>The source is at its end. What is thrown here keeps the reader from seeing the end.</summary>
    protected abstract void Finish();
}
