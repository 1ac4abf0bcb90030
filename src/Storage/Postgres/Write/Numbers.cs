using Npgsql;

namespace Fanfare.Storage.Postgres.Write;

/// <summary>Numbers out of blocks that a sequence of the database hands out: no round trip for most, and never the same one twice, whoever leads.</summary>
/// <param name="taken">Told the first of each lot, before any later one is handed out.</param>
internal sealed class Numbers(string nextBlock, int blockSize, Action<long>? taken = null)
{
    private readonly Lock _lock = new();
    private long _next, _end;

    /// <summary>Goes on in a block that was just handed out, unless it is in a later one.</summary>
    public void Start(long block)
    {
        lock (_lock)
            if (block * blockSize > _next) (_next, _end) = (block * blockSize, (block + 1) * blockSize);
    }

    /// <summary>The first of <paramref name="count"/> numbers in a row.</summary>
    public async Task<long> TakeAsync(int count, NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, blockSize);
        while (true)
        {
            lock (_lock)
            {
                if (_end - _next >= count)
                {
                    var first = _next;
                    _next += count;
                    taken?.Invoke(first);
                    return first;
                }
            }
            // What is left of the block before is never used; who comes second here leaves a whole one behind.
            await using var command = new NpgsqlCommand(nextBlock, connection);
            var block = (long)(await command.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
            Start(block);
        }
    }
}

/// <summary>Up to where readers see everything: batches commit side by side, so one with higher positions may be there before one with lower ones.</summary>
internal sealed class VisiblePosition
{
    private readonly Lock _lock = new();
    private readonly SortedSet<long> _underWay = [];
    private long _highest;

    public long Value
    {
        get
        {
            lock (_lock) return _underWay.Count == 0 ? _highest : Math.Min(_highest, _underWay.Min - 1);
        }
    }

    /// <summary>Whether something above it has committed already.</summary>
    public bool IsBehind
    {
        get
        {
            lock (_lock) return _underWay.Count > 0 && _underWay.Min <= _highest;
        }
    }

    /// <summary>Everything up to here that is not under way here was committed by those who wrote before.</summary>
    public void Start(long position)
    {
        lock (_lock) _highest = Math.Max(_highest, position);
    }

    /// <summary>A batch that starts at this position is on its way; told before any later one.</summary>
    public void Begin(long first)
    {
        lock (_lock) _underWay.Add(first);
    }

    public void End(long first, long last)
    {
        lock (_lock)
        {
            _underWay.Remove(first);
            _highest = Math.Max(_highest, last);
        }
    }
}
