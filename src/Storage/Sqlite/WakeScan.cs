using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Sqlite.Read;

namespace Fanfare.Storage.Sqlite;

/// <summary>Pages through the wake rows in the order (due, stream). A cursor is a stream's name alone, and its row may have moved or gone since,
/// woken by the very scan; so the due time that the last pages ended with is remembered here. A cursor that was forgotten starts over, which
/// names some streams twice and misses none.</summary>
internal sealed class WakeScan(ReadConnections connections)
{
    private const int RememberedPages = 64;

    private readonly Lock _lock = new();
    private readonly Dictionary<StreamId, Row> _ends = [];
    private readonly Queue<StreamId> _order = [];

    public async Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanAsync(DateTimeOffset due, int limit, StreamId? after, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var until = Instant.ToMicroseconds(due);
        var end = after is { } stream ? Recall(stream) : null;
        var rows = await connections.QueryAsync(db =>
        {
            var found = new List<Row>();
            if (end is { } last && last.Due <= until) Read(db.Prepare(ReadConnections.Sql["wakes_of_same_due"]).Bind(1, last.Due).Bind(2, last.Id).Bind(3, limit), found, cancellationToken);
            if (found.Count < limit) Read(db.Prepare(ReadConnections.Sql["wakes_due"]).Bind(1, end?.Due ?? long.MinValue).Bind(2, until).Bind(3, limit - found.Count), found, cancellationToken);
            return found;
        }, cancellationToken).ConfigureAwait(false);
        if (rows.Count > 0) Remember(rows[^1]);
        return rows.Select(row => (row.Stream, Instant.FromMicroseconds(row.Due))).ToList();
    }

    private static void Read(Statement page, List<Row> found, CancellationToken cancellationToken)
    {
        while (page.Step())
        {
            cancellationToken.ThrowIfCancellationRequested();
            found.Add(new Row(RowReader.Stream(page.Text(0)), page.Long(1), page.Long(2)));
        }
    }

    private Row? Recall(StreamId stream)
    {
        lock (_lock) return _ends.GetValueOrDefault(stream);
    }

    private void Remember(Row last)
    {
        lock (_lock)
        {
            if (!_ends.ContainsKey(last.Stream)) _order.Enqueue(last.Stream);
            _ends[last.Stream] = last;
            if (_order.Count > RememberedPages) _ends.Remove(_order.Dequeue());
        }
    }

    private sealed record Row(StreamId Stream, long Due, long Id);
}
