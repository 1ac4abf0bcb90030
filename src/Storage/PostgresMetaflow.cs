using Fanfare.Contracts;
using Fanfare.Storage.Metaflow;
using Fanfare.Storage.Metaflow.Postgres;
using Fanfare.Storage.Postgres;
using Fanfare.Storage.Postgres.Read;
using Npgsql;

namespace Fanfare.Storage;

/// <summary>Metaflow's metadata in a PostgreSQL database, in a schema beside the journal's. Any number of servers read and write it at the same time: nobody owns any of it.</summary>
public sealed class PostgresMetaflow : IMetaflowStore
{
    private readonly TimeProvider _clock;
    private readonly NpgsqlDataSource _readers, _writers;
    private readonly ReadQueries _reads;
    private readonly PostgresWriter _writer;
    private readonly WriteQueue _queue;
    private int _disposed;

    private PostgresMetaflow(PostgresSessions sessions, TimeProvider clock)
    {
        (_clock, _readers, _writers) = (clock, sessions.MetaflowReaders(), sessions.Writers());
        (_reads, _writer) = (new ReadQueries(_readers), new PostgresWriter(_writers));
        _queue = new WriteQueue(_writer.CommitAsync);
    }

    /// <summary>Brings the schema up to date, and is ready to be used.</summary>
    /// <param name="connectionString">Npgsql's, as for <see cref="PostgresElection.JoinAsync"/>. The tables lie in the schema <c>metaflow</c>; beside a journal in a schema other than <c>fanfare</c>, in one that is named after it.</param>
    /// <exception cref="StoreUnavailableException">The database cannot be reached or used; the message says what to do.</exception>
    /// <exception cref="JournalFormatException">A newer release made it.</exception>
    public static async Task<PostgresMetaflow> OpenAsync(string connectionString, TimeProvider clock, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(clock);
        var sessions = new PostgresSessions(connectionString);
        await PostgresDatabase.MigrateAsync(sessions, cancellationToken).ConfigureAwait(false);
        return new PostgresMetaflow(sessions.ForMetaflow(), clock);
    }

    public Task CheckAsync(CancellationToken cancellationToken) => AllAsync(Sql("check"), row => row.GetInt32(0), cancellationToken);

    public Task<MetaflowAnswer<MetaflowFlow>> AddAsync(NewMetaflowFlow flow, CancellationToken cancellationToken) => WriteAsync<NewMetaflowFlow, MetaflowFlow>(flow, 1, cancellationToken);

    public Task<MetaflowAnswer<MetaflowRun>> AddAsync(NewMetaflowRun run, CancellationToken cancellationToken) => WriteAsync<NewMetaflowRun, MetaflowRun>(run, 1, cancellationToken);

    public Task<MetaflowAnswer<MetaflowStep>> AddAsync(NewMetaflowStep step, CancellationToken cancellationToken) => WriteAsync<NewMetaflowStep, MetaflowStep>(step, 1, cancellationToken);

    public Task<MetaflowAnswer<MetaflowTask>> AddAsync(NewMetaflowTask task, CancellationToken cancellationToken) => WriteAsync<NewMetaflowTask, MetaflowTask>(task, 1, cancellationToken);

    public Task<MetaflowAnswer<int>> AddAsync(NewMetaflowMetadata metadata, CancellationToken cancellationToken) => WriteAsync<NewMetaflowMetadata, int>(metadata, metadata.Items.Count, cancellationToken);

    public Task<MetaflowAnswer<int>> AddAsync(NewMetaflowArtifacts artifacts, CancellationToken cancellationToken) => WriteAsync<NewMetaflowArtifacts, int>(artifacts, artifacts.Items.Count, cancellationToken);

    public Task<MetaflowAnswer<bool>> BeatAsync(MetaflowHeartbeat heartbeat, CancellationToken cancellationToken) => WriteAsync<MetaflowHeartbeat, bool>(heartbeat, 1, cancellationToken);

    public Task<MetaflowAnswer<IReadOnlyList<string>>> ChangeTagsAsync(MetaflowTagChange change, CancellationToken cancellationToken) =>
        WriteAsync<MetaflowTagChange, IReadOnlyList<string>>(change, 1, cancellationToken);

    public Task<MetaflowFlow?> GetFlowAsync(string flow, CancellationToken cancellationToken) => OneAsync(Sql("flow").With(flow), PostgresRows.Flow, cancellationToken);

    public Task<IReadOnlyList<MetaflowFlow>> ListFlowsAsync(MetaflowPlace? after, int limit, CancellationToken cancellationToken) =>
        AllAsync(Sql("flows").With(after?.At ?? long.MaxValue).With(after?.Name ?? "").With((long)limit), PostgresRows.Flow, cancellationToken);

    public Task<MetaflowRun?> GetRunAsync(MetaflowRunKey run, CancellationToken cancellationToken) => OneAsync(
        run.Number is { } number ? Sql("run_by_number").With(run.Flow).With(number) : Sql("run_by_id").With(run.Flow).With(run.Id), PostgresRows.Run, cancellationToken);

    public Task<IReadOnlyList<MetaflowRun>> ListRunsAsync(string flow, bool withEnd, MetaflowPlace? after, int limit, CancellationToken cancellationToken) => AllAsync<MetaflowRun>(
        Before(Sql(withEnd ? "runs_with_end" : "runs").With(flow), after).With((long)limit), withEnd ? PostgresRows.RunWithEnd : PostgresRows.Run, cancellationToken);

