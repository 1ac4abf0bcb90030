using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Sqlite.Read;

namespace Fanfare.Storage.Sqlite.Retain;

/// <summary>Removes old runs from an SQLite file. It has one writer, so each piece goes through the committing thread, with what else is committed then.</summary>
internal sealed class SqliteRetention(SqliteJournal journal, ReadConnections connections) : IRetention
{
    private const int PageRows = 1000, PageChars = 1024 * 1024;

    private static readonly SqlText _sql = SqlText.Load("sqlite_retain.sql");

    public async Task<int> CloseAsync(DateTimeOffset endedBefore, int limit, IReadOnlyCollection<long> except, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var closed = 0;
        await journal.KeepUpAsync((db, forget) =>
        {
            closed = 0;
            var found = All(Sql(db, "endings").Bind(1, Instant.ToMicroseconds(endedBefore)).Bind(2, limit + (long)except.Count), s => (Id: s.Long(0), Stream: StreamId.Run(s.Text(1), s.Text(2))));
            foreach (var (id, stream) in found.Where(run => !except.Contains(run.Id)).Take(limit))
            {
                Sql(db, "close_run").Bind(1, id).Run();
                Sql(db, "set_epoch").Bind(1, id).Bind(2, Epochs.Retired).Run();
                forget(stream);
                closed++;
            }
        }).ConfigureAwait(false);
        return closed;
    }

    public Task<IReadOnlyList<RetiredRun>> ListClosedAsync(int limit, CancellationToken cancellationToken) =>
        connections.QueryAsync<IReadOnlyList<RetiredRun>>(db => All(Sql(db, "closed").Bind(1, (long)limit), Retired), cancellationToken);

    public Task<IReadOnlyList<RetiredRun>> ListHiddenAsync(DateTimeOffset hiddenUntil, int limit, CancellationToken cancellationToken) =>
        connections.QueryAsync<IReadOnlyList<RetiredRun>>(db => All(Sql(db, "hidden").Bind(1, Instant.ToMicroseconds(hiddenUntil)).Bind(2, (long)limit), Retired), cancellationToken);

    public async Task<(long? Next, bool Quiet)> SealAsync(RetiredRun run, long after, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        (long? Next, bool Quiet) outcome = default;
        await journal.KeepUpAsync((db, _) =>
        {
            outcome = (null, true);
            var steps = StepsOf(db, run.Id, after, limit);
            foreach (var step in steps)
            {
                Sql(db, "set_epoch").Bind(1, step).Bind(2, Epochs.Retired).Run();
                if (One(Sql(db, "has_wake").Bind(1, step), s => (long?)s.Long(0)) is not null) outcome.Quiet = false;
            }
            if (steps.Count == limit) outcome.Next = steps[^1];
        }).ConfigureAwait(false);
        return outcome;
    }

    public async Task ReopenAsync(RetiredRun run, CancellationToken cancellationToken)
    {
        for (long? after = 0; after is { } from;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await journal.KeepUpAsync((db, _) =>
            {
                var steps = StepsOf(db, run.Id, from, PageRows);
                foreach (var step in steps) Sql(db, "set_epoch").Bind(1, step).Bind(2, 0L).Run();
                after = steps.Count == PageRows ? steps[^1] : null;
                if (after is not null) return;
                Sql(db, "set_epoch").Bind(1, run.Id).Bind(2, 0L).Run();
                Sql(db, "reopen").Bind(1, run.Id).Run();
            }).ConfigureAwait(false);
        }
    }

    public Task<ArchivePage> ReadAsync(RetiredRun run, ArchivePart part, ArchiveKey after, CancellationToken cancellationToken) => connections.QueryAsync(db => part switch
    {
        ArchivePart.Events => Events(db, run, after),
        ArchivePart.Steps => new PageInMaking().Fill(Sql(db, "read_steps").Bind(1, run.Id).Bind(2, after.First).Bind(3, (long)PageRows),
            s => (new ArchiveLine { Step = RowReader.Step(s) }, new ArchiveKey(s.Long(11)))).Made,
        ArchivePart.Tasks => OfSteps(db, run, after, (page, step, stream) => page.Fill(Sql(db, "read_tasks").Bind(1, step).Bind(2, step == after.First ? after.Second : -1L).Bind(3, (long)PageRows),
            s => (new ArchiveLine { Task = RowReader.Task(s, stream, stream.StepKey) }, new ArchiveKey(step, s.Long(1))))),
        ArchivePart.Attempts => OfSteps(db, run, after, (page, step, stream) => page.Fill(
            Sql(db, "read_attempts").Bind(1, step).Bind(2, step == after.First ? after.Second : -1L).Bind(3, step == after.First ? after.Third : -1L).Bind(4, (long)PageRows),
            s => (new ArchiveLine { Attempt = RowReader.Attempt(s, run.Namespace, run.Run, stream.StepKey, s.Int(8)) }, new ArchiveKey(step, s.Long(8), s.Long(0))))),
        _ => throw new ArgumentOutOfRangeException(nameof(part)),
    }, cancellationToken);

