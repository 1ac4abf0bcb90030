using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Npgsql;
using NpgsqlTypes;

namespace Fanfare.Storage.Postgres.Write;

/// <summary>One connection that commits batches, each in one transaction and one network write. A batch behind another one, on another connection, is begun while that is under way and goes in two: what nobody waits for, and the rest.</summary>
internal sealed class Writer(WriterSlot slot, NpgsqlDataSource connections, StreamCache streams, Numbers positions, Numbers streamIds, VisiblePosition visible) : IAsyncDisposable
{
    /// <summary>Positions in one block.</summary>
    public const int PositionBlock = 1 << 20;

    private const int StreamIdBlock = 1 << 12;

    private const string ConditionBroken = "FAN01";

    private static readonly SqlText _sql = SqlText.Load("postgres_write.sql");

    private Batch _batch = new(_sql);
    private NpgsqlBatchCommand? _own;
    private NpgsqlConnection? _connection;
    private long _session;
    private long _committed;
    private long _batchNumber;
    private bool _sent, _begun;
    private (long First, long Last) _range = (0, -1);

    /// <summary>Whether a batch was sent of which it is not known what became; <see cref="CommitAsync"/> finds out, also when another server leads meanwhile.</summary>
    public bool IsInDoubt => _sent;

    /// <summary>Position of the last event that it was to write.</summary>
    public long LastPosition { get; private set; }

    public static Numbers Positions(VisiblePosition visible) => new(_sql["position_block"], PositionBlock, visible.Begin);

    public static Numbers StreamIds() => new(_sql["stream_id_block"], StreamIdBlock);

