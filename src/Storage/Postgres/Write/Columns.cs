using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres.Write;

/// <summary>Rows on their way into one table, a list for each column. Many travel as arrays, which the statement puts side by side again; to take those apart costs PostgreSQL more than a row, so a few go
/// one by one.</summary>
internal abstract class Columns
{
    /// <summary>Rows that go one by one. Of a wide table, arrays of one row each take 60 us more than the row itself, and a further statement 30.</summary>
    private const int Few = 2;

    private readonly List<Column> _columns = [];
    private readonly List<NpgsqlBatchCommand> _rows = [];
    private readonly NpgsqlBatchCommand _all;
    private readonly string _sqlOfRow;

    protected Columns(string sql) => (_all, _sqlOfRow) = (new NpgsqlBatchCommand(sql), OneRow.Of(sql));

    public bool IsEmpty => _columns[0].Count == 0;

    public void Clear()
    {
        foreach (var column in _columns) column.Clear();
    }

    /// <summary>Adds what writes the rows.</summary>
    public void AddTo(NpgsqlBatch batch)
    {
        var count = _columns[0].Count;
        if (count > Few)
        {
            batch.BatchCommands.Add(_all);
            return;
        }
        for (var row = 0; row < count; row++)
        {
            if (row == _rows.Count) _rows.Add(RowCommand());
            for (var i = 0; i < _columns.Count; i++) _columns[i].Put(row, _rows[row].Parameters[i]);
            batch.BatchCommands.Add(_rows[row]);
        }
    }

    protected List<T> Column<T>(NpgsqlDbType type) => Add(new Column<T>(type));

    /// <summary>Travels as a whole, whatever the number of rows; they tell their part of it.</summary>
    protected List<T> Whole<T>(NpgsqlDbType type) => Add(new WholeColumn<T>(type));

    private List<T> Add<T>(Column<T> column)
    {
        _columns.Add(column);
        _all.Parameters.Add(column.All());
        return column.Values;
    }

    private NpgsqlBatchCommand RowCommand()
    {
        var command = new NpgsqlBatchCommand(_sqlOfRow);
        foreach (var column in _columns) command.Parameters.Add(column.One());
        return command;
    }

    protected static string? Json(IReadOnlyList<Artifact>? artifacts) => artifacts is null ? null : JsonSerializer.Serialize(artifacts, ContractsJson.Default.IReadOnlyListArtifact);

    protected static string? Json(TaskError? error) => error is null ? null : JsonSerializer.Serialize(error, ContractsJson.Default.TaskError);
}

internal sealed class NewStreams : Columns
{
    private readonly List<long> _id;
    private readonly List<string> _name;
    private readonly List<long?> _run;
    private readonly List<long> _head, _epoch;
    private readonly List<short> _shard;

    public NewStreams(SqlText sql)
        : base(sql["add_streams"])
    {
        _id = Column<long>(NpgsqlDbType.Bigint);
        _name = Column<string>(NpgsqlDbType.Text);
        _run = Column<long?>(NpgsqlDbType.Bigint);
        _head = Column<long>(NpgsqlDbType.Bigint);
        _epoch = Column<long>(NpgsqlDbType.Bigint);
        _shard = Column<short>(NpgsqlDbType.Smallint);
    }

    public void Add(StreamEntry entry, StreamId stream, long head, long epoch)
    {
        _id.Add(entry.Id);
        _name.Add(stream.ToString());
        _run.Add(entry.RunId);
        _shard.Add((short)entry.Shard);
        _head.Add(head);
        _epoch.Add(epoch);
    }
}

internal sealed class MovedHeads : Columns
{
    private readonly List<long> _id, _expected, _head, _epoch;

    public MovedHeads(SqlText sql)
        : base(sql["move_heads"])
    {
        _id = Column<long>(NpgsqlDbType.Bigint);
        _expected = Column<long>(NpgsqlDbType.Bigint);
        _head = Column<long>(NpgsqlDbType.Bigint);
        _epoch = Column<long>(NpgsqlDbType.Bigint);
    }

    public void Add(long id, Append append)
    {
        _id.Add(id);
        _expected.Add(append.ExpectedSequence);
        _head.Add(append.ExpectedSequence + append.Events.Count);
        _epoch.Add(append.Epoch);
    }
}