    public Task<MetaflowStep?> GetStepAsync(string flow, long run, string step, CancellationToken cancellationToken) =>
        OneAsync(Sql("step").With(flow).With(run).With(step), PostgresRows.Step, cancellationToken);

    public Task<IReadOnlyList<MetaflowStep>> ListStepsAsync(string flow, long run, CancellationToken cancellationToken) => AllAsync(Sql("steps").With(flow).With(run), PostgresRows.Step, cancellationToken);

    public async Task<MetaflowTask?> GetTaskAsync(MetaflowTaskKey task, CancellationToken cancellationToken)
    {
        if ((task.Run.Number ?? (await GetRunAsync(task.Run, cancellationToken).ConfigureAwait(false))?.Number) is not { } run) return null;
        var command = Sql(task.Number is null ? "task_by_name" : "task_by_number").With(task.Run.Flow).With(run).With(task.Step);
        return await OneAsync(task.Number is { } number ? command.With(number) : command.With(task.Name), PostgresRows.Task, cancellationToken).ConfigureAwait(false);
    }

    public Task<IReadOnlyList<MetaflowTask>> ListTasksAsync(string flow, long run, string step, MetaflowPlace? after, int limit, CancellationToken cancellationToken) =>
        AllAsync(Before(Sql("tasks").With(flow).With(run).With(step), after).With((long)limit), PostgresRows.Task, cancellationToken);

    public Task<IReadOnlyList<MetaflowDatum>> ListMetadataAsync(MetaflowScope scope, MetaflowPlace? after, int limit, CancellationToken cancellationToken)
    {
        var command = Before(Sql(scope.Task is null ? "metadata_of_run" : "metadata_of_task").With(scope.Flow).With(scope.Run), after).With((long)limit);
        return AllAsync(scope.Task is { } task ? command.With(scope.Step).With(task) : command, PostgresRows.Datum, cancellationToken);
    }

    public Task<IReadOnlyList<MetaflowArtifact>> ListArtifactsAsync(MetaflowScope scope, int? attempt, MetaflowPlace? after, int limit, CancellationToken cancellationToken)
    {
        var command = Sql("artifacts_of_" + Part(scope)).With(scope.Flow).With(scope.Run).With((short?)attempt).With(after?.Step ?? "").With(after?.Number ?? -1).With((short?)(after?.At ?? -1)).With(after?.Name ?? "").With((long)limit);
        return AllAsync(Scoped(command, scope), PostgresRows.Artifact, cancellationToken);
    }

    public Task<IReadOnlyList<MetaflowArtifact>> ListNewestArtifactsAsync(MetaflowScope scope, MetaflowPlace? after, int limit, CancellationToken cancellationToken)
    {
        var command = Before(Sql("newest_of_" + Part(scope)).With(scope.Flow).With(scope.Run), after).With(after?.Name ?? "").With((long)limit);
        return AllAsync(Scoped(command, scope), PostgresRows.Artifact, cancellationToken);
    }

    public Task<MetaflowArtifact?> GetArtifactAsync(MetaflowScope task, string name, int? attempt, CancellationToken cancellationToken) => OneAsync(
        Sql("artifact").With(task.Flow).With(task.Run).With(task.Step).With(task.Task!.Value).With(name).With((short?)attempt), PostgresRows.Artifact, cancellationToken);

    public async Task<IReadOnlyList<(long Number, string? Name)>> FindTasksAsync(string flow, long run, string step, string? field, string? pattern, CancellationToken cancellationToken)
    {
        try
        {
            return await AllAsync(Sql("tasks_by_metadata").With(flow).With(run).With(step).With(field).With(pattern), row => (row.GetInt64(0), row.IsDBNull(1) ? null : row.GetString(1)), cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InvalidRegularExpression)
        {
            throw new RefusedException(RefusalKind.Invalid, "FAN0001", $"The pattern is no regular expression: {refused.MessageText}.");
        }
    }

    /// <summary>Writes what is queued, then closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0) return;
        await _queue.DisposeAsync().ConfigureAwait(false);
        await _writer.DisposeAsync().ConfigureAwait(false);
        await _writers.DisposeAsync().ConfigureAwait(false);
        await _readers.DisposeAsync().ConfigureAwait(false);
    }

    private Task<MetaflowAnswer<TResult>> WriteAsync<TCommand, TResult>(TCommand command, int rows, CancellationToken cancellationToken) =>
        _queue.WriteAsync(new Write<TCommand, TResult>(command, _clock.GetUtcNow().ToUnixTimeMilliseconds(), rows), cancellationToken);

    private async Task<T?> OneAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
        where T : class => await AllAsync(command, read, cancellationToken).ConfigureAwait(false) is [var first, ..] ? first : null;

    private async Task<IReadOnlyList<T>> AllAsync<T>(NpgsqlCommand command, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        try
        {
            return await _reads.AllAsync(command, read, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreUnavailableException error)
        {
            throw new RefusedException(RefusalKind.Busy, "FAN0008", error.Message);
        }
    }

    private static NpgsqlCommand Sql(string name) => new(PostgresBatch.Sql[name]);

    private static NpgsqlCommand Before(NpgsqlCommand command, MetaflowPlace? after) => command.With(after?.At ?? long.MaxValue).With(after?.Number ?? long.MaxValue);

    private static string Part(MetaflowScope scope) => scope.Step is null ? "run" : scope.Task is null ? "step" : "task";

    private static NpgsqlCommand Scoped(NpgsqlCommand command, MetaflowScope scope)
    {
        if (scope.Step is { } step) command.With(step);
        return scope.Task is { } task ? command.With(task) : command;
    }
}
