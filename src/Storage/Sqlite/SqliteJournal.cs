using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;
using Fanfare.Storage.Sqlite.Read;
using Fanfare.Storage.Sqlite.Retain;
using Fanfare.Storage.Sqlite.Write;

namespace Fanfare.Storage.Sqlite;

/// <summary>The journal in one SQLite file, owned by this process alone.</summary>
internal sealed class SqliteJournal : IJournal
{
    private readonly StreamCache _streams;
    private readonly ReadConnections _connections;
    private readonly Committer _committer;
    private readonly WakeScan _wakes;

    public SqliteJournal(JournalFile file, Database writer, ReadConnections connections, TimeProvider clock, Action<string> log)
    {
        Incarnation = file.Incarnation;
        _connections = connections;
        _wakes = new WakeScan((after, until, _, limit, cancellationToken) => connections.QueryAsync(db => Wakes(db, after, until, limit, cancellationToken), cancellationToken));
        _streams = new StreamCache(capacity: 32_000, new SoleOwnership(file.Term, isDivided: false));
        _committer = new Committer(
            new BatchWriter(writer, _streams, file.Term, file.Batch, file.Position), file.Directory, clock, log, (position, runs) => Committed?.Invoke(position, runs));
    }

    public event Action<long, IReadOnlyCollection<(string Namespace, string Run)>>? Committed;

    public string Incarnation { get; }

    // It has the file to itself.
    public int Format => JournalFormat.Version;

    public string? Health => _committer.Health;

    public async Task<OpenedStream> OpenAsync(StreamId stream, CancellationToken cancellationToken)
    {
        // The fence stands before the head is read: an append of an earlier activation either is in what is read, or fails.
        var epoch = _streams.Open(stream);
        var (opened, retired) = await _connections.QueryAsync(db => Load(db, stream, epoch, cancellationToken), cancellationToken).ConfigureAwait(false);
        return opened ?? throw retired!.Refusal();
    }

    /// <summary>Runs a piece of work on the committing thread, in the transaction of whatever is committed then. It may run again when that fails.</summary>
    /// <param name="work">Gets the connection, and what to tell the streams of which another state is to be seen from then on.</param>
    /// <exception cref="InvalidOperationException">Another server has taken over: nothing was written.</exception>
    public async Task KeepUpAsync(Action<Database, Action<StreamId>> work)
    {
        if (await _committer.WriteAsync(PendingWrite.Of(new StreamUpkeep(work))).ConfigureAwait(false) != AppendOutcome.Committed)
            throw new InvalidOperationException("Another server has taken over the journal.");
    }

    public OpenedStream? TryOpenNew(StreamId stream) => _streams.IsUnmade(stream) ? new OpenedStream(0, _streams.Open(stream), long.MaxValue, []) : null;

    public OpenedStream AssumeNew(StreamId stream) => _streams.OpenNew(stream);

    public Task<AppendOutcome> AppendAsync(IReadOnlyList<Append> appends) => _committer.WriteAsync(PendingWrite.Of(appends, framed: false));

    public Task<AppendOutcome> AcknowledgeAsync(StreamId stream, long epoch, Wake? wake, long? carried = null) => _committer.WriteAsync(PendingWrite.Acknowledge(stream, epoch, wake, carried));

    public Task<IReadOnlyList<(StreamId Stream, DateTimeOffset Due)>> ScanWakesAsync(
        WakeQuery query, int limit, StreamId? after, CancellationToken cancellationToken) => _wakes.ScanAsync(query, limit, after, cancellationToken);

    public ValueTask DisposeAsync() => _committer.DisposeAsync();

    private (OpenedStream? Opened, RetiredRun? Retired) Load(Database db, StreamId stream, long epoch, CancellationToken cancellationToken)
    {
        var name = stream.ToString();
        var head = db.Prepare(ReadConnections.Sql["stream"]).Bind(1, name);
        if (!head.Step())
        {
            // The heads of a run's steps go with it, the run's own stays.
            if (stream.Kind == StreamKind.Step && SqliteRetention.Find(db, stream) is { } removed) return (null, removed);
            _streams.Missed(stream);
            return (new OpenedStream(0, epoch, long.MaxValue, []), null);
        }
        var (id, sequence, acknowledged, owner) = (head.Long(0), head.Long(1), head.LongOrNull(2) ?? long.MaxValue, head.Long(3));
        head.Reset();
        if (owner == Epochs.Retired && SqliteRetention.Find(db, stream) is { } retired) return (null, retired);

        var events = new List<JournalEvent>();
        var rows = db.Prepare(ReadConnections.Sql["stream_events"]).Bind(1, id);
        while (rows.Step())
        {
            cancellationToken.ThrowIfCancellationRequested();
            var found = rows.Long(0);
            events.Add(new JournalEvent(found, Instant.FromMicroseconds(rows.Long(1)), rows.Text(2), EventCodec.Read(name, found, rows.Long(3), rows.Blob(4))));
        }
        return (new OpenedStream(sequence, epoch, acknowledged, StreamEvents.Needed(events, sequence, finding => Gap(name, finding))), null);
    }

    private static List<WakeRow> Wakes(Database db, WakeRow? after, long until, int limit, CancellationToken cancellationToken)
    {
        var found = new List<WakeRow>();
        if (after is { } last && last.Due <= until) Read(db.Prepare(ReadConnections.Sql["wakes_of_same_due"]).Bind(1, last.Due).Bind(2, last.Id).Bind(3, limit));
        if (found.Count < limit) Read(db.Prepare(ReadConnections.Sql["wakes_due"]).Bind(1, after?.Due ?? long.MinValue).Bind(2, until).Bind(3, limit - found.Count));
        return found;

        void Read(Statement page)
        {
            while (page.Step())
            {
                cancellationToken.ThrowIfCancellationRequested();
                found.Add(new WakeRow(RowReader.Stream(page.Text(0)), page.Long(1), page.Long(2)));
            }
        }
    }

    private static JournalFormatException Gap(string stream, string finding) =>
        new($"The journal's stream {stream} is damaged: {finding}. Restore the data directory from a backup.");
}
