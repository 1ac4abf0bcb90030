using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Metaflow.Postgres;

/// <summary>The statements of one commit: one for all writes of a kind, in the order in which kinds need each other, all in one network write and one implicit transaction.</summary>
internal sealed class PostgresBatch
{
    private static readonly SqlText _sql = SqlText.Load("metaflow_postgres.sql");

    private readonly NpgsqlBatch _batch;
    private readonly List<Action<NpgsqlDataReader>> _rows = [];

    private PostgresBatch(NpgsqlBatch batch) => _batch = batch;

    public static SqlText Sql => _sql;

    /// <summary>Writes all of it and answers each write, or throws; then nothing of it was written, unless the connection broke.</summary>
    public static async Task CommitAsync(NpgsqlConnection connection, IReadOnlyList<Write> writes)
    {
        await using var command = new NpgsqlBatch(connection);
        var batch = new PostgresBatch(command);
        batch.AddFlows([.. writes.OfType<Write<NewMetaflowFlow, MetaflowFlow>>()]);
        batch.AddRuns([.. writes.OfType<Write<NewMetaflowRun, MetaflowRun>>()]);
        batch.AddSteps([.. writes.OfType<Write<NewMetaflowStep, MetaflowStep>>()]);
        Write<NewMetaflowTask, MetaflowTask>[] tasks = [.. writes.OfType<Write<NewMetaflowTask, MetaflowTask>>()];
        batch.AddTasks(tasks);
        batch.AddMetadata([.. writes.OfType<Write<NewMetaflowMetadata, int>>()]);
        batch.AddArtifacts([.. writes.OfType<Write<NewMetaflowArtifacts, int>>()]);
        batch.Beat([.. writes.OfType<Write<MetaflowHeartbeat, bool>>()], [.. tasks.Where(task => task.Command.Beats)]);
        foreach (var change in writes.OfType<Write<MetaflowTagChange, IReadOnlyList<string>>>()) batch.ChangeTags(change);
        await batch.RunAsync().ConfigureAwait(false);
    }

    private async Task RunAsync()
    {
        await using var reader = await _batch.ExecuteReaderAsync().ConfigureAwait(false);
        for (var at = 0; at < _rows.Count; at++)
        {
            while (await reader.ReadAsync().ConfigureAwait(false)) _rows[at](reader);
            await reader.NextResultAsync().ConfigureAwait(false);
        }
    }

    /// <param name="read">Gets each row of the answer.</param>
    private void Add(string name, Action<NpgsqlDataReader> read, params NpgsqlParameter[] parameters)
    {
        var command = _batch.CreateBatchCommand();
        command.CommandText = _sql[name];
        foreach (var parameter in parameters) command.Parameters.Add(parameter);
        _batch.BatchCommands.Add(command);
        _rows.Add(read);
    }

    /// <summary>One statement for all writes of a kind. Those that its answer does not tell of are answered with <paramref name="otherwise"/>.</summary>
    private void AddAll<TCommand, TResult>(string name, Write<TCommand, TResult>[] writes, MetaflowOutcome otherwise, Func<Write<TCommand, TResult>, NpgsqlDataReader, MetaflowAnswer<TResult>> read, params NpgsqlParameter[] parameters)
    {
        if (writes.Length == 0) return;
        foreach (var write in writes) write.Answer(otherwise);
        Add(name, row => { if (row.GetInt64(0) is var ord && ord <= writes.Length) writes[ord - 1].Answer(read(writes[ord - 1], row)); }, parameters);
    }

    private void AddFlows(Write<NewMetaflowFlow, MetaflowFlow>[] writes) => AddAll(
        "add_flows", writes, MetaflowOutcome.Exists,
        (write, _) => new(MetaflowOutcome.Done, new MetaflowFlow(write.Command.Flow, write.Command.User, write.AtMs, write.Command.Tags, write.Command.SystemTags)),
        Text(writes, w => w.Command.Flow), Text(writes, w => w.Command.User), Number(writes, w => w.AtMs), Text(writes, w => w.Command.Tags), Text(writes, w => w.Command.SystemTags));

