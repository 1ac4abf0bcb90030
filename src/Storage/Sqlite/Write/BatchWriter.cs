using Fanfare.Contracts;
using Fanfare.Storage.Common;
using Fanfare.Storage.Sqlite.Native;

namespace Fanfare.Storage.Sqlite.Write;

/// <summary>Writes batches over the one write connection, each in one transaction. Used by the committing thread only.</summary>
internal sealed class BatchWriter : IDisposable
{
    private static readonly SqlText _sql = SqlText.Load("sqlite_write.sql");

    private readonly Database _database;
    private readonly StreamCache _streams;
    private readonly long _term;
    private readonly RowWriter _rows;
    private readonly Statement _begin, _commit, _rollback, _savepoint, _rollbackToSavepoint, _release, _ownBatch, _setPosition, _readBatch;
    private readonly Statement _findStream, _addStream, _ownStream, _moveHead, _holdEpoch, _addEvent, _removeEvents, _putWake, _removeWake;

    // Streams whose id this transaction made or looked up (a rollback takes back rows made in it, and their ids are given out anew),
    // and those that lost in it, with the newest epoch that did.
    private readonly List<StreamEntry> _resolved = [], _made = [];
    private readonly Dictionary<StreamEntry, long> _lost = [];

    public BatchWriter(Database database, StreamCache streams, long term, long batch, long position)
    {
        (_database, _streams, _term, Batch, Position) = (database, streams, term, batch, position);
        _rows = new RowWriter(database, _sql);
        _begin = database.Prepare(_sql["begin"]);
        _commit = database.Prepare(_sql["commit"]);
        _rollback = database.Prepare(_sql["rollback"]);
        _savepoint = database.Prepare(_sql["savepoint"]);
        _rollbackToSavepoint = database.Prepare(_sql["rollback_to_savepoint"]);
        _release = database.Prepare(_sql["release"]);
        _ownBatch = database.Prepare(_sql["own_batch"]);
        _setPosition = database.Prepare(_sql["set_position"]);
        _readBatch = database.Prepare(_sql["read_batch"]);
        _findStream = database.Prepare(_sql["find_stream"]);
        _addStream = database.Prepare(_sql["add_stream"]);
        _ownStream = database.Prepare(_sql["own_stream"]);
        _moveHead = database.Prepare(_sql["move_head"]);
        _holdEpoch = database.Prepare(_sql["hold_epoch"]);
        _addEvent = database.Prepare(_sql["add_event"]);
        _removeEvents = database.Prepare(_sql["remove_events"]);
        _putWake = database.Prepare(_sql["put_wake"]);
        _removeWake = database.Prepare(_sql["remove_wake"]);
    }

    // Set while a COMMIT has neither succeeded nor certainly failed: the position that it would have reached.
    private long? _unresolved;

    /// <summary>Number of the last batch that committed.</summary>
    public long Batch { get; private set; }

    /// <summary>Position of the last event that committed.</summary>
    public long Position { get; private set; }

    /// <summary>A COMMIT reported an error and may have held; only the same batch may come next.</summary>
    public bool IsUnresolved => _unresolved is not null;

    /// <summary>Another server has raised the term. Every write of this one is fenced from now on.</summary>
    public bool Deposed { get; private set; }

    public long PagesWritten => _database.PagesWritten;

    /// <summary>Commits the batch and sets each write's outcome. When it throws, nothing of it is in the journal, or what became of it is not
    /// known yet; either way, the same batch must come again, and takes effect once.</summary>
    public void Commit(IReadOnlyList<PendingWrite> batch)
    {
        if (_database.InTransaction) _rollback.Run();
        // The outcomes still stand from the try before.
        if (_unresolved is { } position && IsInJournal(Batch + 1))
        {
            Settle(position);
            return;
        }
        _unresolved = null;
        position = Position;
        _lost.Clear();
        _resolved.Clear();
        _made.Clear();
        try
        {
            _begin.Run();
            _ownBatch.Bind(1, Batch + 1).Bind(2, _term).Run();
            var owned = _database.ChangedRows == 1;
            foreach (var write in batch) write.Outcome = owned && Write(write, ref position) ? AppendOutcome.Committed : AppendOutcome.Fenced;
            if (owned && position != Position) _setPosition.Bind(1, position).Run();
            // A COMMIT that reports an error may have held all the same. The batch's number, read back, tells.
            _unresolved = owned ? position : null;
            _commit.Run();
        }
        catch
        {
            ForgetResolved(from: 0);
            if (_database.InTransaction)
            {
                _unresolved = null;
                _rollback.Run();
            }
            throw;
        }
        if (_unresolved is null) Deposed = true;
        else Settle(position);
    }

    private void Settle(long position)
    {
        foreach (var (entry, epoch) in _lost) _streams.Lost(entry, epoch);
        _streams.Made(_made);
        _unresolved = null;
        Batch++;
        Position = position;
    }

    /// <summary>Fences the openings that sent a write which cannot be made.</summary>
    public void Refuse(PendingWrite write)
    {
        foreach (var part in write.Parts) _streams.Lost(_streams.Get(part.Stream), part.Epoch);
    }

    /// <summary>Copies the log into the database file; false when a reader stood in the way.</summary>
    public bool Checkpoint(bool truncate) => _database.Checkpoint(truncate);

