using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres.Read;
using Npgsql;

namespace Fanfare.Storage.Postgres.Retain;

/// <summary>Removes old runs from a PostgreSQL database, over a connection of its own.</summary>
/// <param name="reads">Connections for reading.</param>
/// <param name="forget">Told the streams of which another state is to be seen from now on.</param>
internal sealed class PostgresRetention(UpkeepConnection upkeep, NpgsqlDataSource reads, Action<StreamId> forget) : IRetention
{
    private const long PageRows = 1000, PageBytes = 1024 * 1024;

    /// <summary>Steps whose rows are removed side by side, so that runs of few tasks do not cost a transaction each.</summary>
    private const long StepsAtATime = 100;

    /// <summary>An event's row may hold hundreds of them.</summary>
    private const long EventRows = 200;

    private static readonly SqlText _sql = SqlText.Load("postgres_retain.sql");

    private readonly ReadQueries _reads = new(reads);
    private Walk? _walk;

    public static SqlText Sql => _sql;

    public async Task<int> CloseAsync(DateTimeOffset endedBefore, int limit, IReadOnlyCollection<long> except, CancellationToken cancellationToken)
    {
        var before = Instant.ToMicroseconds(endedBefore);
        var found = await _reads.AllAsync(Query("endings").With(before).With((long)limit).With([.. except]), row => (Id: row.GetInt64(0), Stream: StreamId.Run(row.GetString(1), row.GetString(2))), cancellationToken).ConfigureAwait(false);
        if (found.Count == 0) return 0;
        var ids = found.Select(run => run.Id).ToArray();
        var changed = await upkeep.RunAsync(cancellationToken, Command("fence_runs", ids), Command("close_runs", ids, before), Command("unfence_runs", ids)).ConfigureAwait(false);
        foreach (var (_, stream) in found) forget(stream);
        return (int)changed[1];
    }

    public async Task<IReadOnlyList<RetiredRun>> ListClosedAsync(int limit, CancellationToken cancellationToken) =>
        await _reads.AllAsync(Query("closed").With((long)limit), Retired, cancellationToken).ConfigureAwait(false);

    public async Task<IReadOnlyList<RetiredRun>> ListHiddenAsync(DateTimeOffset hiddenUntil, int limit, CancellationToken cancellationToken) =>
        await _reads.AllAsync(Query("hidden").With(Instant.ToMicroseconds(hiddenUntil)).With((long)limit), Retired, cancellationToken).ConfigureAwait(false);

    public async Task<(long? Next, bool Quiet)> SealAsync(RetiredRun run, long after, int limit, CancellationToken cancellationToken)
    {
        var steps = await StepsAsync(run, after, limit, cancellationToken).ConfigureAwait(false);
        if (steps.Length == 0) return (null, true);
        var (rows, _) = await upkeep.RunAsync(row => row.GetBoolean(0), cancellationToken, Command("fence_steps", steps), Command("quiet", steps)).ConfigureAwait(false);
        return (steps.Length < limit ? null : steps[^1], rows[0]);
    }

    public async Task ReopenAsync(RetiredRun run, CancellationToken cancellationToken)
    {
        for (var after = 0L; await StepsAsync(run, after, (int)PageRows, cancellationToken).ConfigureAwait(false) is { Length: > 0 } steps; after = steps[^1])
            await upkeep.RunAsync(cancellationToken, Command("unfence", steps)).ConfigureAwait(false);
        await upkeep.RunAsync(cancellationToken, Command("unfence", new long[] { run.Id }), Command("reopen", run.Id)).ConfigureAwait(false);
    }