    public Task HideAsync(IReadOnlyList<RetiredRun> archived, DateTimeOffset now, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return journal.KeepUpAsync((db, _) =>
        {
            foreach (var run in archived)
            {
                Sql(db, "hide").Bind(1, run.Id).Bind(2, run.Archive).Bind(3, Instant.ToMicroseconds(now)).Run();
                if (One(Sql(db, "tags_of").Bind(1, run.Id), s => (Namespace: s.Text(0), Tags: s.Text(1), Created: s.Long(2))) is not { Namespace: not null } tagged) continue;
                foreach (var tag in JsonSerializer.Deserialize(tagged.Tags, ContractsJson.Default.IReadOnlyListString)!)
                    Sql(db, "hide_tag").Bind(1, tagged.Namespace).Bind(2, tag).Bind(3, tagged.Created).Bind(4, run.Id).Run();
                Sql(db, "hide_run").Bind(1, run.Id).Run();
            }
        });
    }

    public async Task<int> RemoveAsync(IReadOnlyList<RetiredRun> hidden, int rows, DateTimeOffset now, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var gone = 0;
        await journal.KeepUpAsync((db, forget) =>
        {
            gone = 0;
            foreach (var run in hidden)
            {
                if (!RemoveSome(db, forget, run, rows, ref gone)) return;
                Sql(db, "removed").Bind(1, run.Id).Bind(2, Instant.ToMicroseconds(now)).Run();
            }
        }).ConfigureAwait(false);
        return gone;
    }

    public async Task<IReadOnlyList<StreamId>> ForgetAsync(DateTimeOffset removedUntil, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        List<(long Id, StreamId Stream)> old = [];
        await journal.KeepUpAsync((db, forget) =>
        {
            old = All(Sql(db, "old_tombstones").Bind(1, Instant.ToMicroseconds(removedUntil)).Bind(2, (long)limit), s => (s.Long(0), RowReader.Stream(s.Text(1))));
            foreach (var (id, stream) in old)
            {
                Sql(db, "forget").Bind(1, id).Run();
                Sql(db, "remove_head").Bind(1, id).Run();
                forget(stream);
            }
        }).ConfigureAwait(false);
        return [.. old.Select(tombstone => tombstone.Stream)];
    }

    public async Task<int> ForgetSettledAsync(DateTimeOffset before, int limit, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        var forgotten = 0;
        await journal.KeepUpAsync((db, forget) =>
        {
            forgotten = 0;
            foreach (var kind in (string[])["events", "notices"])
            {
                foreach (var (id, stream) in All(Sql(db, $"settled_{kind}").Bind(1, Instant.ToMicroseconds(before)).Bind(2, (long)limit), s => (s.Long(0), RowReader.Stream(s.Text(1)))))
                {
                    foreach (var statement in (string[])["forget_their_events", $"forget_{kind}", "remove_head"]) Sql(db, statement).Bind(1, id).Run();
                    forget(stream);
                    forgotten++;
                }
            }
        }).ConfigureAwait(false);
        return forgotten;
    }

    /// <summary>The tombstone of the run that a stream belongs to.</summary>
    public static RetiredRun? Find(Database db, StreamId stream) =>
        stream.RunId is { } run ? One(Sql(db, "retired").Bind(1, StreamId.Run(stream.Namespace, run).ToString()), Retired) : null;

    private static RetiredRun Retired(Statement s) => new(
        s.Long(0), s.Text(1), s.Text(2), s.Text(3), s.Int(4), Codes.Run(s.Int(5)), Instant.FromMicroseconds(s.Long(6)), Instant.FromMicroseconds(s.Long(7)),
        s.TextOrNull(8), Instant.FromMicroseconds(s.LongOrNull(9)));