internal sealed class NewEvents : Columns
{
    private readonly List<long> _position, _stream, _sequence;
    private readonly List<long?> _run;
    private readonly List<long> _at;
    private readonly List<int> _events;
    private readonly List<string> _actor;
    private readonly List<short> _version;
    private readonly List<byte[]> _payload;

    public NewEvents(SqlText sql)
        : base(sql["add_events"])
    {
        _position = Column<long>(NpgsqlDbType.Bigint);
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _sequence = Column<long>(NpgsqlDbType.Bigint);
        _run = Column<long?>(NpgsqlDbType.Bigint);
        _at = Column<long>(NpgsqlDbType.Bigint);
        _events = Column<int>(NpgsqlDbType.Integer);
        _actor = Column<string>(NpgsqlDbType.Text);
        _version = Column<short>(NpgsqlDbType.Smallint);
        _payload = Column<byte[]>(NpgsqlDbType.Bytea);
    }

    public (long Stream, long Sequence, long Position) First => (_stream[0], _sequence[0], _position[0]);

    /// <param name="position">Of the frame's last event.</param>
    /// <param name="last">The frame's last event.</param>
    public void Add(long position, StreamEntry stream, JournalEvent last, EventFrame frame)
    {
        _position.Add(position);
        _stream.Add(stream.Id);
        _sequence.Add(last.Sequence);
        _run.Add(stream.RunId);
        _at.Add(Instant.ToMicroseconds(last.At));
        _events.Add(frame.Count);
        _actor.Add(HeldText.Of(last.Actor));
        _version.Add((short)frame.Format);
        _payload.Add(frame.Payload);
    }
}

internal sealed class PutWakes : Columns
{
    private readonly List<long> _stream, _due, _acknowledged;

    public PutWakes(SqlText sql)
        : base(sql["put_wakes"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _due = Column<long>(NpgsqlDbType.Bigint);
        _acknowledged = Column<long>(NpgsqlDbType.Bigint);
    }

    public void Add(long stream, Wake wake)
    {
        _stream.Add(stream);
        _due.Add(Instant.ToMicroseconds(wake.Due));
        _acknowledged.Add(wake.Acknowledged);
    }
}

/// <summary>Streams, and a number within each: a split, a grant.</summary>
internal sealed class StreamParts : Columns
{
    private readonly List<long> _stream, _part;

    public StreamParts(string sql)
        : base(sql)
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _part = Column<long>(NpgsqlDbType.Bigint);
    }

    public void Add(long stream, long part)
    {
        _stream.Add(stream);
        _part.Add(part);
    }
}

/// <summary>Streams alone.</summary>
internal sealed class StreamIds : Columns
{
    private readonly List<long> _stream;

    public StreamIds(string sql)
        : base(sql) => _stream = Column<long>(NpgsqlDbType.Bigint);

    public void Add(long stream) => _stream.Add(stream);
}

/// <summary>Tasks that succeeded at once.</summary>
internal sealed class AddTasks : Columns
{
    private readonly List<long> _stream, _run, _leased;
    private readonly List<int> _split;
    private readonly List<string> _worker, _token;
    private readonly List<string?> _output, _artifacts;
    private readonly List<long?> _started, _ended;

    public AddTasks(SqlText sql)
        : base(sql["add_tasks"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _split = Column<int>(NpgsqlDbType.Integer);
        _run = Column<long>(NpgsqlDbType.Bigint);
        _worker = Column<string>(NpgsqlDbType.Text);
        _leased = Column<long>(NpgsqlDbType.Bigint);
        _started = Column<long?>(NpgsqlDbType.Bigint);
        _ended = Column<long?>(NpgsqlDbType.Bigint);
        _output = Column<string?>(NpgsqlDbType.Text);
        _artifacts = Column<string?>(NpgsqlDbType.Text);
        _token = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, TaskRow row)
    {
        _stream.Add(stream.Id);
        _split.Add(row.Split);
        _run.Add(stream.RunId!.Value);
        _worker.Add(HeldText.Of(row.Worker!));
        _leased.Add(Instant.ToMicroseconds(row.LeasedAt!.Value));
        _started.Add(Instant.ToMicroseconds(row.StartedAt));
        _ended.Add(Instant.ToMicroseconds(row.EndedAt));
        _output.Add(HeldText.OfNullable(row.Output));
        _artifacts.Add(Json(row.Artifacts));
        _token.Add(HeldText.Of(row.Token!));
    }
}

internal sealed class PutTasks : Columns
{
    private readonly List<long> _stream, _run;
    private readonly List<int> _split, _attempt;
    private readonly List<short> _status;
    private readonly List<string?> _worker, _error, _output, _artifacts;
    private readonly List<long?> _leased, _started, _ended;

