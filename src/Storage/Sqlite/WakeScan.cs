using Fanfare.Contracts;
using Fanfare.Storage.Sqlite.Read;

namespace Fanfare.Storage.Sqlite;

/// <summary>Pages through the wake rows in the order (due, stream). A cursor is a stream's name alone, and its row may have moved or gone since,
/// woken by the very scan; so the due time that the last pages ended with is remembered here. A cursor that was forgotten starts over, which
/// names some streams twice and misses none.</summary>
internal sealed class WakeScan(ReadConnections connections)
{
    private const int RememberedPages = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<StreamId, (long Due, long Id)> _ends = [];
    private readonly Queue<StreamId> _order = [];

    public async Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanAsync(DateTimeOffset due, int limit, StreamId? after, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var (afterDue, afterId) = after is { } stream ? Recall(stream) : (long.MinValue, 0);
        var rows = await connections.QueryAsync(db =>
        {
            var found = new List<(StreamId Stream, long Due, long Id)>();
            var page = db.Prepare(ReadConnections.Sql["wakes"]).Bind(1, Instant.ToMicroseconds(due)).Bind(2, afterDue).Bind(3, afterId).Bind(4, limit);
            while (page.Step())
            {
                cancellationToken.ThrowIfCancellationRequested();
                found.Add((RowReader.Stream(page.Text(0)), page.Long(1), page.Long(2)));
            }
            return found;
        }, cancellationToken).ConfigureAwait(false);
        if (rows.Count > 0) Remember(rows[^1]);
        return rows.Select(row => (row.Stream, Instant.FromMicroseconds(row.Due))).ToList();
    }

    private (long Due, long Id) Recall(StreamId stream)
    {
        lock (_lock) return _ends.TryGetValue(stream, out var end) ? end : (long.MinValue, 0);
    }

    private void Remember((StreamId Stream, long Due, long Id) last)
    {
        lock (_lock)
        {
            if (!_ends.ContainsKey(last.Stream)) _order.Enqueue(last.Stream);
            _ends[last.Stream] = (last.Due, last.Id);
            if (_order.Count > RememberedPages) _ends.Remove(_order.Dequeue());
        }
    }
}
