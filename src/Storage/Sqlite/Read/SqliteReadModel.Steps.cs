using Fanfare.Contracts;
using Fanfare.Storage.Common;

namespace Fanfare.Storage.Sqlite.Read;

internal sealed partial class SqliteReadModel
{
    public Task<StepRow?> GetStepAsync(string ns, string run, StepKey key, CancellationToken cancellationToken) => QueryAsync(db =>
        One(Sql(db, "step").Bind(1, StreamId.Step(ns, run, key).ToString()), RowReader.Step), cancellationToken);

    public Task<Page<StepRow>> ListStepsAsync(string ns, string run, string? cursor, int limit, CancellationToken cancellationToken)
    {
        CheckLimit(limit);
        var after = Cursor.Key(cursor, "steps", 1)?[0] ?? 0;
        return QueryAsync(db =>
        {
            if (IdOf(db, StreamId.Run(ns, run)) is not { } id) return new Page<StepRow>([], null);
            var rows = All(Sql(db, "steps").Bind(1, id).Bind(2, after).Bind(3, limit + 1L), s => (Id: s.Long(11), Row: RowReader.Step(s)), cancellationToken);
            var page = Page(rows, limit, row => Cursor.Of("steps", row.Id));
            return new Page<StepRow>(page.Items.Select(item => item.Row).ToList(), page.Next);
        }, cancellationToken);
    }
}
