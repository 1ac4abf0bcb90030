using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;

namespace Fanfare.Storage.Postgres.Read;

// Triggers, events, what could not start, backfills, notices and pools.
internal sealed partial class PostgresReadModel
{
    public Task<TriggerRow?> GetTriggerAsync(string ns, string flow, string trigger, CancellationToken cancellationToken) =>
        OneAsync(Sql("trigger").With(ns).With(flow).With(trigger), RowReader.Trigger, cancellationToken);

    public async Task<Page<TriggerRow>> ListTriggersAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var (afterFlow, after) = Cursor.TriggerName(cursor);
        var query = flow is null ? Sql("triggers").With(ns).With(afterFlow) : Sql("triggers_of_flow").With(ns).With(flow);
        var rows = await AllAsync(query.With(after).With(limit + 1L), RowReader.Trigger, cancellationToken).ConfigureAwait(false);
        return Page(rows, limit, row => Cursor.OfTrigger(row.Flow, row.Trigger));
    }

    public async Task<IReadOnlyList<TriggerRow>> ListListenersAsync(string ns, EventOrigin origin, CancellationToken cancellationToken) =>
        await AllAsync(Sql("listeners").With(Codes.Of(origin.Kind)).With(ns).With(origin.Name), RowReader.Trigger, cancellationToken).ConfigureAwait(false);

    public async Task<IReadOnlyList<(string Namespace, string Flow)>> ListAwaitedFlowsAsync(CancellationToken cancellationToken) =>
        await AllAsync(Sql("awaited_flows").With(Codes.Of(EventKind.RunEnd)), r => (r.GetString(0), r.GetString(1)), cancellationToken).ConfigureAwait(false);

    public Task<EventRow?> GetEventAsync(string ns, string id, CancellationToken cancellationToken) => OneAsync(Sql("event").With(ns).With(id), RowReader.Event, cancellationToken);

    public Task<Page<EventRow>> ListEventsAsync(string ns, string? name, string? cursor, int limit, CancellationToken cancellationToken) =>
        NewestFirstAsync("events", name is null ? "events_published" : "events_of_name", ns, name, cursor, limit, RowReader.Event, row => row.At, cancellationToken);

    public Task<BackfillRow?> GetBackfillAsync(string ns, string id, CancellationToken cancellationToken) => OneAsync(Sql("backfill").With(ns).With(id), RowReader.Backfill, cancellationToken);

    public Task<Page<BackfillRow>> ListBackfillsAsync(string ns, string? flow, string? cursor, int limit, CancellationToken cancellationToken) =>
        NewestFirstAsync("backfills", flow is null ? "backfills" : "backfills_of_flow", ns, flow, cursor, limit, RowReader.Backfill, row => row.CreatedAt, cancellationToken);

    public async Task<NoticeRow?> GetNoticeAsync(string ns, string id, CancellationToken cancellationToken) =>
        await OneAsync(Sql("notice").With(ns).With(id), RowReader.Notice, cancellationToken).ConfigureAwait(false) is { IsRaised: true } notice ? notice : null;

    public Task<Page<NoticeRow>> ListNoticesAsync(string ns, string? flow, bool isDead, string? cursor, int limit, CancellationToken cancellationToken) =>
        NewestFirstAsync("notices", (isDead ? "dead_notices" : "notices") + (flow is null ? "" : "_of_flow"), ns, flow, cursor, limit, RowReader.Notice, row => row.At, cancellationToken);

    public Task<PoolRow?> GetPoolAsync(string pool, CancellationToken cancellationToken) => OneAsync(Sql("pool").With(pool), RowReader.Pool, cancellationToken);

    public async Task<Page<PoolRow>> ListPoolsAsync(string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var query = Sql("pools").With(Cursor.PoolName(cursor)).With(limit + 1L);
        return Page(await AllAsync(query, RowReader.Pool, cancellationToken).ConfigureAwait(false), limit, row => Cursor.OfPool(row.Pool));
    }

    public async Task<Page<DeadLetterRow>> ListDeadLettersAsync(string ns, string? flow, string? trigger, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var after = Cursor.DeadLetter(cursor);
        var query = Sql("dead_letters").With(ns).With(after.At).With(after.Event).With(after.Flow).With(after.Trigger).With(limit + 1L).With(flow).With(trigger);
        return Page(await AllAsync(query, RowReader.DeadLetter, cancellationToken).ConfigureAwait(false), limit, Cursor.OfDeadLetter);
    }

    public async Task<OpenCounts> CountOpenAsync(int most, CancellationToken cancellationToken)
    {
        CheckLimit(most);
        return (await OneAsync(Sql("open").With((long)most), RowReader.Open, cancellationToken).ConfigureAwait(false))!;
    }

    // Streams' rows by when they were made, and those of the same moment by their number.
    private async Task<Page<T>> NewestFirstAsync<T>(
        string listing, string statement, string ns, string? only, string? cursor, int limit, Func<NpgsqlDataReader, T> read, Func<T, DateTimeOffset> madeAt, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var before = Cursor.Key(cursor, listing, 2) ?? [long.MaxValue, long.MaxValue];
        var query = Sql(statement).With(ns).With(before[0]).With(before[1]).With(limit + 1L);
        var rows = await AllAsync(only is null ? query : query.With(only), r => (Id: r.GetInt64(0), Row: read(r)), cancellationToken).ConfigureAwait(false);
        var page = Page(rows, limit, last => Cursor.Of(listing, Instant.ToMicroseconds(madeAt(last.Row)), last.Id));
        return new Page<T>([.. page.Items.Select(item => item.Row)], page.Next);
    }
}