    public PutTasks(SqlText sql)
        : base(sql["put_tasks"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _split = Column<int>(NpgsqlDbType.Integer);
        _run = Column<long>(NpgsqlDbType.Bigint);
        _status = Column<short>(NpgsqlDbType.Smallint);
        _attempt = Column<int>(NpgsqlDbType.Integer);
        _worker = Column<string?>(NpgsqlDbType.Text);
        _leased = Column<long?>(NpgsqlDbType.Bigint);
        _started = Column<long?>(NpgsqlDbType.Bigint);
        _ended = Column<long?>(NpgsqlDbType.Bigint);
        _error = Column<string?>(NpgsqlDbType.Text);
        _output = Column<string?>(NpgsqlDbType.Text);
        _artifacts = Column<string?>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, TaskRow row)
    {
        _stream.Add(stream.Id);
        _split.Add(row.Split);
        _run.Add(stream.RunId!.Value);
        _status.Add((short)Codes.Of(row.Status));
        _attempt.Add(row.Attempt);
        _worker.Add(HeldText.OfNullable(row.Worker));
        _leased.Add(Instant.ToMicroseconds(row.LeasedAt));
        _started.Add(Instant.ToMicroseconds(row.StartedAt));
        _ended.Add(Instant.ToMicroseconds(row.EndedAt));
        _error.Add(Json(row.Error));
        _output.Add(HeldText.OfNullable(row.Output));
        _artifacts.Add(Json(row.Artifacts));
    }
}

internal sealed class PutGrants : Columns
{
    private readonly List<long> _stream, _grant, _run, _leased;
    private readonly List<string> _worker, _tokens;
    private readonly List<int> _splits, _first, _last;

    public PutGrants(SqlText sql)
        : base(sql["put_grants"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _grant = Column<long>(NpgsqlDbType.Bigint);
        _run = Column<long>(NpgsqlDbType.Bigint);
        _worker = Column<string>(NpgsqlDbType.Text);
        _leased = Column<long>(NpgsqlDbType.Bigint);
        _splits = Whole<int>(NpgsqlDbType.Integer);
        _first = Column<int>(NpgsqlDbType.Integer);
        _last = Column<int>(NpgsqlDbType.Integer);
        _tokens = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, GrantRow row)
    {
        _stream.Add(stream.Id);
        _grant.Add(row.Grant);
        _run.Add(stream.RunId!.Value);
        _worker.Add(HeldText.Of(row.Worker));
        _leased.Add(Instant.ToMicroseconds(row.LeasedAt));
        // The splits of all grants travel as one array, since an array of arrays must be a rectangle.
        _first.Add(_splits.Count + 1);
        _splits.AddRange(row.Tasks.Select(task => task.Split));
        _last.Add(_splits.Count);
        _tokens.Add(HeldText.Of(string.Join(' ', row.Tasks.Select(task => task.Token))));
    }
}

internal sealed class PutAttempts : Columns
{
    private readonly List<long> _stream, _leased;
    private readonly List<int> _split, _attempt;
    private readonly List<short> _status;
    private readonly List<string> _worker, _token;
    private readonly List<long?> _started, _ended;
    private readonly List<string?> _error;

