using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>What is remembered of a stream between appends.</summary>
/// <param name="shard">Where its stream lies.</param>
/// <param name="term">Under which the shard is owned; 0 when it is not. What is remembered holds as long as that.</param>
internal sealed class StreamEntry(int shard, long term)
{
    public int Shard => shard;

    public long Term => term;

    /// <summary>Its row's id; 0 while not looked up, and again after the transaction that made the row was rolled back.</summary>
    public long Id;

    /// <summary>Whether its row is certainly there. PostgreSQL's journal numbers a stream before it writes its row.</summary>
    public bool Exists;

    /// <summary>Of a run: the cache's turn since which this process, and no other, makes what the run has. Null when the run may have more.</summary>
    public int? KnownSince;

    /// <summary>Id of its run's stream; null for flows and queues.</summary>
    public long? RunId;

    /// <summary>Whether it certainly has no wake row, as this process left it.</summary>
    public bool IsAsleep;

    /// <summary>Of a run: whether it certainly has no tags, as this process left it.</summary>
    public bool IsUntagged;

    /// <summary>The oldest epoch that may still write: of the newest opening in this process, or above one that lost.</summary>
    public long Fence;
}

/// <summary>The streams used lately. Two generations: when the younger is full it becomes the older, and what the older
/// still holds is forgotten. A forgotten stream is looked up again; its fence is then the epoch and head of its row.</summary>
internal sealed class StreamCache(int capacity, IOwnership ownership)
{
    private readonly Lock _lock = new();
    private Dictionary<StreamId, StreamEntry> _young = [];
    private Dictionary<StreamId, StreamEntry> _old = [];
    private int _turn;
    private long _openings;

    public StreamEntry Get(StreamId stream)
    {
        lock (_lock)
        {
            if (_young.TryGetValue(stream, out var entry) && IsCurrent(entry)) return entry;
            if (!_old.Remove(stream, out var older) || !IsCurrent(older))
            {
                // Others may have written to it since it was owned last.
                var shard = entry?.Shard ?? older?.Shard ?? ownership.ShardOf(stream);
                older = new StreamEntry(shard, ownership.TermOf(shard));
            }
            if (_young.Count >= capacity)
            {
                _old = _young;
                _young = [];
                _turn++;
            }
            return _young[stream] = older;
        }
    }

    /// <summary>This process made the rows of these streams.</summary>
    public void Made(IEnumerable<StreamEntry> entries)
    {
        lock (_lock)
            foreach (var entry in entries) (entry.Exists, entry.KnownSince) = (true, _turn);
    }

    /// <summary>The store does not have the stream. A step's row brings its run's with it, so a run that is not there has no steps.</summary>
    public void Missed(StreamId stream)
    {
        var entry = Get(stream);
        lock (_lock)
            if (!entry.Exists) entry.KnownSince = _turn;
    }

    /// <summary>The store has no row of the stream any more: another process has removed it. Who has it open is fenced as before.</summary>
    public void Gone(StreamId stream)
    {
        var entry = Get(stream);
        lock (_lock)
        {
            if (!entry.Exists) return;
            (entry.Exists, entry.Id, entry.RunId, entry.IsAsleep, entry.IsUntagged, entry.KnownSince) = (false, 0, null, false, false, null);
        }
    }

    /// <summary>The store has the stream's row, whoever made it.</summary>
    public void Found(StreamEntry entry)
    {
        lock (_lock)
            if (!entry.Exists) (entry.Exists, entry.KnownSince) = (true, null);
    }

    /// <summary>The stream's row has gone, or is another than it was: it is looked up again, and so are the others of its run.</summary>
    public void Forget(StreamId stream)
    {
        lock (_lock)
        {
            _young.Remove(stream);
            _old.Remove(stream);
            if (stream.RunId is not { } id) return;
            var run = StreamId.Run(stream.Namespace, id);
            if (_young.TryGetValue(run, out var owner) || _old.TryGetValue(run, out owner)) owner.KnownSince = null;
        }
    }

    /// <summary>Whether a step certainly has no row: all that its run has was made by this process, which has forgotten nothing of it.</summary>
    public bool IsUnmade(StreamId step)
    {
        if (step.Kind != StreamKind.Step || Get(step).Exists) return false;
        var run = Get(StreamId.Run(step.Namespace, step.RunId!));
        // What was made in a turn is forgotten at the end of the next.
        lock (_lock) return run.KnownSince is { } turn && _turn - turn <= 1;
    }

    /// <summary>Fences what opened the stream earlier; returns the epoch of the new opening.</summary>
    /// <exception cref="RefusedException">Another node owns it.</exception>
    public long Open(StreamId stream)
    {
        var entry = Get(stream);
        if (entry.Term == 0) throw RefusedException.Moved(stream);
        var epoch = Epochs.Of(entry.Term, Interlocked.Increment(ref _openings));
        Raise(entry, epoch);
        return epoch;
    }

    /// <summary>Opens a stream as one that is not there.</summary>
    public OpenedStream OpenNew(StreamId stream)
    {
        var epoch = Open(stream);
        Missed(stream);
        return new OpenedStream(0, epoch, long.MaxValue, []);
    }

    /// <summary>Fences an opening that lost once: what it still has under way was decided on a state that never came.</summary>
    public void Lost(StreamEntry entry, long epoch) => Raise(entry, epoch + 1);

    public bool IsFenced(StreamEntry entry, long epoch)
    {
        if (entry.Term == 0 || Epochs.TermOf(epoch) != entry.Term) return true;
        lock (_lock) return epoch < entry.Fence;
    }

    private bool IsCurrent(StreamEntry entry) => entry.Term == ownership.TermOf(entry.Shard);

    private void Raise(StreamEntry entry, long fence)
    {
        lock (_lock) entry.Fence = Math.Max(entry.Fence, fence);
    }
}