    // True when nothing of the run is left.
    private static bool RemoveSome(Database db, Action<StreamId> forget, RetiredRun run, int rows, ref int gone)
    {
        while (StepsOf(db, run.Id, 0, 1) is [var step])
        {
            if (!RemoveOf(db, "tasks", step, rows, ref gone) || !RemoveOf(db, "attempts", step, rows, ref gone) || !RemoveOf(db, "events", step, rows, ref gone)) return false;
            // Its number may be given to another stream, so nothing may remember it as this one's.
            if (One(Sql(db, "stream_name").Bind(1, step), s => s.Text(0)) is { } name) forget(RowReader.Stream(name));
            Sql(db, "remove_step").Bind(1, step).Run();
            Sql(db, "remove_head").Bind(1, step).Run();
            gone++;
        }
        return RemoveOf(db, "events", run.Id, rows, ref gone);
    }

    // True when the stream has no more of them; false when the piece is full.
    private static bool RemoveOf(Database db, string rowsOf, long stream, int rows, ref int gone)
    {
        if (gone >= rows) return false;
        var places = All(Sql(db, "end_of_" + rowsOf).Bind(1, stream).Bind(2, (long)(rows - gone)), s => s.Long(0));
        if (places.Count == 0) return true;
        Sql(db, "remove_" + rowsOf).Bind(1, stream).Bind(2, places[^1]).Run();
        gone += places.Count;
        return gone < rows;
    }

    private static ArchivePage Events(Database db, RetiredRun run, ArchiveKey after)
    {
        var names = new Dictionary<long, string>();
        return new PageInMaking().Fill(Sql(db, "read_events").Bind(1, run.Id).Bind(2, after.First).Bind(3, (long)PageRows), s =>
        {
            if (!names.TryGetValue(s.Long(1), out var name)) names[s.Long(1)] = name = One(Sql(db, "stream_name").Bind(1, s.Long(1)), n => n.Text(0))!;
            return (ArchivedFrames.ReadOne(s.Long(0), name, s.Long(2), Instant.FromMicroseconds(s.Long(3)), s.Text(4), s.Int(5), s.Blob(6).ToArray()), new ArchiveKey(s.Long(0)));
        }).Made;
    }

    // From step to step, until the page is full.
    private static ArchivePage OfSteps(Database db, RetiredRun run, ArchiveKey after, Action<PageInMaking, long, StreamId> fill)
    {
        var page = new PageInMaking();
        for (var from = after.First - 1; !page.IsFull && StepsOf(db, run.Id, from, PageRows) is { Count: > 0 } steps; from = steps[^1])
            foreach (var step in steps.TakeWhile(_ => !page.IsFull)) fill(page, step, RowReader.Stream(One(Sql(db, "stream_name").Bind(1, step), s => s.Text(0))!));
        return page.Made;
    }

    private static List<long> StepsOf(Database db, long run, long after, int limit) => All(Sql(db, "steps_of").Bind(1, run).Bind(2, after).Bind(3, (long)limit), s => s.Long(0));

    private static Statement Sql(Database db, string name) => db.Prepare(_sql[name]);

    private static T? One<T>(Statement statement, Func<Statement, T> read)
    {
        var row = statement.Step() ? read(statement) : default;
        statement.Reset();
        return row;
    }

    private static List<T> All<T>(Statement statement, Func<Statement, T> read)
    {
        var rows = new List<T>();
        while (statement.Step()) rows.Add(read(statement));
        return rows;
    }

    /// <summary>Takes rows until there are enough, or enough of their texts.</summary>
    private sealed class PageInMaking
    {
        private readonly List<ArchiveLine> _lines = [];
        private ArchiveKey? _last;
        private long _chars;

        public bool IsFull => _lines.Count >= PageRows || _chars >= PageChars;

        public ArchivePage Made => new(_lines, _last);

        public PageInMaking Fill(Statement statement, Func<Statement, (ArchiveLine Line, ArchiveKey At)> read)
        {
            while (!IsFull && statement.Step())
            {
                var (line, at) = read(statement);
                _lines.Add(line);
                _last = at;
                _chars += line.Task?.Output?.Length ?? line.Event?.Payload.GetRawText().Length ?? 0;
            }
            statement.Reset();
            return this;
        }
    }
}
