using System.Globalization;
using Amazon.Runtime;
using Amazon.S3.Model;

namespace Fanfare.Storage.Blobs.S3;

/// <summary>
/// Reads an object from an offset to its end. From its start it is asked for whole; from further on, where often little is wanted (a line of a foreach, the tail of a log), in windows that grow, so that not much is sent in vain.
/// A body that breaks off or stalls is asked for again from where it ended.
/// </summary>
internal sealed class ObjectStream : ReadOnlyStream
{
    private const long FirstWindow = 64 * 1024, LargestWindow = 16 * 1024 * 1024;

    private const int WindowGrowth = 4, MostBreaks = 4;

    private static readonly TimeSpan _stall = TimeSpan.FromSeconds(20);

    private readonly S3Bucket _bucket;
    private readonly string _key;
    private string? _tag;
    private long _position, _length, _bodyEnd;
    private long _window = FirstWindow;
    private GetObjectResponse? _body;
    private int _breaks;

    private ObjectStream(S3Bucket bucket, string key, long offset) => (_bucket, _key, _position) = (bucket, key, offset);

    /// <summary>Null when there is no such object.</summary>
    public static async Task<ObjectStream?> OpenAsync(S3Bucket bucket, string key, long offset, CancellationToken cancellationToken)
    {
        var stream = new ObjectStream(bucket, key, offset);
        return await stream.AskAsync(cancellationToken).ConfigureAwait(false) ? stream : null;
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0) return 0;
        while (_position < _length)
        {
            if (_body is null && !await AskAsync(cancellationToken).ConfigureAwait(false)) throw new IOException($"The object {_key} was removed while it was read.");
            Exception broken;
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
                limit.CancelAfter(_stall);
                var most = (int)Math.Min(buffer.Length, _bodyEnd - _position);
                var read = await _body!.ResponseStream.ReadAsync(buffer[..most], limit.Token).ConfigureAwait(false);
                if (read > 0)
                {
                    _position += read;
                    _breaks = 0;
                    if (_position == _bodyEnd) CloseBody();
                    return read;
                }
                broken = new IOException("the answer ended early");
            }
            catch (OperationCanceledException stalled) when (!cancellationToken.IsCancellationRequested)
            {
                broken = new TimeoutException($"nothing came for {_stall.TotalSeconds} s", stalled);
            }
            catch (Exception error) when (error is IOException or HttpRequestException or AmazonClientException)
            {
                broken = error;
            }
            CloseBody();
            if (++_breaks > MostBreaks) throw _bucket.BrokeOff(broken);
        }
        return 0;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) CloseBody();
        base.Dispose(disposing);
    }

    /// <returns>False when there is no such object.</returns>
    private async Task<bool> AskAsync(CancellationToken cancellationToken)
    {
        var whole = _position == 0;
        GetObjectResponse? answer;
        try
        {
            answer = await _bucket.GetAsync(_key, _position, whole ? null : _position + _window - 1, cancellationToken).ConfigureAwait(false);
        }
        catch (BeyondEndException)
        {
            if (_tag is not null) throw Replaced();
            return true; // Nothing to read: position and length stand as they are.
        }
        if (answer is null) return false;
        if (_tag is not null && answer.ETag != _tag)
        {
            answer.Dispose();
            throw Replaced();
        }
        (_body, _tag) = (answer, answer.ETag);
        _length = whole ? answer.ContentLength : TotalOf(answer);
        _bodyEnd = _position + answer.ContentLength;
        _window = Math.Min(_window * WindowGrowth, LargestWindow);
        if (_position == _bodyEnd) CloseBody();
        return true;
    }

    private IOException Replaced() => new($"The object {_key} was replaced while it was read.");

    // "bytes 0-9/100"
    private static long TotalOf(GetObjectResponse answer) =>
        answer.ContentRange is { } range && range.LastIndexOf('/') is >= 0 and var slash && long.TryParse(range.AsSpan(slash + 1), NumberStyles.None, CultureInfo.InvariantCulture, out var total)
            ? total
            : throw new IOException($"The blob store's answer has no size: it says '{answer.ContentRange}'.");

    private void CloseBody()
    {
        _body?.Dispose();
        _body = null;
    }
}
