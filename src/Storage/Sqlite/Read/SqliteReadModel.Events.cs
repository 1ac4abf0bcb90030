using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite.Read;

// Triggers, events, what could not start, backfills, notices and pools.
internal sealed partial class SqliteReadModel
{
    public Task<TriggerRow?> GetTriggerAsync(string ns, string flow, string trigger, CancellationToken cancellationToken) =>
        QueryAsync(db => One(Sql(db, "trigger").Bind(1, ns).Bind(2, flow).Bind(3, trigger), RowReader.Trigger), cancellationToken);

    public Task<Page<TriggerRow>> ListTriggersAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var (afterFlow, after) = Cursor.TriggerName(cursor);
        return QueryAsync(db => Page(
            All((flow is null ? Sql(db, "triggers").Bind(2, afterFlow) : Sql(db, "triggers_of_flow").Bind(2, flow)).Bind(1, ns).Bind(3, after).Bind(4, limit + 1L), RowReader.Trigger, cancellationToken),
            limit, row => Cursor.OfTrigger(row.Flow, row.Trigger)), cancellationToken);
    }

    public async Task<IReadOnlyList<TriggerRow>> ListListenersAsync(string ns, EventOrigin origin, CancellationToken cancellationToken) =>
        await QueryAsync(db => All(Sql(db, "listeners").Bind(1, Codes.Of(origin.Kind)).Bind(2, ns).Bind(3, origin.Name), RowReader.Trigger, cancellationToken), cancellationToken).ConfigureAwait(false);

    public async Task<IReadOnlyList<(string Namespace, string Flow)>> ListAwaitedFlowsAsync(CancellationToken cancellationToken) =>
        await QueryAsync(db => All(Sql(db, "awaited_flows").Bind(1, Codes.Of(EventKind.RunEnd)), s => (s.Text(0), s.Text(1)), cancellationToken), cancellationToken).ConfigureAwait(false);

    public Task<EventRow?> GetEventAsync(string ns, string id, CancellationToken cancellationToken) =>
        QueryAsync(db => One(Sql(db, "event").Bind(1, ns).Bind(2, id), RowReader.Event), cancellationToken);

    public Task<Page<EventRow>> ListEventsAsync(string ns, string? name, string? cursor, int limit, CancellationToken cancellationToken) =>
        NewestFirst("events", db => name is null ? Sql(db, "events_published") : Sql(db, "events_of_name").Bind(5, name), ns, cursor, limit, RowReader.Event, row => row.At, cancellationToken);

    public Task<BackfillRow?> GetBackfillAsync(string ns, string id, CancellationToken cancellationToken) =>
        QueryAsync(db => One(Sql(db, "backfill").Bind(1, ns).Bind(2, id), RowReader.Backfill), cancellationToken);

    public Task<Page<BackfillRow>> ListBackfillsAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        NewestFirst("backfills", db => flow is null ? Sql(db, "backfills") : Sql(db, "backfills_of_flow").Bind(5, flow), ns, cursor, limit, RowReader.Backfill, row => row.CreatedAt, cancellationToken);

    public Task<NoticeRow?> GetNoticeAsync(string ns, string id, CancellationToken cancellationToken) =>
        QueryAsync(db => One(Sql(db, "notice").Bind(1, ns).Bind(2, id), RowReader.Notice) is { IsRaised: true } notice ? notice : null, cancellationToken);

    public Task<Page<NoticeRow>> ListNoticesAsync(string ns, string? flow, bool isDead, string? cursor, int limit, CancellationToken cancellationToken)
    {
        var listing = isDead ? "dead_notices" : "notices";
        return NewestFirst("notices", db => flow is null ? Sql(db, listing) : Sql(db, listing + "_of_flow").Bind(5, flow), ns, cursor, limit, RowReader.Notice, row => row.At, cancellationToken);
    }

    public Task<PoolRow?> GetPoolAsync(string pool, CancellationToken cancellationToken) => QueryAsync(db => One(Sql(db, "pool").Bind(1, pool), RowReader.Pool), cancellationToken);

    public Task<Page<PoolRow>> ListPoolsAsync(string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var after = Cursor.PoolName(cursor);
        return QueryAsync(db => Page(All(Sql(db, "pools").Bind(1, after).Bind(2, limit + 1L), RowReader.Pool, cancellationToken), limit, row => Cursor.OfPool(row.Pool)), cancellationToken);
    }

    public Task<Page<DeadLetterRow>> ListDeadLettersAsync(string ns, string? flow, string? trigger, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var after = Cursor.DeadLetter(cursor);
        return QueryAsync(db => Page(
            All(Sql(db, "dead_letters").Bind(1, ns).Bind(2, after.At).Bind(3, after.Event).Bind(4, after.Flow).Bind(5, after.Trigger).Bind(6, limit + 1L).Bind(7, flow).Bind(8, trigger), RowReader.DeadLetter, cancellationToken),
            limit, Cursor.OfDeadLetter), cancellationToken);
    }

    public Task<OpenCounts> CountOpenAsync(int most, CancellationToken cancellationToken)
    {
        CheckLimit(most);
        return QueryAsync(db =>
        {
            var active = All(Sql(db, "open_runs").Bind(1, most), s => Codes.Run(s.Int(0)), cancellationToken);
            return new OpenCounts(Rows(db, "open_dead_letters"), Rows(db, "open_dead_notices"), Codes.ActiveRuns.ToDictionary(status => status, status => active.Count(run => run == status)));
        }, cancellationToken);

        int Rows(Database db, string name) => All(Sql(db, name).Bind(1, most), s => s.Int(0), cancellationToken).Count;
    }

    // Streams' rows by when they were made, and those of the same moment by their number.
    private Task<Page<T>> NewestFirst<T>(string listing, Func<Database, Statement> query, string ns, string? cursor, int limit, Func<Statement, T> read, Func<T, DateTimeOffset> madeAt, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var before = Cursor.Key(cursor, listing, 2) ?? [long.MaxValue, long.MaxValue];
        return QueryAsync(db =>
        {
            var rows = All(query(db).Bind(1, ns).Bind(2, before[0]).Bind(3, before[1]).Bind(4, limit + 1L), s => (Id: s.Long(0), Row: read(s)), cancellationToken);
            var page = Page(rows, limit, last => Cursor.Of(listing, Instant.ToMicroseconds(madeAt(last.Row)), last.Id));
            return new Page<T>([.. page.Items.Select(item => item.Row)], page.Next);
        }, cancellationToken);
    }
}
