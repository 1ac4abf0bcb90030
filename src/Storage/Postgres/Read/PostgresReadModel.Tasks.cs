using System.Runtime.CompilerServices;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Postgres.Read;

internal sealed partial class PostgresReadModel
{
    // Outputs may be large: a page of them ends at either bound.
    private const int OutputPageRows = 1000, OutputPageBytes = 1024 * 1024;

    public Task<TaskRow?> GetTaskAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken)
    {
        var stream = StreamId.Step(ns, run, key);
        return OneAsync(Sql("task").With(stream.ToString()).With(split), r => RowReader.Task(r, stream, key), cancellationToken);
    }

    public async Task<Page<TaskRow>> ListTasksAsync(string ns, string run, TaskFilter filter, string? cursor, int limit, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(filter);
        CheckLimit(limit);
        var after = Cursor.Key(cursor, "tasks", 2);
        if (filter.Key is { } key && filter.Step is { } name && key.Step != name) return new Page<TaskRow>([], null);
        var listing = new TaskListing(_queries, StreamId.Run(ns, run).ToString(), filter, cancellationToken);
        if (filter.Key is { } only)
        {
            var step = await OneAsync(Sql("stream_id").With(StreamId.Step(ns, run, only).ToString()), r => r.GetInt64(0), cancellationToken).ConfigureAwait(false);
            await listing.AddOfStepAsync(step, after?[1] ?? -1, limit + 1L).ConfigureAwait(false);
        }
        else
        {
            // The rest of the opening where the last page ended, then the openings after it.
            if (after is not null) await listing.AddOfStepAsync(after[0], after[1], limit + 1L).ConfigureAwait(false);
            if (listing.Rows.Count <= limit) await listing.AddOfRunAsync(after?[0] ?? 0, limit + 1L - listing.Rows.Count).ConfigureAwait(false);
        }
        var page = Page(listing.Rows, limit, row => Cursor.Of("tasks", row.Step, row.Row.Split));
        return new Page<TaskRow>(page.Items.Select(item => item.Row).ToList(), page.Next);
    }

    public async Task<IReadOnlyList<AttemptRow>> ListAttemptsAsync(string ns, string run, StepKey key, int split, CancellationToken cancellationToken) =>
        await AllAsync(Sql("attempts").With(StreamId.Step(ns, run, key).ToString()).With(split), r => RowReader.Attempt(r, ns, run, key, split), cancellationToken).ConfigureAwait(false);

    public async IAsyncEnumerable<TaskOutput> ReadOutputsAsync(
        string ns, string run, StepKey key, SplitRanges splits, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(splits);
        var stream = StreamId.Step(ns, run, key).ToString();
        // Each page is a query of its own: a connection held while a slow reader takes its time would be missed by the others.
        for (var left = new OutputRanges(splits); left.Next(OutputPageRows);)
        {
            var rows = await AllAsync(OutputPage(stream, left), r => (Output: Output(r, key), Bytes: r.GetInt64(4)), cancellationToken).ConfigureAwait(false);
            foreach (var (output, _) in rows) yield return output;
            // A page that ended at a bound may have left some behind.
            if (rows.Count == OutputPageRows || (rows.Count > 0 && rows[^1].Bytes >= OutputPageBytes)) left.GoOnAfter(rows[^1].Output.Split);
        }
    }

    private static NpgsqlCommand OutputPage(string stream, OutputRanges asked) => asked.Starts.Length == 1
        ? Sql("outputs").With(stream).With(asked.Starts[0]).With((long)OutputPageRows).With((long)OutputPageBytes).With(asked.Ends[0])
        : Sql("outputs_of_ranges").With(stream).With(asked.Starts).With((long)OutputPageRows).With((long)OutputPageBytes).With(asked.Ends);

    private static TaskOutput Output(NpgsqlDataReader r, StepKey key) => new(key, r.GetInt32(0), r.GetInt32(1), RowReader.TextOrNull(r, 2), RowReader.Artifacts(r, 3));

    /// <summary>Collects the tasks of one listing, from the index that leaves the least to walk over.</summary>
    private sealed class TaskListing(ReadQueries queries, string run, TaskFilter filter, CancellationToken cancellationToken)
    {
        private readonly Dictionary<long, (StreamId Stream, StepKey Key)> _steps = [];
        private readonly short? _status = filter.Status is { } status ? (short)Codes.Of(status) : null;

        public List<(long Step, TaskRow Row)> Rows { get; } = [];

        // Succeeded tasks are not in the index by status.
        private bool ByStatus => filter.Status is not (null or TaskStatus.Succeeded);

        public Task AddOfStepAsync(long step, long afterSplit, long limit) =>
            AddAsync(Sql(ByStatus ? "tasks_of_step_by_status" : "tasks_of_step").With(run).With(step).With(afterSplit).With(_status).With(limit));

        public Task AddOfRunAsync(long afterStep, long limit)
        {
            var page = Sql((filter.Step is not null, ByStatus) switch
            {
                (false, false) => "tasks_of_run",
                (false, true) => "tasks_of_run_by_status",
                (true, false) => "tasks_of_run_by_name",
                (true, true) => "tasks_of_run_by_name_and_status",
            }).With(run).With(afterStep).With(_status).With(limit);
            return AddAsync(filter.Step is { } step ? page.With(step) : page);
        }

        private async Task AddAsync(NpgsqlCommand page) => Rows.AddRange(await queries.AllAsync(page, Read, cancellationToken).ConfigureAwait(false));

        private (long, TaskRow) Read(NpgsqlDataReader r)
        {
            var id = r.GetInt64(0);
            if (!_steps.TryGetValue(id, out var step))
            {
                var stream = RowReader.Stream(r.GetString(11));
                _steps[id] = step = (stream, stream.StepKey);
            }
            return (id, RowReader.Task(r, step.Stream, step.Key));
        }
    }
}