    public PutAttempts(SqlText sql)
        : base(sql["put_attempts"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _split = Column<int>(NpgsqlDbType.Integer);
        _attempt = Column<int>(NpgsqlDbType.Integer);
        _status = Column<short>(NpgsqlDbType.Smallint);
        _worker = Column<string>(NpgsqlDbType.Text);
        _token = Column<string>(NpgsqlDbType.Text);
        _leased = Column<long>(NpgsqlDbType.Bigint);
        _started = Column<long?>(NpgsqlDbType.Bigint);
        _ended = Column<long?>(NpgsqlDbType.Bigint);
        _error = Column<string?>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, AttemptRow row)
    {
        _stream.Add(stream.Id);
        _split.Add(row.Split);
        _attempt.Add(row.Attempt);
        _status.Add((short)Codes.Of(row.Status));
        _worker.Add(HeldText.Of(row.Worker));
        _token.Add(HeldText.Of(row.Token));
        _leased.Add(Instant.ToMicroseconds(row.LeasedAt));
        _started.Add(Instant.ToMicroseconds(row.StartedAt));
        _ended.Add(Instant.ToMicroseconds(row.EndedAt));
        _error.Add(Json(row.Error));
    }
}

internal sealed class PutSteps : Columns
{
    private readonly List<long> _stream, _run, _opened;
    private readonly List<string> _step;
    private readonly List<short> _status;
    private readonly List<bool> _inForeach;
    private readonly List<int> _total, _running, _backoff, _succeeded, _failed, _cancelled;
    private readonly List<long?> _ended;

    public PutSteps(SqlText sql)
        : base(sql["put_steps"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _run = Column<long>(NpgsqlDbType.Bigint);
        _step = Column<string>(NpgsqlDbType.Text);
        _status = Column<short>(NpgsqlDbType.Smallint);
        _inForeach = Column<bool>(NpgsqlDbType.Boolean);
        _total = Column<int>(NpgsqlDbType.Integer);
        _running = Column<int>(NpgsqlDbType.Integer);
        _backoff = Column<int>(NpgsqlDbType.Integer);
        _succeeded = Column<int>(NpgsqlDbType.Integer);
        _failed = Column<int>(NpgsqlDbType.Integer);
        _cancelled = Column<int>(NpgsqlDbType.Integer);
        _opened = Column<long>(NpgsqlDbType.Bigint);
        _ended = Column<long?>(NpgsqlDbType.Bigint);
    }

    public void Add(StreamEntry stream, StepRow row)
    {
        _stream.Add(stream.Id);
        _run.Add(stream.RunId!.Value);
        _step.Add(row.Key.Step);
        _status.Add((short)Codes.Of(row.Status));
        _inForeach.Add(row.InForeach);
        _total.Add(row.Total);
        _running.Add(row.Running);
        _backoff.Add(row.Backoff);
        _succeeded.Add(row.Succeeded);
        _failed.Add(row.Failed);
        _cancelled.Add(row.Cancelled);
        _opened.Add(Instant.ToMicroseconds(row.OpenedAt));
        _ended.Add(Instant.ToMicroseconds(row.EndedAt));
    }
}

internal sealed class PutRuns : Columns
{
    private readonly List<long> _stream, _created;
    private readonly List<string> _ns, _run, _flow, _parameters, _tags, _actor;
    private readonly List<int> _deployment, _priority, _generation;
    private readonly List<short> _status;
    private readonly List<string?> _key, _error;
    private readonly List<long?> _ended;

    public PutRuns(SqlText sql)
        : base(sql["put_runs"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _ns = Column<string>(NpgsqlDbType.Text);
        _run = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _deployment = Column<int>(NpgsqlDbType.Integer);
        _status = Column<short>(NpgsqlDbType.Smallint);
        _parameters = Column<string>(NpgsqlDbType.Text);
        _tags = Column<string>(NpgsqlDbType.Text);
        _priority = Column<int>(NpgsqlDbType.Integer);
        _key = Column<string?>(NpgsqlDbType.Text);
        _actor = Column<string>(NpgsqlDbType.Text);
        _generation = Column<int>(NpgsqlDbType.Integer);
        _created = Column<long>(NpgsqlDbType.Bigint);
        _ended = Column<long?>(NpgsqlDbType.Bigint);
        _error = Column<string?>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, RunRow row)
    {
        _stream.Add(stream.Id);
        _ns.Add(row.Namespace);
        _run.Add(row.Run);
        _flow.Add(row.Flow);
        _deployment.Add(row.Deployment);
        _status.Add((short)Codes.Of(row.Status));
        _parameters.Add(HeldText.Of(row.Parameters));
        // As they stand in the rows of the tags, which are found by them.
        _tags.Add(JsonSerializer.Serialize([.. row.Tags.Select(HeldText.Of)], ContractsJson.Default.IReadOnlyListString));
        _priority.Add(row.Priority);
        _key.Add(HeldText.OfNullable(row.IdempotencyKey));
        _actor.Add(HeldText.Of(row.Actor));
        _generation.Add(row.Generation);
        _created.Add(Instant.ToMicroseconds(row.CreatedAt));
        _ended.Add(Instant.ToMicroseconds(row.EndedAt));
        _error.Add(Json(row.Error));
    }
}

internal sealed class AddRunTags : Columns
{
    private readonly List<string> _ns, _tag;
    private readonly List<long> _created, _run;