    public void Dispose() => _database.Dispose();

    private bool IsInJournal(long batch)
    {
        var found = _readBatch.Step() && _readBatch.Long(0) == batch;
        _readBatch.Reset();
        return found;
    }

    private bool Write(PendingWrite write, ref long position)
    {
        var written = write.Parts.Count == 1 ? Write(write.Parts[0], ref position) : WriteAll(write.Parts, ref position);
        if (written) return true;
        foreach (var part in write.Parts)
        {
            var entry = _streams.Get(part.Stream);
            _lost[entry] = Math.Max(part.Epoch, _lost.GetValueOrDefault(entry));
        }
        return false;
    }

    private bool WriteAll(IReadOnlyList<StreamWrite> parts, ref long position)
    {
        var (resolved, before) = (_resolved.Count, position);
        _savepoint.Run();
        foreach (var part in parts)
        {
            if (Write(part, ref position)) continue;
            _rollbackToSavepoint.Run();
            _release.Run();
            ForgetResolved(from: resolved);
            position = before;
            return false;
        }
        _release.Run();
        return true;
    }

    private bool Write(StreamWrite part, ref long position)
    {
        if (part is StreamUpkeep upkeep)
        {
            upkeep.Run(_database, _streams.Forget);
            return true;
        }
        var entry = _streams.Get(part.Stream);
        // A later write never passes an earlier one of the same opening that failed: it was decided on a state that never came.
        return !_streams.IsFenced(entry, part.Epoch) && Epochs.TermOf(part.Epoch) == _term
            && !(_lost.TryGetValue(entry, out var lost) && part.Epoch <= lost)
            && (part is StreamAppend append ? Append(entry, append, ref position) : Acknowledge(entry, (StreamAcknowledge)part));
    }

    private void ForgetResolved(int from)
    {
        for (var i = from; i < _resolved.Count; i++) (_resolved[i].Id, _resolved[i].RunId) = (0, null);
        _resolved.RemoveRange(from, _resolved.Count - from);
        _made.RemoveAll(entry => entry.Id == 0);
    }

    private bool Append(StreamEntry entry, StreamAppend pending, ref long position)
    {
        var append = pending.Append;
        if (entry.Id == 0 && !Find(entry, append.Stream))
        {
            if (append.ExpectedSequence != 0) return false;
            Add(entry, append.Stream);
        }
        var head = append.ExpectedSequence + append.Events.Count;
        _moveHead.Bind(1, entry.Id).Bind(2, append.ExpectedSequence).Bind(3, head).Bind(4, append.Epoch).Run();
        if (_database.ChangedRows != 1) return false;
        for (var i = 0; i < append.Events.Count; i++)
        {
            var e = append.Events[i];
            _addEvent.Bind(1, ++position).Bind(2, entry.Id).Bind(3, e.Sequence).Bind(4, entry.RunId).Bind(5, Instant.ToMicroseconds(e.At))
                .Bind(6, e.Actor).Bind(7, pending.Frames[i].Format).BindBlob(8, pending.Frames[i].Payload).Run();
        }
        foreach (var row in append.Rows) _rows.Write(entry, append.Stream, row);
        PutWake(entry, append.Wake);
        return true;
    }

    private bool Acknowledge(StreamEntry entry, StreamAcknowledge acknowledge)
    {
        if (entry.Id == 0 && !Find(entry, acknowledge.Stream)) return false;
        var held = _holdEpoch.Bind(1, entry.Id).Bind(2, acknowledge.Epoch).Step();
        _holdEpoch.Reset();
        if (!held) return false;
        if (acknowledge.Carried is { } carried) _removeEvents.Bind(1, entry.Id).Bind(2, carried).Run();
        PutWake(entry, acknowledge.Wake);
        return true;
    }

    private void PutWake(StreamEntry entry, Wake? wake)
    {
        if (wake is null) _removeWake.Bind(1, entry.Id).Run();
        else _putWake.Bind(1, entry.Id).Bind(2, Instant.ToMicroseconds(wake.Due)).Bind(3, wake.Acknowledged).Run();
    }

    private bool Find(StreamEntry entry, StreamId stream)
    {
        var found = _findStream.Bind(1, stream.ToString()).Step();
        if (found)
        {
            (entry.Id, entry.RunId) = (_findStream.Long(0), _findStream.LongOrNull(1));
            _streams.Found(entry);
            _resolved.Add(entry);
        }
        _findStream.Reset();
        return found;
    }

    private void Add(StreamEntry entry, StreamId stream)
    {
        // A step may be written before its run's own stream; the run's row then waits with head 0.
        long? run = null;
        if (stream.Kind == StreamKind.Step)
        {
            var runStream = StreamId.Run(stream.Namespace, stream.RunId!);
            var owner = _streams.Get(runStream);
            if (owner.Id == 0 && !Find(owner, runStream)) Add(owner, runStream);
            run = owner.Id;
        }
        _addStream.Bind(1, stream.ToString()).Bind(2, run).Run();
        entry.Id = _database.LastRowId;
        if (stream.Kind == StreamKind.Run)
        {
            run = entry.Id;
            _ownStream.Bind(1, entry.Id).Run();
        }
        entry.RunId = run;
        _resolved.Add(entry);
        _made.Add(entry);
    }
}