    private void AddRuns(Write<NewMetaflowRun, MetaflowRun>[] writes) => AddAll(
        "add_runs", writes, MetaflowOutcome.Missing,
        (write, row) => row.GetBoolean(2)
            ? new(MetaflowOutcome.Done, new MetaflowRun(write.Command.Flow, row.GetInt64(1), write.Command.Id, write.Command.User, write.AtMs, write.Command.Beats ? write.AtS : null, write.Command.Tags, write.Command.SystemTags))
            : new(MetaflowOutcome.Exists),
        Text(writes, w => w.Command.Flow), Text(writes, w => w.Command.Id), Text(writes, w => w.Command.User), Number(writes, w => w.AtMs), Number(writes, w => w.Command.Beats ? w.AtS : null),
        Text(writes, w => w.Command.Tags), Text(writes, w => w.Command.SystemTags));

    private void AddSteps(Write<NewMetaflowStep, MetaflowStep>[] writes) => AddAll(
        "add_steps", writes, MetaflowOutcome.Missing,
        (write, row) => row.GetBoolean(1) ? new(MetaflowOutcome.Done, new MetaflowStep(write.Command.Step, write.Command.User, write.AtMs), PostgresRows.Run(row, 2)) : new(MetaflowOutcome.Exists),
        [.. Run(writes, w => w.Command.Run), Text(writes, w => w.Command.Step), Text(writes, w => w.Command.User), Number(writes, w => w.AtMs), Text(writes, w => w.Command.Tags), Text(writes, w => w.Command.SystemTags)]);

    private void AddTasks(Write<NewMetaflowTask, MetaflowTask>[] writes) => AddAll(
        "add_tasks", writes, MetaflowOutcome.Missing,
        (write, row) => row.GetBoolean(1)
            ? new(MetaflowOutcome.Done, new MetaflowTask(write.Command.Step, row.GetInt64(10), write.Command.Name, write.Command.User, write.AtMs, write.Command.Beats ? write.AtS : null), PostgresRows.Run(row, 2))
            : new(MetaflowOutcome.Exists),
        [
            .. Run(writes, w => w.Command.Run), Text(writes, w => w.Command.Step), Text(writes, w => w.Command.Name), Text(writes, w => w.Command.User), Number(writes, w => w.AtMs),
            Number(writes, w => w.Command.Beats ? w.AtS : null), Text(writes, w => w.Command.Tags), Text(writes, w => w.Command.SystemTags),
        ]);

    private void AddMetadata(Write<NewMetaflowMetadata, int>[] writes)
    {
        (long Post, long At, NewMetaflowDatum Item)[] items = [.. writes.SelectMany((write, at) => write.Command.Items.Select(item => (at + 1L, write.AtMs, item)))];
        AddAll("add_metadata", writes, MetaflowOutcome.Missing, (write, _) => new(MetaflowOutcome.Done, write.Command.Items.Count),
            [
                .. Task(writes, w => w.Command.Task), Number(items, i => i.Post), Text(items, i => i.Item.Field), Text(items, i => i.Item.Value), Text(items, i => i.Item.Type), Text(items, i => i.Item.User),
                Number(items, i => i.At), Text(items, i => i.Item.Tags), Text(items, i => i.Item.SystemTags),
            ]);
    }

    private void AddArtifacts(Write<NewMetaflowArtifacts, int>[] writes)
    {
        (long Post, long At, NewMetaflowArtifact Item)[] items = [.. writes.SelectMany((write, at) => write.Command.Items.Select(item => (at + 1L, write.AtMs, item)))];
        AddAll("add_artifacts", writes, MetaflowOutcome.Missing, (_, row) => new(MetaflowOutcome.Done, (int)row.GetInt64(1)),
            [
                .. Task(writes, w => w.Command.Task), Number(items, i => i.Post), Text(items, i => i.Item.Name), Text(items, i => i.Item.Location), Text(items, i => i.Item.DsType), Text(items, i => i.Item.Sha),
                Text(items, i => i.Item.Type), Text(items, i => i.Item.ContentType), Text(items, i => i.Item.User), Small(items, i => (short)i.Item.Attempt), Number(items, i => i.At), Text(items, i => i.Item.Tags),
                Text(items, i => i.Item.SystemTags),
            ]);
    }

