using System.Runtime.CompilerServices;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Sqlite.Read;

internal sealed partial class SqliteReadModel
{
    // Outputs may be large: a page of them ends at either bound.
    private const int OutputPageRows = 1000, OutputPageChars = 1024 * 1024;

    public Task<TaskRow?> GetTaskAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken)
    {
        var stream = StreamId.Step(ns, run, key);
        return QueryAsync(db => IdOf(db, stream) is { } id
            ? One(Sql(db, "task").Bind(1, id).Bind(2, split), s => RowReader.Task(s, stream, key))
            : null, cancellationToken);
    }

    public Task<Page<TaskRow>> ListTasksAsync(string ns, string run, TaskFilter filter, string? cursor, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        CheckLimit(limit);
        var after = Cursor.Key(cursor, "tasks", 2);
        if (filter.Key is { } key && filter.Step is { } name && key.Step != name) return Task.FromResult(new Page<TaskRow>([], null));
        return QueryAsync(db =>
        {
            if (IdOf(db, StreamId.Run(ns, run)) is not { } id) return new Page<TaskRow>([], null);
            var listing = new TaskListing(db, id, filter, cancellationToken);
            if (filter.Key is { } only)
            {
                if (IdOf(db, StreamId.Step(ns, run, only)) is { } step) listing.AddOfStep(step, after?[1] ?? -1, limit + 1);
            }
            else
            {
                // The rest of the opening where the last page ended, then the openings after it.
                if (after is not null) listing.AddOfStep(after[0], after[1], limit + 1);
                if (listing.Rows.Count <= limit) listing.AddOfRun(after?[0] ?? 0, limit + 1 - listing.Rows.Count);
            }
            var page = Page(listing.Rows, limit, row => Cursor.Of("tasks", row.Step, row.Row.Split));
            return new Page<TaskRow>(page.Items.Select(item => item.Row).ToList(), page.Next);
        }, cancellationToken);
    }

    public Task<IReadOnlyList<AttemptRow>> ListAttemptsAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) =>
        QueryAsync<IReadOnlyList<AttemptRow>>(db => IdOf(db, StreamId.Step(ns, run, key)) is { } id
            ? All(Sql(db, "attempts").Bind(1, id).Bind(2, split), s => RowReader.Attempt(s, ns, run, key, split), cancellationToken)
            : [], cancellationToken);

    public async IAsyncEnumerable<TaskOutput> ReadOutputsAsync(
        string ns, string run, StepKey key, SplitRanges splits, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(splits);
        if (await QueryAsync(db => IdOf(db, StreamId.Step(ns, run, key)), cancellationToken).ConfigureAwait(false) is not { } id) yield break;
        // Each page is a query of its own: a snapshot held while a slow reader takes its time would hold the log.
        for (var range = 0; range < splits.Ranges.Length; range++)
        {
            var (from, end) = splits.Ranges[range];
            while (from < end)
            {
                var (rows, next) = await QueryAsync(db => OutputPage(db, id, key, from, end), cancellationToken).ConfigureAwait(false);
                foreach (var row in rows) yield return row;
                from = next;
            }
        }
    }

    private static (List<TaskOutput> Rows, int Next) OutputPage(Database db, long id, StepKey key, int from, int end)
    {
        var rows = new List<TaskOutput>();
        var chars = 0;
        var statement = Sql(db, "outputs").Bind(1, id).Bind(2, from).Bind(3, end).Bind(4, OutputPageRows);
        while (chars < OutputPageChars && statement.Step())
        {
            var row = new TaskOutput(key, statement.Int(0), statement.Int(1), statement.TextOrNull(2), RowReader.Artifacts(statement.TextOrNull(3)));
            chars += row.Output?.Length ?? 0;
            rows.Add(row);
        }
        statement.Reset();
        var more = rows.Count == OutputPageRows || chars >= OutputPageChars;
        return (rows, more ? rows[^1].Split + 1 : end);
    }

    /// <summary>Collects the tasks of one listing, from the index that leaves the least to walk over.</summary>
    private sealed class TaskListing(Database db, long run, TaskFilter filter, CancellationToken cancellationToken)
    {
        private readonly Dictionary<long, (StreamId Stream, StepKey Key)> _steps = [];
        private readonly long? _status = filter.Status is { } status ? Codes.Of(status) : null;

        public List<(long Step, TaskRow Row)> Rows { get; } = [];

        // Succeeded tasks are not in the index by status.
        private bool ByStatus => filter.Status is not (null or TaskStatus.Succeeded);

        public void AddOfStep(long step, long afterSplit, int limit) => Add(
            Sql(db, ByStatus ? "tasks_of_step_by_status" : "tasks_of_step").Bind(1, step).Bind(2, afterSplit).Bind(3, _status).Bind(4, limit), s =>
            {
                if (ByStatus) s.Bind(5, run);
            });

        public void AddOfRun(long afterStep, int limit) => Add(
            Sql(db, ByStatus ? "tasks_of_run_by_status" : filter.Step is null ? "tasks_of_run" : "tasks_of_run_by_name")
                .Bind(1, run).Bind(2, afterStep).Bind(3, _status).Bind(4, limit), s =>
            {
                if (ByStatus || filter.Step is not null) s.Bind(5, filter.Step);
            });

        private void Add(Statement statement, Action<Statement> bind)
        {
            bind(statement);
            Rows.AddRange(All(statement, Read, cancellationToken));
        }

        private (long, TaskRow) Read(Statement s)
        {
            var id = s.Long(0);
            if (!_steps.TryGetValue(id, out var step))
            {
                var stream = RowReader.Stream(One(Sql(db, "stream_name").Bind(1, id), name => name.Text(0))!);
                _steps[id] = step = (stream, stream.StepKey);
            }
            return (id, RowReader.Task(s, step.Stream, step.Key));
        }
    }
}