    public AddRunTags(SqlText sql)
        : base(sql["add_run_tags"])
    {
        _ns = Column<string>(NpgsqlDbType.Text);
        _tag = Column<string>(NpgsqlDbType.Text);
        _created = Column<long>(NpgsqlDbType.Bigint);
        _run = Column<long>(NpgsqlDbType.Bigint);
    }

    public void Add(StreamEntry stream, RunRow row)
    {
        foreach (var tag in row.Tags)
        {
            _ns.Add(row.Namespace);
            _tag.Add(HeldText.Of(tag));
            _created.Add(Instant.ToMicroseconds(row.CreatedAt));
            _run.Add(stream.Id);
        }
    }
}

internal sealed class PutDeployments : Columns
{
    private readonly List<long> _stream, _created;
    private readonly List<string> _ns, _flow, _digest, _spec, _source, _actor;
    private readonly List<int> _version;
    private readonly List<string?> _package;

    public PutDeployments(SqlText sql)
        : base(sql["put_deployments"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _ns = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _version = Column<int>(NpgsqlDbType.Integer);
        _digest = Column<string>(NpgsqlDbType.Text);
        _spec = Column<string>(NpgsqlDbType.Text);
        _source = Column<string>(NpgsqlDbType.Text);
        _package = Column<string?>(NpgsqlDbType.Text);
        _created = Column<long>(NpgsqlDbType.Bigint);
        _actor = Column<string>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, DeploymentRow row)
    {
        _stream.Add(stream.Id);
        _ns.Add(row.Namespace);
        _flow.Add(row.Flow);
        _version.Add(row.Version);
        _digest.Add(HeldText.Of(row.Digest));
        _spec.Add(HeldText.Of(row.Spec));
        _source.Add(HeldText.Of(row.Source));
        _package.Add(HeldText.OfNullable(row.Package));
        _created.Add(Instant.ToMicroseconds(row.CreatedAt));
        _actor.Add(HeldText.Of(row.Actor));
    }
}

internal sealed class PutSchedules : Columns
{
    private readonly List<long> _stream;
    private readonly List<long?> _due;
    private readonly List<string> _ns, _flow, _name;
    private readonly List<string?> _standing;

    public PutSchedules(SqlText sql)
        : base(sql["put_schedules"])
    {
        _stream = Column<long>(NpgsqlDbType.Bigint);
        _ns = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _name = Column<string>(NpgsqlDbType.Text);
        _due = Column<long?>(NpgsqlDbType.Bigint);
        _standing = Column<string?>(NpgsqlDbType.Text);
    }

    public void Add(StreamEntry stream, ScheduleRow row)
    {
        _stream.Add(stream.Id);
        _ns.Add(row.Namespace);
        _flow.Add(row.Flow);
        _name.Add(row.Schedule);
        _due.Add(Instant.ToMicroseconds(row.Due));
        _standing.Add(HeldText.OfNullable(Standings.Write(row.Standing)));
    }
}

internal sealed class DeleteDeployments : Columns
{
    private readonly List<string> _ns, _flow;
    private readonly List<int> _first, _last;
    private readonly List<long> _deleted;

    public DeleteDeployments(SqlText sql)
        : base(sql["delete_deployments"])
    {
        _ns = Column<string>(NpgsqlDbType.Text);
        _flow = Column<string>(NpgsqlDbType.Text);
        _first = Column<int>(NpgsqlDbType.Integer);
        _last = Column<int>(NpgsqlDbType.Integer);
        _deleted = Column<long>(NpgsqlDbType.Bigint);
    }

    public void Add(DeletionRow row)
    {
        _ns.Add(row.Namespace);
        _flow.Add(row.Flow);
        _first.Add(row.First);
        _last.Add(row.Last);
        _deleted.Add(Instant.ToMicroseconds(row.DeletedAt));
    }
}
