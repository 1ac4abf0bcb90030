using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>A wake row as it was read.</summary>
/// <param name="Due">Microseconds since 1970-01-01 UTC.</param>
/// <param name="Id">Of the stream's row.</param>
internal sealed record WakeRow(StreamId Stream, long Due, long Id);

/// <summary>Pages through the wake rows in the order (due, stream). A cursor is a stream's name alone, and its row may have moved or gone since,
/// woken by the very scan; so the due time that the last pages ended with is remembered here. A cursor that was forgotten starts over, which
/// names some streams twice and misses none.</summary>
/// <param name="read">Reads the rows after one (null for the first) that are due until a time and lie in those shards, in order, at most so many.</param>
internal sealed class WakeScan(Func<WakeRow?, long, IReadOnlyList<int>?, int, CancellationToken, Task<List<WakeRow>>> read)
{
    private const int RememberedPages = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<StreamId, WakeRow> _ends = [];
    private readonly Queue<StreamId> _order = [];

    public async Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanAsync(WakeQuery query, int limit, StreamId? after, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var first = query.Later is { } later ? new WakeRow(default, Instant.ToMicroseconds(later), long.MaxValue) : null;
        var rows = await read(after is { } stream ? Recall(stream) ?? first : first, Instant.ToMicroseconds(query.Due), query.Shards, limit, cancellationToken).ConfigureAwait(false);
        if (rows.Count > 0) Remember(rows[^1]);
        return rows.Select(row => (row.Stream, Instant.FromMicroseconds(row.Due))).ToList();
    }

    private WakeRow? Recall(StreamId stream)
    {
        lock (_lock) return _ends.GetValueOrDefault(stream);
    }

    private void Remember(WakeRow last)
    {
        lock (_lock)
        {
            if (!_ends.ContainsKey(last.Stream)) _order.Enqueue(last.Stream);
            _ends[last.Stream] = last;
            if (_order.Count > RememberedPages) _ends.Remove(_order.Dequeue());
        }
    }
}
