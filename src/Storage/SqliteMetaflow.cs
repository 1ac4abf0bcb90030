using System.Text.RegularExpressions;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Metaflow;
using Fanfare.Storage.Metaflow.Sqlite;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Sqlite.Read;

namespace Fanfare.Storage;

/// <summary>Metaflow's metadata in an SQLite file of its own, <c>metaflow.db</c>, beside the journal: it is many times larger than that, nothing of the journal depends on it, and neither waits for the other's flush.
/// Who holds the data directory's journal has it, too.</summary>
public sealed class SqliteMetaflow : IMetaflowStore
{
    private const int Version = 1;

    private static readonly SqlText _sql = SqlText.Load("metaflow_sqlite.sql");

    private static readonly TimeSpan _busyWait = TimeSpan.FromSeconds(5), _longestMatch = TimeSpan.FromSeconds(5);

    private readonly string _path;
    private readonly TimeProvider _clock;
    private readonly SqliteWriter _writer;
    private readonly ReadConnections _reads;
    private readonly WriteQueue _queue;
    private int _disposed;

    private SqliteMetaflow(string path, Database writer, TimeProvider clock)
    {
        (_path, _clock, _writer) = (path, clock, new SqliteWriter(writer));
        _reads = new ReadConnections(Path.GetDirectoryName(path)!, () =>
        {
            var reader = Database.Open(path, readOnly: true, _busyWait);
            reader.Execute("PRAGMA cache_size = -8192");
            return reader;
        });
        _queue = new WriteQueue(CommitAsync);
    }

