using System.Runtime.CompilerServices;
using System.Text;
using Fanfare.Contracts;
using Fanfare.Storage.Blobs.S3;

namespace Fanfare.Storage.Blobs;

/// <summary>Blobs as objects in a bucket of S3, or of a store that is compatible with it. Several servers may share it.</summary>
/// <remarks>What is written is as durable as the store keeps objects. Trouble with it is told as <see cref="BlobStoreUnavailableException"/>, and to the operator once when it begins and once when it is over.</remarks>
public sealed class S3BlobStore : IBlobStore, IDisposable
{
    private readonly S3Keys _keys;
    private readonly S3Bucket _bucket;
    private readonly WholeBlobs _whole;
    private readonly GrowingBlobs _growing;

    private S3BlobStore(S3Location location, S3Bucket bucket, TimeProvider clock, Action<string> log)
    {
        (_keys, _bucket) = (new S3Keys(location.Prefix), bucket);
        (_whole, _growing) = (new WholeBlobs(bucket, log), new GrowingBlobs(bucket, clock));
    }

    /// <summary>Opens the store after a look whether it can be used: an object is written, read, listed and removed.</summary>
    /// <param name="location">The bucket has to be there. Credentials and region come from where the AWS SDK looks for them.</param>
    /// <param name="clock">For how old what is known may be.</param>
    /// <param name="log">Takes lines for the operator.</param>
    /// <exception cref="BlobStoreUnavailableException">It cannot be reached, there is no such bucket, or something is not allowed: says what to do.</exception>
    public static async Task<S3BlobStore> OpenAsync(S3Location location, TimeProvider clock, Action<string> log, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(location);
        var bucket = new S3Bucket(location, clock, log);
        var store = new S3BlobStore(location, bucket, clock, log);
        try
        {
            await store.ProbeAsync(cancellationToken).ConfigureAwait(false);
            return store;
        }
        catch
        {
            store.Dispose();
            throw;
        }
    }

    public Task PutAsync(string name, Stream content, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(content);
        return _whole.PutAsync(_keys.Of(name), content, cancellationToken);
    }

    public async Task<Stream?> OpenReadAsync(string name, long offset, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        var key = _keys.Of(name);
        // The name does not tell how the blob is stored, but what was stored once stays so: the other form is asked for when the likelier one is not there.
        return _growing.Knows(key)
            ? await OpenGrowingAsync(key, offset, cancellationToken).ConfigureAwait(false) ?? await ObjectStream.OpenAsync(_bucket, key, offset, cancellationToken).ConfigureAwait(false)
            : await ObjectStream.OpenAsync(_bucket, key, offset, cancellationToken).ConfigureAwait(false) ?? await OpenGrowingAsync(key, offset, cancellationToken).ConfigureAwait(false);
    }

    public async Task<long?> GetSizeAsync(string name, CancellationToken cancellationToken)
    {
        var key = _keys.Of(name);
        return _growing.Knows(key)
            ? await SizeOfGrowingAsync(key, cancellationToken).ConfigureAwait(false) ?? await _bucket.GetSizeAsync(key, cancellationToken).ConfigureAwait(false)
            : await _bucket.GetSizeAsync(key, cancellationToken).ConfigureAwait(false) ?? await SizeOfGrowingAsync(key, cancellationToken).ConfigureAwait(false);
    }

    public Task<long> WriteChunkAsync(string name, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        return _growing.WriteAsync(_keys.Of(name), offset, content, cancellationToken);
    }

    public async Task DeleteAsync(string name, CancellationToken cancellationToken)
    {
        var key = _keys.Of(name);
        await _bucket.DeleteAsync(key, cancellationToken).ConfigureAwait(false);
        await _growing.DeleteAsync(key, cancellationToken).ConfigureAwait(false);
    }

    public async IAsyncEnumerable<string> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        string? last = null;
        await foreach (var key in _bucket.ListAsync(_keys.OfFolder(prefix.TrimEnd('/')), cancellationToken).ConfigureAwait(false))
        {
            // The stretches of a blob come one after another.
            if (_keys.NameOf(key) is not { } name || name == last) continue;
            yield return name;
            last = name;
        }
    }

    public void Dispose()
    {
        _growing.Dispose();
        _bucket.Dispose();
    }

    private async Task<Stream?> OpenGrowingAsync(string key, long offset, CancellationToken cancellationToken)
    {
        var growth = await _growing.LookAsync(key, cancellationToken).ConfigureAwait(false);
        return growth.Size == 0 ? null : _growing.Open(key, growth, offset);
    }

    private async Task<long?> SizeOfGrowingAsync(string key, CancellationToken cancellationToken)
    {
        var growth = await _growing.LookAsync(key, cancellationToken).ConfigureAwait(false);
        return growth.Size == 0 ? null : growth.Size;
    }

    private async Task ProbeAsync(CancellationToken cancellationToken)
    {
        // No blob has such a name.
        var key = $"{_keys.Root}{BlobName.Incoming}/{Guid.NewGuid():n}";
        await _bucket.PutAsync(key, Encoding.UTF8.GetBytes("Fanfare looks whether it can write here.\n"), cancellationToken).ConfigureAwait(false);
        (await _bucket.GetAsync(key, 0, null, cancellationToken).ConfigureAwait(false))?.Dispose();
        await foreach (var _ in _bucket.ListAsync(key, cancellationToken).ConfigureAwait(false)) break;
        await _bucket.DeleteAsync(key, cancellationToken).ConfigureAwait(false);
    }
}
