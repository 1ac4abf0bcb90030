using Fanfare.Contracts;
using Fanfare.Storage.Common;

namespace Fanfare.Storage.Sqlite.Read;

internal sealed partial class SqliteReadModel
{
    public Task<IReadOnlyList<HistoryEvent>> ReadHistoryAsync(string ns, string run, long afterPosition, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        return QueryAsync<IReadOnlyList<HistoryEvent>>(db =>
        {
            if (IdOf(db, StreamId.Run(ns, run)) is not { } id) return [];
            var streams = new Dictionary<long, (StreamId Id, string Name)>();
            return All(Sql(db, "history").Bind(1, id).Bind(2, afterPosition).Bind(3, limit), s =>
            {
                var stream = s.Long(1);
                if (!streams.TryGetValue(stream, out var named))
                {
                    var name = One(Sql(db, "stream_name").Bind(1, stream), n => n.Text(0))!;
                    streams[stream] = named = (RowReader.Stream(name), name);
                }
                var sequence = s.Long(2);
                return new HistoryEvent(s.Long(0), named.Id, new JournalEvent(
                    sequence, Instant.FromMicroseconds(s.Long(3)), s.Text(4), EventCodec.Read(named.Name, sequence, s.Long(5), s.Blob(6))));
            }, cancellationToken);
        }, cancellationToken);
    }
}