    /// <summary>Opens the file, making it where there is none.</summary>
    /// <exception cref="DataDirectoryException">It cannot be used; the message says what to do.</exception>
    /// <exception cref="JournalFormatException">A newer release wrote it.</exception>
    public static Task<SqliteMetaflow> OpenAsync(string dataDirectory, TimeProvider clock)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(dataDirectory);
        ArgumentNullException.ThrowIfNull(clock);
        var path = Path.Combine(Path.GetFullPath(dataDirectory), "metaflow.db");
        return Task.Run(() => Open(path, clock));
    }

    public Task CheckAsync(CancellationToken cancellationToken) => ReadAsync(db => SqliteRows.All(db.Prepare(_sql["check"]), s => s.Long(0)), cancellationToken);

    public Task<MetaflowAnswer<MetaflowFlow>> AddAsync(NewMetaflowFlow flow, CancellationToken cancellationToken) => WriteAsync<NewMetaflowFlow, MetaflowFlow>(flow, 1, cancellationToken);

    public Task<MetaflowAnswer<MetaflowRun>> AddAsync(NewMetaflowRun run, CancellationToken cancellationToken) => WriteAsync<NewMetaflowRun, MetaflowRun>(run, 1, cancellationToken);

    public Task<MetaflowAnswer<MetaflowStep>> AddAsync(NewMetaflowStep step, CancellationToken cancellationToken) => WriteAsync<NewMetaflowStep, MetaflowStep>(step, 1, cancellationToken);

    public Task<MetaflowAnswer<MetaflowTask>> AddAsync(NewMetaflowTask task, CancellationToken cancellationToken) => WriteAsync<NewMetaflowTask, MetaflowTask>(task, 1, cancellationToken);

    public Task<MetaflowAnswer<int>> AddAsync(NewMetaflowMetadata metadata, CancellationToken cancellationToken) => WriteAsync<NewMetaflowMetadata, int>(metadata, metadata.Items.Count, cancellationToken);

    public Task<MetaflowAnswer<int>> AddAsync(NewMetaflowArtifacts artifacts, CancellationToken cancellationToken) => WriteAsync<NewMetaflowArtifacts, int>(artifacts, artifacts.Items.Count, cancellationToken);

    public Task<MetaflowAnswer<bool>> BeatAsync(MetaflowHeartbeat heartbeat, CancellationToken cancellationToken) => WriteAsync<MetaflowHeartbeat, bool>(heartbeat, 1, cancellationToken);

    public Task<MetaflowAnswer<IReadOnlyList<string>>> ChangeTagsAsync(MetaflowTagChange change, CancellationToken cancellationToken) =>
        WriteAsync<MetaflowTagChange, IReadOnlyList<string>>(change, 1, cancellationToken);

    public Task<MetaflowFlow?> GetFlowAsync(string flow, CancellationToken cancellationToken) =>
        ReadAsync(db => SqliteRows.One(db.Prepare(_sql["flow"]).Bind(1, flow), SqliteRows.Flow), cancellationToken);

    public Task<IReadOnlyList<MetaflowFlow>> ListFlowsAsync(MetaflowPlace? after, int limit, CancellationToken cancellationToken) =>
        ReadAsync(db => SqliteRows.All(db.Prepare(_sql["flows"]).Bind(1, after?.At ?? long.MaxValue).Bind(2, after?.Name ?? "").Bind(3, limit), SqliteRows.Flow), cancellationToken);

    public Task<MetaflowRun?> GetRunAsync(MetaflowRunKey run, CancellationToken cancellationToken) => ReadAsync(db => SqliteRows.Run(db, _sql, run), cancellationToken);

    public Task<IReadOnlyList<MetaflowRun>> ListRunsAsync(string flow, bool withEnd, MetaflowPlace? after, int limit, CancellationToken cancellationToken) => ReadAsync(
        db =>
        {
            var page = Before(db.Prepare(_sql["runs"]).Bind(1, flow), 2, after).Bind(4, limit);
            var runs = SqliteRows.All(page, SqliteRows.Run);
            return withEnd ? [.. runs.Select(run => run with { End = End(db, run) })] : runs;
        },
        cancellationToken);

    public Task<MetaflowStep?> GetStepAsync(string flow, long run, string step, CancellationToken cancellationToken) =>
        ReadAsync(db => SqliteRows.One(db.Prepare(_sql["step"]).Bind(1, flow).Bind(2, run).Bind(3, step), SqliteRows.Step), cancellationToken);

    public Task<IReadOnlyList<MetaflowStep>> ListStepsAsync(string flow, long run, CancellationToken cancellationToken) =>
        ReadAsync(db => SqliteRows.All(db.Prepare(_sql["steps"]).Bind(1, flow).Bind(2, run), SqliteRows.Step), cancellationToken);

    public Task<MetaflowTask?> GetTaskAsync(MetaflowTaskKey task, CancellationToken cancellationToken) =>
        ReadAsync(db => SqliteRows.Run(db, _sql, task.Run) is { } run ? SqliteRows.Task(db, _sql, task, run.Number) : null, cancellationToken);

    public Task<IReadOnlyList<MetaflowTask>> ListTasksAsync(string flow, long run, string step, MetaflowPlace? after, int limit, CancellationToken cancellationToken) =>
        ReadAsync(db => SqliteRows.All(Before(db.Prepare(_sql["tasks"]).Bind(1, flow).Bind(2, run).Bind(3, step), 4, after).Bind(6, limit), SqliteRows.Task), cancellationToken);

    public Task<IReadOnlyList<MetaflowDatum>> ListMetadataAsync(MetaflowScope scope, MetaflowPlace? after, int limit, CancellationToken cancellationToken) => ReadAsync(
        db =>
        {
            var page = Before(db.Prepare(_sql[scope.Task is null ? "metadata_of_run" : "metadata_of_task"]).Bind(1, scope.Flow).Bind(2, scope.Run), 3, after).Bind(5, limit);
            return SqliteRows.All(scope.Task is { } task ? page.Bind(6, scope.Step).Bind(7, task) : page, SqliteRows.Datum);
        },
        cancellationToken);

    public Task<IReadOnlyList<MetaflowArtifact>> ListArtifactsAsync(MetaflowScope scope, int? attempt, MetaflowPlace? after, int limit, CancellationToken cancellationToken) => ReadAsync(
        db =>
        {
            var page = db.Prepare(_sql["artifacts_of_" + Part(scope)]).Bind(1, scope.Flow).Bind(2, scope.Run).Bind(3, (long?)attempt)
                .Bind(4, after?.Step ?? "").Bind(5, after?.Number ?? -1).Bind(6, after?.At ?? -1).Bind(7, after?.Name ?? "").Bind(8, limit);
            return SqliteRows.All(Scoped(page, scope, 9), SqliteRows.Artifact);
        },
        cancellationToken);

    public Task<IReadOnlyList<MetaflowArtifact>> ListNewestArtifactsAsync(MetaflowScope scope, MetaflowPlace? after, int limit, CancellationToken cancellationToken) => ReadAsync(
        db =>
        {
            var page = Before(db.Prepare(_sql["newest_of_" + Part(scope)]).Bind(1, scope.Flow).Bind(2, scope.Run), 3, after).Bind(5, after?.Name ?? "").Bind(6, limit);
            return SqliteRows.All(Scoped(page, scope, 7), SqliteRows.Artifact);
        },
        cancellationToken);

    public Task<MetaflowArtifact?> GetArtifactAsync(MetaflowScope task, string name, int? attempt, CancellationToken cancellationToken) => ReadAsync(
        db => SqliteRows.One(db.Prepare(_sql["artifact"]).Bind(1, task.Flow).Bind(2, task.Run).Bind(3, task.Step).Bind(4, task.Task).Bind(5, name).Bind(6, (long?)attempt), SqliteRows.Artifact),
        cancellationToken);

    public Task<IReadOnlyList<(long Number, string? Name)>> FindTasksAsync(string flow, long run, string step, string? field, string? pattern, CancellationToken cancellationToken)
    {
        var expression = pattern is null ? null : Expression(pattern);
        return ReadAsync<IReadOnlyList<(long Number, string? Name)>>(
            db =>
            {
                var found = new List<(long Number, string? Name)>();
                var values = db.Prepare(_sql["values_of_step"]).Bind(1, flow).Bind(2, run).Bind(3, step);
                while (values.Step())
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    if (found.Count > 0 && found[^1].Number == values.Long(0)) continue;
                    if ((field is null || values.Text(2) == field) && (expression is null || expression.IsMatch(values.Text(3)))) found.Add((values.Long(0), values.TextOrNull(1)));
                }
                return found;
            },
            cancellationToken);
    }

    /// <summary>Writes what is queued, then closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _reads.DisposeAsync().ConfigureAwait(false);
        await _queue.DisposeAsync().ConfigureAwait(false);
        _writer.Dispose();
    }

    private static SqliteMetaflow Open(string path, TimeProvider clock)
    {
        try
        {
            var writer = Database.Open(path, readOnly: false, _busyWait);
            try
            {
                Prepare(writer, path);
                return new SqliteMetaflow(path, writer, clock);
            }
            catch
            {
                writer.Dispose();
                throw;
            }
        }
        catch (SqliteFailure failure)
        {
            throw new DataDirectoryException(Trouble(path, failure), failure);
        }
    }

    // As the journal has it: readers never wait for the writer, and a commit that returned survives a power cut.
    private static void Prepare(Database writer, string path)
    {
        if (writer.Query("PRAGMA journal_mode = WAL") is var mode && mode != "wal")
            throw new DataDirectoryException($"The file system of {path} cannot hold it: SQLite's write-ahead log does not work there (mode {mode}). Use a local file system, not a network share.");
        writer.Execute("PRAGMA synchronous = FULL");
        writer.Execute("PRAGMA cache_size = -16384");
        var version = long.Parse(writer.Query(_sql["version"])!, System.Globalization.CultureInfo.InvariantCulture);
        if (version > Version) throw new JournalFormatException($"{path} has schema version {version}, and this release knows up to version {Version}. Start the release that wrote it, or a later one.");
        if (version == Version) return;
        if (writer.Query(_sql["tables"]) != "0") throw new DataDirectoryException($"{path} is a database, but none of Metaflow's metadata that Fanfare made. Move that file away.");
        writer.Execute($"BEGIN IMMEDIATE; {SqlText.Whole("metaflow_sqlite_0001.sql")} PRAGMA user_version = {Version}; COMMIT;");
    }

    private Task<MetaflowAnswer<TResult>> WriteAsync<TCommand, TResult>(TCommand command, int rows, CancellationToken cancellationToken) =>
        _queue.WriteAsync(new Write<TCommand, TResult>(command, _clock.GetUtcNow().ToUnixTimeMilliseconds(), rows), cancellationToken);

    private Task CommitAsync(IReadOnlyList<Write> batch)
    {
        try
        {
            _writer.Commit(batch);
            return Task.CompletedTask;
        }
        catch (SqliteFailure failure) when (failure.IsEnvironment)
        {
            throw new RefusedException(RefusalKind.Busy, "FAN0008", Trouble(_path, failure));
        }
    }

    private async Task<T> ReadAsync<T>(Func<Database, T> query, CancellationToken cancellationToken)
    {
        try
        {
            return await _reads.QueryAsync(query, cancellationToken).ConfigureAwait(false);
        }
        catch (DataDirectoryException error) when (error.InnerException is SqliteFailure failure)
        {
            throw new RefusedException(RefusalKind.Busy, "FAN0008", Trouble(_path, failure));
        }
        catch (RegexMatchTimeoutException)
        {
            throw new RefusedException(RefusalKind.Invalid, "FAN0001", $"The pattern took longer than {_longestMatch.TotalSeconds:0} s on one value. Give a simpler one.");
        }
    }

    private static string Trouble(string path, SqliteFailure failure) =>
        $"Metaflow's metadata in {path} cannot be read or written: {failure.Text}. Look at the file system's free space and at the rights of the file and its directory.";

    private static Regex Expression(string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant, _longestMatch);
        }
        catch (ArgumentException error)
        {
            throw new RefusedException(RefusalKind.Invalid, "FAN0001", $"The pattern is no regular expression: {error.Message}");
        }
    }

    private static MetaflowEnd End(Database db, MetaflowRun run)
    {
        var ok = SqliteRows.One(db.Prepare(_sql["end_ok"]).Bind(1, run.Flow).Bind(2, run.Number), s => new MetaflowEnd(s.Text(0), s.Long(1), null)) ?? new MetaflowEnd(null, null, null);
        var attempt = SqliteRows.All(db.Prepare(_sql["end_attempt"]).Bind(1, run.Flow).Bind(2, run.Number), s => s.Long(0));
        return attempt is [var at] ? ok with { AttemptMs = at } : ok;
    }

    private static Statement Before(Statement page, int place, MetaflowPlace? after) => page.Bind(place, after?.At ?? long.MaxValue).Bind(place + 1, after?.Number ?? long.MaxValue);

    private static string Part(MetaflowScope scope) => scope.Step is null ? "run" : scope.Task is null ? "step" : "task";

    private static Statement Scoped(Statement page, MetaflowScope scope, int place)
    {
        if (scope.Step is { } step) page.Bind(place, step);
        return scope.Task is { } task ? page.Bind(place + 1, task) : page;
    }
}
