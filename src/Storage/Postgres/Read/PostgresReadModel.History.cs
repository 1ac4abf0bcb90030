using System.Diagnostics;
using Fanfare.Contracts;
using Fanfare.Storage.Common;

namespace Fanfare.Storage.Postgres.Read;

internal sealed partial class PostgresReadModel
{
    private const int LongestLook = 32;

    public async Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string ns, string run, long afterPosition, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var stream = StreamId.Run(ns, run);
        var (events, found) = await HistoryPageAsync(stream, afterPosition, limit, cancellationToken).ConfigureAwait(false);
        if (found is not { } last) return events;
        // What other queries show by now must be in the history too: whoever sees the run ended takes the events that follow for its last.
        await SettledAsync(stream, last, cancellationToken).ConfigureAwait(false);
        return (await HistoryPageAsync(stream, afterPosition, limit, cancellationToken).ConfigureAwait(false)).Events;
    }

    /// <summary>A page up to the writer's position; and the last position seen above it, if that cut the page short.</summary>
    private async Task<(List<HistoryEvent> Events, long? Found)> HistoryPageAsync(StreamId run, long afterPosition, int limit, CancellationToken cancellationToken)
    {
        // Asked before the query: a commit below it is in the query's snapshot.
        var settled = await _position(run, cancellationToken).ConfigureAwait(false);
        var streams = new Dictionary<string, StreamId>();
        long? above = null;
        var events = new List<HistoryEvent>();
        await AllAsync(Sql("history").With(run.ToString()).With(afterPosition).With((long)limit), r =>
        {
            // A row is committed as one, so it is seen as one.
            var position = r.GetInt64(0);
            if (position > settled) above = position;
            if (above is not null) return 0;
            var name = r.GetString(1);
            if (!streams.TryGetValue(name, out var stream)) streams[name] = stream = RowReader.Stream(name);
            var frame = EventFrame.Read(name, r.GetInt64(2), r.GetInt32(7), Instant.FromMicroseconds(r.GetInt64(3)), r.GetString(4), r.GetInt16(5), r.GetFieldValue<byte[]>(6));
            for (var i = 0; i < frame.Count && events.Count < limit; i++)
                if (position - frame.Count + 1 + i is var at && at > afterPosition) events.Add(new HistoryEvent(at, stream, frame[i]));
            return 0;
        }, cancellationToken).ConfigureAwait(false);
        return (events, above);
    }

    /// <summary>Waits until the writer has heard of all commits up to a position that a reader saw already, which is a matter of milliseconds.</summary>
    private async Task SettledAsync(StreamId run, long seen, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        for (var look = 1; await _position(run, cancellationToken).ConfigureAwait(false) is var settled && settled < seen; look = Math.Min(look * 2, LongestLook))
        {
            if (Stopwatch.GetElapsedTime(started) > ReadQueries.Patience)
                throw new StoreUnavailableException(
                    $"The {PostgresFailure.Place(_reads)} shows events up to {seen}, and the server still waits to hear of commits above {settled}. "
                    + "The connection to the database is slow or broken; repeat the request in a moment.");
            await Task.Delay(look, cancellationToken).ConfigureAwait(false);
        }
    }
}
