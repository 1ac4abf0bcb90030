using Fanfare.Contracts;
using Fanfare.Storage.Common;

namespace Fanfare.Storage.Postgres.Read;

internal sealed partial class PostgresReadModel
{
    public Task<StepRow?> GetStepAsync(string ns, string run, StepKey key, CancellationToken cancellationToken) =>
        OneAsync(Sql("step").With(StreamId.Step(ns, run, key).ToString()), RowReader.Step, cancellationToken);

    public async Task<Page<StepRow>> ListStepsAsync(string ns, string run, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var after = Cursor.Key(cursor, "steps", 1)?[0] ?? 0;
        var listing = Sql("steps").With(StreamId.Run(ns, run).ToString()).With(after).With(limit + 1L);
        var rows = await AllAsync(listing, r => (Id: r.GetInt64(11), Row: RowReader.Step(r)), cancellationToken).ConfigureAwait(false);
        var page = Page(rows, limit, row => Cursor.Of("steps", row.Id));
        return new Page<StepRow>(page.Items.Select(item => item.Row).ToList(), page.Next);
    }
}
