using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Postgres.Leading;
using Fanfare.Storage.Postgres.Read;
using Fanfare.Storage.Postgres.Retain;
using Fanfare.Storage.Postgres.Write;
using Npgsql;

namespace Fanfare.Storage.Postgres;

/// <summary>The journal in PostgreSQL, of the server that leads, or of one of several nodes.</summary>
internal sealed class PostgresJournal : IJournal
{
    /// <summary>Streams that are read together, as when a node wakes what another left; and queries for them at a time.</summary>
    private const int MostTogether = 250, LookupsAtOnce = 4;

    /// <summary>Events of a stream that is read alone.</summary>
    private const int LongStream = 1000;

    private static readonly SqlText _sql = SqlText.Load("postgres_journal.sql");

    private readonly IOwnership _ownership;
    private readonly Func<int> _format;
    private readonly StreamCache _streams;
    private readonly VisiblePosition _visible = new();
    private readonly Numbers _positions;
    private readonly ReadQueries _reads;
    private readonly Gathering<string, Head> _heads;
    private readonly Gathering<(long Id, string Name), List<JournalEvent>> _events;
    private readonly WakeScan _wakes;
    private readonly GroupCommit _commits;

    /// <param name="ownership">Of which streams.</param>
    /// <param name="format">The newest in which events may be written.</param>
    /// <param name="positionBlock">A block of positions of its own, above all that were used in what it owns.</param>
    /// <param name="reads">Pooled connections for queries.</param>
    /// <param name="writes">Makes connections that commit.</param>
    /// <param name="slots">One for each of them.</param>
    /// <param name="deposed">Cancelled when another server is known to lead, or this node to have been put out.</param>
    public PostgresJournal(
        string incarnation, IOwnership ownership, Func<int> format, long positionBlock, NpgsqlDataSource reads, NpgsqlDataSource writes, IEnumerable<WriterSlot> slots, string database, TimeProvider clock, Action<string> log, CancellationToken deposed)
    {
        (_reads, _ownership, _format, _streams, Incarnation) = (new ReadQueries(reads), ownership, format, new StreamCache(capacity: 32_000, ownership), incarnation);
        _wakes = new WakeScan(WakesAsync);
        (_heads, _events) = (new(HeadsAsync, MostTogether, LookupsAtOnce), new(FramesAsync, MostTogether, LookupsAtOnce));
        (_positions, var streamIds) = (Writer.Positions(_visible), Writer.StreamIds());
        BeginAt(positionBlock);
        _commits = new GroupCommit(
            [.. slots.Select(slot => new Writer(slot, writes, _streams, _positions, streamIds, _visible))],
            _streams, _visible, database, clock, log, (position, runs) => Committed?.Invoke(position, runs), deposed);
    }

    public event Action<long, IReadOnlyCollection<(string Namespace, string Run)>>? Committed;

    public string Incarnation { get; }

    public int Format => _format();

    public string? Health => _commits.Health;

    /// <summary>Readers see every event up to here.</summary>
    public long Position => _visible.Value;

    public async Task<OpenedStream> OpenAsync(StreamId stream, CancellationToken cancellationToken)
    {
        // The fence stands before the head is read: an append of an earlier activation either is in what is read, or fails. Nothing else writes
        // to the stream, so head and events are read one after the other.
        var epoch = _streams.Open(stream);
        await _commits.QuietAsync(stream, cancellationToken).ConfigureAwait(false);
        if (_streams.IsUnmade(stream)) return new OpenedStream(0, epoch, long.MaxValue, []);
        var name = stream.ToString();
        var head = await _heads.GetAsync(name, cancellationToken).ConfigureAwait(false);
        // The heads of a run's steps go with it, the run's own stays.
        if (head.Epoch == Epochs.Retired || (head.Id == 0 && stream.Kind == StreamKind.Step)) await CheckNotRetiredAsync(stream, cancellationToken).ConfigureAwait(false);
        if (head.Id == 0)
        {
            _streams.Gone(stream);
            _streams.Missed(stream);
            return new OpenedStream(0, epoch, long.MaxValue, []);
        }
        var entry = _streams.Get(stream);
        (entry.Id, entry.RunId) = (head.Id, head.Run);
        _streams.Found(entry);
        var events = (head.Sequence > LongStream ? await FramesAsync([(head.Id, name)]).WaitAsync(cancellationToken).ConfigureAwait(false) is var alone ? alone.GetValueOrDefault((head.Id, name)) : null
            : await _events.GetAsync((head.Id, name), cancellationToken).ConfigureAwait(false)) ?? [];
        return new OpenedStream(head.Sequence, epoch, head.Acknowledged, StreamEvents.Needed(events, head.Sequence, finding => Gap(name, finding)));
    }