    // A task's heartbeat is its run's, too, and so is the start of one that will beat.
    private void Beat(Write<MetaflowHeartbeat, bool>[] writes, Write<NewMetaflowTask, MetaflowTask>[] started)
    {
        Write<MetaflowHeartbeat, bool>[] ofTasks = [.. writes.Where(w => w.Command.Task is not null)], ofRuns = [.. writes.Where(w => w.Command.Task is null)];
        AddAll("beat_tasks", ofTasks, MetaflowOutcome.Missing, (_, _) => new(MetaflowOutcome.Done, true), [.. Task(ofTasks, w => w.Command.Task!), Number(ofTasks, w => w.AtS)]);
        (MetaflowRunKey Run, long At)[] runs = [.. ofRuns.Concat(ofTasks).Select(w => (w.Command.Run, w.AtS)), .. started.Select(w => (w.Command.Run, w.AtS))];
        NpgsqlParameter[] parameters = [.. Run(runs, r => r.Run), Number(runs, r => r.At)];
        if (ofRuns.Length > 0) AddAll("beat_runs", ofRuns, MetaflowOutcome.Missing, (_, _) => new(MetaflowOutcome.Done, true), parameters);
        else if (runs.Length > 0) Add("beat_runs", _ => { }, parameters);
    }

    private void ChangeTags(Write<MetaflowTagChange, IReadOnlyList<string>> write)
    {
        var (run, add, remove) = write.Command;
        write.Answer(MetaflowOutcome.Missing);
        Add("change_tags", row => write.Answer(Changed(row.GetString(0), row.GetString(1), remove)),
            One(NpgsqlDbType.Text, run.Flow), One(NpgsqlDbType.Bigint, run.Number), One(NpgsqlDbType.Text, run.Id), Text(add, tag => tag), Text(remove, tag => tag));
    }

    private static MetaflowAnswer<IReadOnlyList<string>> Changed(string tags, string systemTags, IReadOnlyList<string> remove) =>
        Tags.Forbidden(systemTags, remove) is { Count: > 0 } forbidden ? new(MetaflowOutcome.Forbidden, forbidden) : new(MetaflowOutcome.Done, Tags.Read(tags));

    private static NpgsqlParameter[] Run<T>(IReadOnlyCollection<T> rows, Func<T, MetaflowRunKey> key) => [Text(rows, r => key(r).Flow), Number(rows, r => key(r).Number), Text(rows, r => key(r).Id)];

    private static NpgsqlParameter[] Task<T>(IReadOnlyCollection<T> rows, Func<T, MetaflowTaskKey> key) =>
        [.. Run(rows, r => key(r).Run), Text(rows, r => key(r).Step), Number(rows, r => key(r).Number), Text(rows, r => key(r).Name)];

    private static NpgsqlParameter<string?[]> Text<T>(IReadOnlyCollection<T> rows, Func<T, string?> value) => new() { TypedValue = [.. rows.Select(value)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text };

    private static NpgsqlParameter<long?[]> Number<T>(IReadOnlyCollection<T> rows, Func<T, long?> value) => new() { TypedValue = [.. rows.Select(value)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint };

    private static NpgsqlParameter<short[]> Small<T>(IReadOnlyCollection<T> rows, Func<T, short> value) => new() { TypedValue = [.. rows.Select(value)], NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Smallint };

    private static NpgsqlParameter One(NpgsqlDbType type, object? value) => new() { NpgsqlDbType = type, Value = value ?? DBNull.Value };
}