    /// <summary>Begins a batch while one that it follows is under way on another connection: writes the rows that are its own. Locks nothing that anybody else
    /// asks for, so a server that is frozen between this and the commit holds up nobody. When it fails, the commit finds out why.</summary>
    public async Task BeginAsync(List<PendingWrite> writes, CancellationToken cancellationToken)
    {
        if (_connection is null) return;
        try
        {
            if (!await PrepareAsync(writes, isBehind: true, cancellationToken).ConfigureAwait(false))
            {
                GiveUp();
                return;
            }
            await using var batch = _connection.CreateBatch();
            batch.BatchCommands.Add(new NpgsqlBatchCommand("BEGIN"));
            _batch.AddFreshTo(batch);
            _begun = true;
            await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException)
        {
            await TakeBackAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await CloseAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Commits the batch and sets each write's outcome. When it throws, nothing of it is in the journal, or what became of it is not known
    /// yet; either way the same batch must come again, and takes effect once.</summary>
    /// <param name="after">Position of the last event that comes before these in any of their streams.</param>
    /// <exception cref="DeposedException">Another server leads. Nothing that this one sends is written any more.</exception>
    public async Task CommitAsync(List<PendingWrite> writes, long after, CancellationToken cancellationToken)
    {
        // What it was begun behind has failed, or has been numbered anew.
        if (_begun && !(_range.First > after && writes.All(HasAChance))) await TakeBackAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            if (_connection is null)
            {
                // The batch under way when the connection broke is there, or it never will be.
                var written = await ConnectAsync(cancellationToken).ConfigureAwait(false);
                if (written) Settle();
                else GiveUp();
                // A command remembers as what it was prepared on the connection before.
                (_batch, _own) = (new Batch(_sql), null);
                if (written) return;
            }
            try
            {
                if (!_begun && !await PrepareAsync(writes, isBehind: false, cancellationToken).ConfigureAwait(false))
                {
                    GiveUp();
                    return;
                }
                _sent = true;
                await SendAsync(cancellationToken).ConfigureAwait(false);
                _committed = _batchNumber;
                Settle();
                return;
            }
            catch (PostgresException error) when (error.SqlState == ConditionBroken)
            {
                await TakeBackAsync(cancellationToken).ConfigureAwait(false);
                if (_connection is null || error.MessageText.Contains("session", StringComparison.Ordinal))
                {
                    // Deposed; or a claim took effect whose answer was lost.
                    await CloseAsync().ConfigureAwait(false);
                    continue;
                }
                await FindLosersAsync(writes, cancellationToken).ConfigureAwait(false);
            }
            catch (PostgresException error) when (error.SqlState.StartsWith("22", StringComparison.Ordinal) || error.SqlState.StartsWith("23", StringComparison.Ordinal))
            {
                await TakeBackAsync(cancellationToken).ConfigureAwait(false);
                throw;
            }
            catch
            {
                await CloseAsync().ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>Fences the openings that sent a write which cannot be made.</summary>
    public void Refuse(PendingWrite write)
    {
        foreach (var part in write.Parts) streams.Lost(streams.Get(part.Stream), part.Epoch);
    }

    public async ValueTask DisposeAsync() => await CloseAsync().ConfigureAwait(false);

    /// <summary>True when the batch that was sent last, and whose outcome was not known, is in the journal.</summary>
    private async Task<bool> ConnectAsync(CancellationToken cancellationToken)
    {
        var connection = await connections.ConnectAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await using (var end = Command(connection, slot.EndFormer, (NpgsqlDbType.Integer, slot.Number), (NpgsqlDbType.Bigint, slot.Term))) await end.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            await using (var compress = Command(connection, "compress")) await compress.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
            if (await ClaimAsync(connection, cancellationToken).ConfigureAwait(false) is var (session, committed))
            {
                (_session, _committed, _connection) = (session, committed, connection);
                return _sent && committed == _batchNumber;
            }
            if (!_sent || !await WasWrittenAsync(connection, cancellationToken).ConfigureAwait(false)) throw new DeposedException();
            await connection.DisposeAsync().ConfigureAwait(false);
            return true;
        }
        catch
        {
            await connection.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<(long Session, long Committed)?> ClaimAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        await using var claim = Command(connection, slot.Claim, (NpgsqlDbType.Integer, slot.Number), (NpgsqlDbType.Bigint, slot.Term));
        await using var claimed = await claim.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        return await claimed.ReadAsync(cancellationToken).ConfigureAwait(false) ? (claimed.GetInt64(0), claimed.GetInt64(1)) : null;
    }

    private async Task<bool> WasWrittenAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        // A batch of acknowledgements alone leaves no trace, and does no harm.
        if (_batch.FirstEvent is not var (stream, sequence, position)) return false;
        await using var ask = Command(connection, "was_written", (NpgsqlDbType.Bigint, stream), (NpgsqlDbType.Bigint, sequence), (NpgsqlDbType.Bigint, position));
        return (bool)(await ask.ExecuteScalarAsync(cancellationToken).ConfigureAwait(false))!;
    }

    private async Task CloseAsync()
    {
        if (_connection is not { } connection) return;
        _connection = null;
        _begun = false;
        await connection.DisposeAsync().ConfigureAwait(false);
    }

    // What the transaction has written so far, if there is one.
    private async Task TakeBackAsync(CancellationToken cancellationToken)
    {
        GiveUp();
        if (!_begun) return;
        _begun = false;
        try
        {
            await using var rollback = new NpgsqlCommand("ROLLBACK", _connection);
            await rollback.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            // It goes with its connection.
            await CloseAsync().ConfigureAwait(false);
        }
    }

    // Puts what has a chance into columns; false when nothing has.
    private async Task<bool> PrepareAsync(List<PendingWrite> writes, bool isBehind, CancellationToken cancellationToken)
    {
        await LookUpAsync(writes, cancellationToken).ConfigureAwait(false);
        var (events, made) = (0, 0);
        foreach (var write in writes)
        {
            events += write.Events;
            foreach (var part in write.Parts)
                if (part is StreamAppend { IsFirst: true }) made += 2;
        }
        var id = made == 0 ? 0 : await streamIds.TakeAsync(made, _connection!, cancellationToken).ConfigureAwait(false);
        var position = events == 0 ? 0 : await positions.TakeAsync(events, _connection!, cancellationToken).ConfigureAwait(false);
        _range = (position, position + events - 1);
        LastPosition = _range.Last;
        _batch.Clear();
        _batch.IsBehind = isBehind;
        var any = false;
        foreach (var write in writes)
        {
            if (!HasAChance(write))
            {
                write.Outcome = AppendOutcome.Fenced;
                Refuse(write);
                continue;
            }
            any = true;
            foreach (var part in write.Parts)
            {
                var entry = streams.Get(part.Stream);
                if (part is StreamAppend append)
                {
                    if (!entry.Exists) Number(entry, append.Stream, ref id);
                    _batch.Add(entry, append, position);
                    position += append.Append.Events.Count;
                }
                else
                {
                    _batch.Add(entry, (StreamAcknowledge)part);
                }
            }
        }
        return any;
    }

    private bool HasAChance(PendingWrite write)
    {
        if (write.Outcome != AppendOutcome.Committed) return false;
        foreach (var part in write.Parts)
        {
            var entry = streams.Get(part.Stream);
            if (streams.IsFenced(entry, part.Epoch) || !(entry.Exists || part is StreamAppend { IsFirst: true })) return false;
        }
        return true;
    }

    // A step may be written before its run's own stream; the run's row then waits with head 0.
    private void Number(StreamEntry entry, StreamId stream, ref long id)
    {
        if (entry.Id == 0) entry.Id = id++;
        if (stream.Kind == StreamKind.Run) entry.RunId = entry.Id;
        if (stream.Kind != StreamKind.Step) return;
        var run = StreamId.Run(stream.Namespace, stream.RunId!);
        var owner = streams.Get(run);
        if (owner.Id == 0) owner.Id = id++;
        owner.RunId = owner.Id;
        entry.RunId = owner.Id;
        if (!owner.Exists && !_batch.Added.Contains(owner)) _batch.AddStream(owner, run, head: 0, epoch: 0);
    }

    private async Task SendAsync(CancellationToken cancellationToken)
    {
        _batchNumber = _committed + 1;
        _own ??= new NpgsqlBatchCommand(_sql["own"])
        {
            Parameters =
            {
                new NpgsqlParameter<long> { NpgsqlDbType = NpgsqlDbType.Bigint },
                new NpgsqlParameter<int> { TypedValue = slot.Number, NpgsqlDbType = NpgsqlDbType.Integer },
                new NpgsqlParameter<long> { TypedValue = _session, NpgsqlDbType = NpgsqlDbType.Bigint },
            },
        };
        ((NpgsqlParameter<long>)_own.Parameters[0]).TypedValue = _batchNumber;
        await using var batch = _connection!.CreateBatch();
        batch.BatchCommands.Add(_own);
        if (_begun)
        {
            _batch.AddSharedTo(batch);
            batch.BatchCommands.Add(new NpgsqlBatchCommand("COMMIT"));
        }
        else
        {
            _batch.AddTo(batch);
        }
        await batch.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
        _begun = false;
    }

    private void Settle()
    {
        streams.Made(_batch.Added);
        _batch.Settle();
        _sent = false;
        EndRange(_range.Last);
    }

    // Nothing of what was sent is there, or nothing was.
    private void GiveUp()
    {
        _sent = false;
        EndRange(_range.First - 1);
    }

    private void EndRange(long last)
    {
        if (_range.Last >= _range.First) visible.End(_range.First, last);
        _range = (0, -1);
    }

    // Streams that are not known here: forgotten by the cache, or of runs that another server began.
    private async Task LookUpAsync(List<PendingWrite> writes, CancellationToken cancellationToken)
    {
        List<StreamId>? unknown = null;
        foreach (var part in writes.SelectMany(write => write.Parts))
        {
            var stream = part.Stream;
            if (streams.Get(stream).Exists) continue;
            if (part is not StreamAppend { IsFirst: true }) (unknown ??= []).Add(stream);
            if (stream.Kind != StreamKind.Step || streams.IsUnmade(stream)) continue;
            var run = StreamId.Run(stream.Namespace, stream.RunId!);
            if (!streams.Get(run).Exists) (unknown ??= []).Add(run);
        }
        if (unknown is not null) await HeadsAsync(unknown, cancellationToken).ConfigureAwait(false);
    }

    private async Task FindLosersAsync(List<PendingWrite> writes, CancellationToken cancellationToken)
    {
        var written = writes.SelectMany(w => w.Parts).Select(part => part.Stream).ToList();
        var named = written.Concat(_batch.Added.Count == 0 ? [] : written.Where(s => s.Kind == StreamKind.Step).Select(s => StreamId.Run(s.Namespace, s.RunId!))).Distinct().ToList();
        var heads = await HeadsAsync(named, cancellationToken).ConfigureAwait(false);
        foreach (var entry in named.Where(stream => !heads.ContainsKey(stream)).Select(streams.Get)) (entry.Id, entry.Exists) = (0, false);
        foreach (var write in writes)
        {
            if (write.Parts.OfType<StreamAppend>().All(HasHead)) continue;
            // Those that it was to be written with are where they were expected, and lose all the same.
            write.Outcome = AppendOutcome.Fenced;
            Refuse(write);
        }

        bool HasHead(StreamAppend append)
        {
            var (sequence, epoch) = heads.GetValueOrDefault(append.Stream);
            return sequence == append.Append.ExpectedSequence && epoch <= append.Epoch;
        }
    }

    private async Task<Dictionary<StreamId, (long Sequence, long Epoch)>> HeadsAsync(List<StreamId> named, CancellationToken cancellationToken)
    {
        var byName = named.Distinct().ToDictionary(s => s.ToString());
        var heads = new Dictionary<StreamId, (long, long)>();
        await using var command = Command(_connection!, "heads", (NpgsqlDbType.Array | NpgsqlDbType.Text, byName.Keys.ToArray()));
        await using var rows = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
        while (await rows.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var stream = byName[rows.GetString(0)];
            var entry = streams.Get(stream);
            (entry.Id, entry.RunId) = (rows.GetInt64(1), rows.IsDBNull(2) ? null : rows.GetInt64(2));
            streams.Found(entry);
            heads[stream] = (rows.GetInt64(3), rows.GetInt64(4));
        }
        return heads;
    }

    private static NpgsqlCommand Command(NpgsqlConnection connection, string name, params (NpgsqlDbType Type, object Value)[] parameters)
    {
        var command = new NpgsqlCommand(_sql[name], connection);
        foreach (var (type, value) in parameters) command.Parameters.Add(new NpgsqlParameter { NpgsqlDbType = type, Value = value });
        return command;
    }
}

/// <summary>Another server leads.</summary>
internal sealed class DeposedException : Exception
{
    public DeposedException()
        : base("Another server has taken over the journal.")
    {
    }
}
