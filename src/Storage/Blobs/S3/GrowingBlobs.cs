using System.Buffers;

namespace Fanfare.Storage.Blobs.S3;

/// <summary>
/// Blobs that grow. S3 cannot append, so what is appended becomes an object of its own, which never changes: whoever writes late, or twice, or at once with another server, can take nothing back. Every 32 of a level are put together as one of
/// the next level, so that ten hours of five lines a second are some hundred objects.
/// </summary>
internal sealed class GrowingBlobs(S3Bucket bucket, TimeProvider clock) : IDisposable
{
    private const int Together = 32, AtOnce = 8, Gates = 64, Remembered = 4096;

    /// <summary>More than this is not put together: it would be in memory all at once, and has few objects for what it is.</summary>
    private const long MostTogether = 8 * 1024 * 1024;

    // What was written or looked up so lately need not be looked up again. It must be shorter than it takes until another server leads and this one leads again.
    private static readonly TimeSpan _fresh = TimeSpan.FromMilliseconds(200);

    private readonly SemaphoreSlim[] _gates = [.. Enumerable.Range(0, Gates).Select(_ => new SemaphoreSlim(1))];
    private readonly Lock _lock = new();
    private Dictionary<string, Known> _recent = [], _older = [];

    public void Dispose()
    {
        foreach (var gate in _gates) gate.Dispose();
    }

    /// <summary>Whether this key has been seen as that of a growing blob.</summary>
    public bool Knows(string key) => Recall(key) is { Growth.Size: > 0 };

    /// <summary>What there is of the blob now, give or take what another server wrote in the last moment.</summary>
    public async Task<Growth> LookAsync(string key, CancellationToken cancellationToken) =>
        Recall(key) is { } known && clock.GetElapsedTime(known.At) < _fresh ? known.Growth : await LookAgainAsync(key, cancellationToken).ConfigureAwait(false);

    public ReadOnlyStream Open(string key, Growth growth, long offset) => new GrowingStream(bucket, key, growth, offset, cancel => LookAgainAsync(key, cancel));

    /// <summary>As <see cref="Contracts.IBlobStore.WriteChunkAsync"/>.</summary>
    public async Task<long> WriteAsync(string key, long offset, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var gate = GateOf(key);
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var growth = Recall(key)?.Growth;
            // What is remembered may be less than there is, when another server wrote since; that shows by an offset beyond it.
            if (growth is null || offset > growth.Size) growth = await LookAgainAsync(key, cancellationToken).ConfigureAwait(false);
            var skip = growth.Size - offset;
            if (skip < 0 || skip >= content.Length) return growth.Size;
            var stretch = new Stretch(growth.Size, offset + content.Length, 0);
            await bucket.PutAsync(S3Keys.Of(key, stretch), content[(int)skip..], cancellationToken).ConfigureAwait(false);
            growth = growth.With(stretch);
            Remember(key, growth);
            await FoldAsync(key, growth, cancellationToken).ConfigureAwait(false);
            return growth.Size;
        }
        finally
        {
            gate.Release();
        }
    }

    /// <summary>Removes all stretches that there are.</summary>
    public async Task DeleteAsync(string key, CancellationToken cancellationToken)
    {
        var gate = GateOf(key);
        await gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var stretches = await StretchesAsync(key, cancellationToken).ConfigureAwait(false);
            await DeleteAsync(key, stretches, cancellationToken).ConfigureAwait(false);
            Forget(key);
        }
        finally
        {
            gate.Release();
        }
    }

    private async Task<List<Stretch>> StretchesAsync(string key, CancellationToken cancellationToken)
    {
        var prefix = S3Keys.OfStretches(key);
        var stretches = new List<Stretch>();
        await foreach (var found in bucket.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
            if (S3Keys.StretchOf(found.AsSpan(prefix.Length)) is { } stretch) stretches.Add(stretch);
        return stretches;
    }

    private Task DeleteAsync(string key, IEnumerable<Stretch> stretches, CancellationToken cancellationToken) =>
        Parallel.ForEachAsync(stretches, Options(cancellationToken), async (stretch, cancel) => await bucket.DeleteAsync(S3Keys.Of(key, stretch), cancel).ConfigureAwait(false));

    private SemaphoreSlim GateOf(string key) => _gates[(uint)StringComparer.Ordinal.GetHashCode(key) % Gates];

    private async Task<Growth> LookAgainAsync(string key, CancellationToken cancellationToken)
    {
        var growth = new Growth(await StretchesAsync(key, cancellationToken).ConfigureAwait(false));
        Remember(key, growth);
        return growth;
    }

    private async Task FoldAsync(string key, Growth growth, CancellationToken cancellationToken)
    {
        while (Foldable(growth) is { } pieces)
        {
            var into = new Stretch(pieces[0].From, pieces[^1].To, pieces[0].Stretch.Level + 1);
            var bytes = checked((int)into.Bytes);
            var buffer = ArrayPool<byte>.Shared.Rent(bytes);
            try
            {
                if (!await ReadAsync(key, pieces, buffer.AsMemory(0, bytes), cancellationToken).ConfigureAwait(false))
                {
                    // Another server has put some of them together: what is remembered is out of date.
                    Forget(key);
                    return;
                }
                await bucket.PutAsync(S3Keys.Of(key, into), buffer.AsMemory(0, bytes), cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
            (growth, var replaced) = growth.Folded(into);
            Remember(key, growth);
            await DeleteAsync(key, replaced, cancellationToken).ConfigureAwait(false);
        }
    }

    // The last ones, when they are of one level and together not too large.
    private static List<Piece>? Foldable(Growth growth)
    {
        if (growth.Pieces.Count < Together) return null;
        var last = growth.Pieces.TakeLast(Together).ToList();
        return last.All(p => p.Stretch.Level == last[0].Stretch.Level) && last[^1].To - last[0].From <= MostTogether ? last : null;
    }

    /// <returns>False when one of them is gone.</returns>
    private async Task<bool> ReadAsync(string key, List<Piece> pieces, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var all = true;
        await Parallel.ForEachAsync(pieces, Options(cancellationToken), async (piece, cancel) =>
        {
            var stream = await ObjectStream.OpenAsync(bucket, S3Keys.Of(key, piece.Stretch), piece.From - piece.Stretch.Start, cancel).ConfigureAwait(false);
            if (stream is null)
            {
                Volatile.Write(ref all, false);
                return;
            }
            await using var closed = stream.ConfigureAwait(false);
            await stream.ReadExactlyAsync(buffer.Slice((int)(piece.From - pieces[0].From), piece.Bytes), cancel).ConfigureAwait(false);
        }).ConfigureAwait(false);
        return all;
    }

    private static ParallelOptions Options(CancellationToken cancellationToken) => new() { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken };

    private Known? Recall(string key)
    {
        lock (_lock)
        {
            if (_recent.TryGetValue(key, out var known)) return known;
            if (!_older.TryGetValue(key, out known)) return null;
            Keep(key, known);
            return known;
        }
    }

    private void Remember(string key, Growth growth)
    {
        var known = new Known(growth, clock.GetTimestamp());
        lock (_lock) Keep(key, known);
    }

    private void Forget(string key)
    {
        lock (_lock)
        {
            _recent.Remove(key);
            _older.Remove(key);
        }
    }

    // Two generations: what was not used while one filled up goes with the older.
    private void Keep(string key, Known known)
    {
        if (_recent.Count >= Remembered) (_older, _recent) = (_recent, []);
        _recent[key] = known;
    }

    /// <param name="At">When it was written or looked up.</param>
    private sealed record Known(Growth Growth, long At);
}