    /// <summary>What is written from now on has positions in this block, or a later one; what others have written lies below it.</summary>
    public void BeginAt(long positionBlock)
    {
        _positions.Start(positionBlock);
        _visible.Start((positionBlock * Writer.PositionBlock) - 1);
    }

    /// <summary>Returns when nothing that was given before is on its way to the database.</summary>
    public Task SettledAsync(CancellationToken cancellationToken) => _commits.SettledAsync(cancellationToken);

    /// <summary>What is remembered of the stream no longer holds.</summary>
    public void Forget(StreamId stream) => _streams.Forget(stream);

    public OpenedStream? TryOpenNew(StreamId stream)
    {
        if (!_streams.IsUnmade(stream)) return null;
        var epoch = _streams.Open(stream);
        // What was under way may have made it meanwhile.
        return _commits.IsQuiet(stream) && _streams.IsUnmade(stream) ? new OpenedStream(0, epoch, long.MaxValue, []) : null;
    }

    public OpenedStream AssumeNew(StreamId stream) => _streams.OpenNew(stream);

    public Task<AppendOutcome> AppendAsync(IReadOnlyList<Append> appends) => _commits.WriteAsync(PendingWrite.Of(appends, framed: true));

    public Task<AppendOutcome> AcknowledgeAsync(StreamId stream, long epoch, Wake? wake, long? carried = null) => _commits.WriteAsync(PendingWrite.Acknowledge(stream, epoch, wake, carried));

    public Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanWakesAsync(
        WakeQuery query, int limit, StreamId? after, CancellationToken cancellationToken) => _wakes.ScanAsync(query, limit, after, cancellationToken);

    public ValueTask DisposeAsync() => _commits.DisposeAsync();

    private async Task CheckNotRetiredAsync(StreamId stream, CancellationToken cancellationToken)
    {
        var run = StreamId.Run(stream.Namespace, stream.RunId!).ToString();
        if (await _reads.OneAsync(new NpgsqlCommand(PostgresRetention.Sql["retired"]).With(run), PostgresRetention.Retired, cancellationToken).ConfigureAwait(false) is { } retired)
            throw retired.Refusal();
    }

    private async Task<Dictionary<string, Head>> HeadsAsync(IReadOnlyList<string> names)
    {
        var rows = await _reads.AllAsync(Sql("heads").With([.. names]), row => (Name: row.GetString(0), Head: new Head(
            row.GetInt64(1), row.IsDBNull(2) ? null : row.GetInt64(2), row.GetInt64(3), row.IsDBNull(4) ? long.MaxValue : row.GetInt64(4), row.GetInt64(5))), CancellationToken.None).ConfigureAwait(false);
        return rows.ToDictionary(row => row.Name, row => row.Head);
    }

    private async Task<Dictionary<(long Id, string Name), List<JournalEvent>>> FramesAsync(IReadOnlyList<(long Id, string Name)> streams)
    {
        var names = streams.ToDictionary(stream => stream.Id, stream => stream.Name);
        var frames = await _reads.AllAsync(Sql("events_of").With([.. names.Keys]), row => (Id: row.GetInt64(0), Frame: EventFrame.Read(
            names[row.GetInt64(0)], row.GetInt64(1), row.GetInt32(6), Instant.FromMicroseconds(row.GetInt64(2)), row.GetString(3), row.GetInt16(4), row.GetFieldValue<byte[]>(5))), CancellationToken.None).ConfigureAwait(false);
        return frames.GroupBy(row => row.Id).ToDictionary(stream => (stream.Key, names[stream.Key]), stream => stream.SelectMany(row => row.Frame).ToList());
    }

    private Task<List<WakeRow>> WakesAsync(WakeRow? after, long until, IReadOnlyList<int>? shards, int limit, CancellationToken cancellationToken) => _reads.AllAsync(
        Sql("wakes_due").With(after?.Due ?? long.MinValue).With(after?.Id ?? long.MinValue).With(until).With((long)limit).With((shards ?? _ownership.Shards)?.Select(shard => (short)shard).ToArray()),
        row => new WakeRow(RowReader.Stream(row.GetString(0)), row.GetInt64(1), row.GetInt64(2)), cancellationToken);

    private static NpgsqlCommand Sql(string name) => new(_sql[name]);

    private static JournalFormatException Gap(string stream, string finding) =>
        new($"The journal's stream {stream} is damaged: {finding}. Restore the database from a backup.");

    /// <param name="Id">0 for none.</param>
    private readonly record struct Head(long Id, long? Run, long Sequence, long Acknowledged, long Epoch);
}