    public Task<ArchivePage> ReadAsync(RetiredRun run, ArchivePart part, ArchiveKey after, CancellationToken cancellationToken) => part switch
    {
        ArchivePart.Events => EventsAsync(run, after, cancellationToken),
        ArchivePart.Steps => PageAsync(Query("read_steps").With(run.Id).With(PageRows).With(after.First),
            row => (new ArchiveLine { Step = RowReader.Step(row) }, new ArchiveKey(row.GetInt64(11))), cancellationToken),
        ArchivePart.Tasks => PageAsync(Query("read_tasks").With(run.Id).With(PageRows).With(PageBytes).With(after.First).With(after.First == 0 ? -1 : after.Second),
            row => RowReader.Stream(row.GetString(11)) is var stream
                ? (new ArchiveLine { Task = RowReader.Task(row, stream, stream.StepKey) with { Token = RowReader.TextOrNull(row, 12) } }, new ArchiveKey(row.GetInt64(0), row.GetInt32(1)))
                : default, cancellationToken),
        ArchivePart.Attempts => PageAsync(Query("read_attempts").With(run.Id).With(PageRows).With(after.First == 0 ? -1 : after.Third).With(after.First).With(after.First == 0 ? -1 : after.Second),
            row => RowReader.Stream(row.GetString(10)) is var stream
                ? (new ArchiveLine { Attempt = RowReader.Attempt(row, stream.Namespace, stream.RunId!, stream.StepKey, row.GetInt32(9)) }, new ArchiveKey(row.GetInt64(8), row.GetInt32(9), row.GetInt32(0)))
                : default, cancellationToken),
        _ => throw new ArgumentOutOfRangeException(nameof(part)),
    };

    public Task HideAsync(IReadOnlyList<RetiredRun> archived, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var ids = Ids(archived);
        return upkeep.RunAsync(cancellationToken, Command("hide", ids, archived.Select(run => run.Archive!).ToArray(), Instant.ToMicroseconds(now)), Command("hide_tags", ids), Command("hide_runs", ids));
    }

    public async Task<int> RemoveAsync(IReadOnlyList<RetiredRun> hidden, int rows, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var runs = Ids(hidden);
        var steps = await _reads.AllAsync(Query("steps_left").With(runs).With(StepsAtATime), row => row.GetInt64(0), cancellationToken).ConfigureAwait(false);
        if (steps.Count > 0) return await RemoveOfStepsAsync([.. steps.Order()], rows, cancellationToken).ConfigureAwait(false);
        // What the runs' own streams hold: a few events each.
        var gone = await RemoveAsync("remove_events", runs, rows, cancellationToken).ConfigureAwait(false);
        if (gone > 0) return gone;
        await upkeep.RunAsync(cancellationToken, Command("removed", runs, Instant.ToMicroseconds(now))).ConfigureAwait(false);
        return 0;
    }

    public async Task<IReadOnlyList<StreamId>> ForgetAsync(DateTimeOffset removedUntil, int limit, CancellationToken cancellationToken)
    {
        var (names, _) = await upkeep.RunAsync(row => row.GetString(0), cancellationToken, Command("forget", Instant.ToMicroseconds(removedUntil), (long)limit)).ConfigureAwait(false);
        StreamId[] streams = [.. names.Select(RowReader.Stream)];
        foreach (var stream in streams) forget(stream);
        return streams;
    }

    public async Task<int> ForgetSettledAsync(DateTimeOffset before, int limit, CancellationToken cancellationToken)
    {
        var forgotten = 0;
        foreach (var kind in (string[])["events", "notices"])
        {
            var found = await _reads.AllAsync(Query($"settled_{kind}").With(Instant.ToMicroseconds(before)).With((long)limit), row => (Id: row.GetInt64(0), Sequence: row.GetInt64(1), Stream: RowReader.Stream(row.GetString(2))), cancellationToken).ConfigureAwait(false);
            if (found.Count == 0) continue;
            var ids = found.Select(stream => stream.Id).ToArray();
            // What has moved on since stays, with all that is its own.
            var changed = await upkeep.RunAsync(cancellationToken, Command("forget_settled", ids, found.Select(stream => stream.Sequence).ToArray()), Command("forget_their_events", ids), Command($"forget_{kind}", ids)).ConfigureAwait(false);
            foreach (var (_, _, stream) in found) forget(stream);
            forgotten += (int)changed[0];
        }
        return forgotten;
    }

