using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Retain;

namespace Fanfare.Storage.Sqlite.Read;

internal sealed partial class SqliteReadModel
{
    public Task<RunRow?> GetRunAsync(string ns, string run, CancellationToken cancellationToken) => QueryAsync(db =>
        IdOf(db, StreamId.Run(ns, run)) is { } id ? One(Sql(db, "run").Bind(1, id), RowReader.Run) : null, cancellationToken);

    public Task<RetiredRun?> GetRetiredAsync(string ns, string run, CancellationToken cancellationToken) =>
        QueryAsync(db => SqliteRetention.Find(db, StreamId.Run(ns, run)), cancellationToken);

    public Task<Page<RunRow>> ListRunsAsync(RunFilter filter, string? cursor, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        CheckLimit(limit);
        var before = Cursor.Key(cursor, "runs", 2) ?? [long.MaxValue, long.MaxValue];
        // The index is entered where the last page ended, not at the newest run: only those of the very same time are passed over again.
        var newest = Math.Min(Instant.ToMicroseconds(filter.CreatedBefore) ?? long.MaxValue, before[0] == long.MaxValue ? long.MaxValue : before[0] + 1);
        return QueryAsync(db =>
        {
            var page = Sql(db, RunListing.StatementFor(filter))
                .Bind(1, filter.Namespace).Bind(2, before[0]).Bind(3, before[1])
                .Bind(4, Instant.ToMicroseconds(filter.CreatedAfter) ?? long.MinValue)
                .Bind(5, newest)
                .Bind(6, filter.Flow)
                .Bind(7, filter.Status is { } status ? Codes.Of(status) : (long?)null)
                .Bind(8, filter.Active is { } active ? active ? 1 : 0 : (long?)null)
                .Bind(9, filter.Deployment)
                .Bind(10, filter.Tag)
                .Bind(11, limit + 1L);
            var rows = All(page, s => (Id: s.Long(0), Row: RowReader.Run(s)), cancellationToken);
            var last = Page(rows, limit, row => Cursor.Of("runs", Instant.ToMicroseconds(row.Row.CreatedAt), row.Id));
            return new Page<RunRow>(last.Items.Select(item => item.Row).ToList(), last.Next);
        }, cancellationToken);
    }
}
