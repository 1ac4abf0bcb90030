using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres.Retain;
using Npgsql;

namespace Fanfare.Storage.Postgres.Read;

internal sealed partial class PostgresReadModel
{
    private const int RunsTogether = 250, LookupsAtOnce = 4;

    public Task<RunRow?> GetRunAsync(string ns, string run, CancellationToken cancellationToken) => _runs.GetAsync((ns, run), cancellationToken);

    private async Task<Dictionary<(string Namespace, string Run), RunRow>> RunsAsync(IReadOnlyList<(string Namespace, string Run)> runs) =>
        (await AllAsync(Sql("runs_named").With(runs.Select(run => StreamId.Run(run.Namespace, run.Run).ToString()).ToArray()), RowReader.Run, CancellationToken.None).ConfigureAwait(false)).ToDictionary(row => (row.Namespace, row.Run));

    public Task<RetiredRun?> GetRetiredAsync(string ns, string run, CancellationToken cancellationToken) =>
        OneAsync(new NpgsqlCommand(PostgresRetention.Sql["retired"]).With(StreamId.Run(ns, run).ToString()), PostgresRetention.Retired, cancellationToken);

    public async Task<Page<RunRow>> ListRunsAsync(RunFilter filter, string? cursor, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        CheckLimit(limit);
        var before = Cursor.Key(cursor, "runs", 2) ?? [long.MaxValue, long.MaxValue];
        // The index is entered where the last page ended, not at the newest run: only those of the very same time are passed over again.
        var newest = Math.Min(Instant.ToMicroseconds(filter.CreatedBefore) ?? long.MaxValue, before[0] == long.MaxValue ? long.MaxValue : before[0] + 1);
        var page = Sql(RunListing.StatementFor(filter))
            .With(filter.Namespace).With(before[0]).With(before[1])
            .With(Instant.ToMicroseconds(filter.CreatedAfter) ?? long.MinValue)
            .With(newest)
            .With(filter.Flow)
            .With(filter.Status is { } status ? (short)Codes.Of(status) : (short?)null)
            .With(filter.Active)
            .With(filter.Deployment)
            .With(limit + 1L);
        if (filter.Tag is not null) page.With(filter.Tag);
        var rows = await AllAsync(page, r => (Id: r.GetInt64(0), Row: RowReader.Run(r)), cancellationToken).ConfigureAwait(false);
        var last = Page(rows, limit, row => Cursor.Of("runs", Instant.ToMicroseconds(row.Row.CreatedAt), row.Id));
        return new Page<RunRow>(last.Items.Select(item => item.Row).ToList(), last.Next);
    }
}