    internal static RetiredRun Retired(NpgsqlDataReader row) => new(
        row.GetInt64(0), row.GetString(1), row.GetString(2), row.GetString(3), row.GetInt32(4), Codes.Run(row.GetInt16(5)),
        Instant.FromMicroseconds(row.GetInt64(6)), Instant.FromMicroseconds(row.GetInt64(7)), RowReader.TextOrNull(row, 8),
        row.IsDBNull(9) ? null : Instant.FromMicroseconds(row.GetInt64(9)));

    // The rows of these steps, kind after kind; when none are left, the steps themselves.
    private async Task<int> RemoveOfStepsAsync(long[] steps, int rows, CancellationToken cancellationToken)
    {
        foreach (var rowsOf in (string[])["remove_tasks", "remove_attempts", "remove_events"])
            if (await RemoveAsync(rowsOf, steps, rows, cancellationToken).ConfigureAwait(false) is > 0 and var gone) return gone;
        var changed = await upkeep.RunAsync(cancellationToken, Command("remove_steps", steps), Command("remove_heads", steps)).ConfigureAwait(false);
        return (int)Math.Max(1, changed[0]);
    }

    private async Task<int> RemoveAsync(string statement, long[] streams, int rows, CancellationToken cancellationToken)
    {
        // Where the piece before ended. Only of the very same walk: any other begins at its start, which misses nothing.
        var walk = _walk is { } under && under.Statement == statement && under.Streams.SequenceEqual(streams) ? under : new Walk(statement, streams, 0, 0);
        var limit = statement == "remove_events" ? Math.Min(rows, EventRows) : rows;
        var (last, _) = await upkeep.RunAsync(row => (Stream: row.GetInt64(0), Place: row.GetInt64(1), Count: row.GetInt64(2)), cancellationToken,
            Command(statement, streams.Where(id => id >= walk.Stream).ToArray(), limit, walk.Stream, walk.Place)).ConfigureAwait(false);
        _walk = last.Count == 0 ? null : walk with { Stream = last[0].Stream, Place = last[0].Place };
        return last.Count == 0 ? 0 : (int)last[0].Count;
    }

    private async Task<ArchivePage> EventsAsync(RetiredRun run, ArchiveKey after, CancellationToken cancellationToken)
    {
        var frames = await _reads.AllAsync(Query("read_events").With(run.Id).With(EventRows).With(PageBytes).With(after.First), row => ArchivedFrames.Read(
            row.GetInt64(0), row.GetString(1), row.GetInt64(2), row.GetInt32(3), Instant.FromMicroseconds(row.GetInt64(4)), row.GetString(5), row.GetInt16(6), row.GetFieldValue<byte[]>(7)), cancellationToken).ConfigureAwait(false);
        return frames.Count == 0 ? new ArchivePage([], null) : new ArchivePage([.. frames.SelectMany(frame => frame)], new ArchiveKey(frames[^1][^1].Event!.Position));
    }

    private async Task<ArchivePage> PageAsync(NpgsqlCommand query, Func<NpgsqlDataReader, (ArchiveLine Line, ArchiveKey At)> read, CancellationToken cancellationToken)
    {
        var rows = await _reads.AllAsync(query, read, cancellationToken).ConfigureAwait(false);
        return new ArchivePage([.. rows.Select(row => row.Line)], rows.Count == 0 ? null : rows[^1].At);
    }

    private async Task<long[]> StepsAsync(RetiredRun run, long after, int limit, CancellationToken cancellationToken) =>
        [.. await _reads.AllAsync(Query("steps_of").With(run.Id).With(after).With((long)limit), row => row.GetInt64(0), cancellationToken).ConfigureAwait(false)];

    private static long[] Ids(IReadOnlyList<RetiredRun> runs) => [.. runs.Select(run => run.Id)];

    private static NpgsqlCommand Query(string name) => new(_sql[name]);

    private static UpkeepStatement Command(string name, params object[] values) => new(_sql[name], values);

    /// <summary>How far the rows of some streams have been removed.</summary>
    private sealed record Walk(string Statement, long[] Streams, long Stream, long Place);
}
