using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>What is remembered of a stream between appends.</summary>
internal sealed class StreamEntry
{
    /// <summary>Its row's id; 0 while not looked up, and again after the transaction that made the row was rolled back.</summary>
    public long Id;

    /// <summary>Whether its row is certainly there. PostgreSQL's journal numbers a stream before it writes its row.</summary>
    public bool Exists;

    /// <summary>Id of its run's stream; null for flows and queues.</summary>
    public long? RunId;

    /// <summary>The oldest epoch that may still write: of the newest opening in this process, or above one that lost.</summary>
    public long Fence;
}

/// <summary>The streams used lately. Two generations: when the younger is full it becomes the older, and what the older
/// still holds is forgotten. A forgotten stream is looked up again; its fence is then the epoch and head of its row.</summary>
internal sealed class StreamCache(int capacity)
{
    private readonly Lock _lock = new();
    private Dictionary<StreamId, StreamEntry> _young = [];
    private Dictionary<StreamId, StreamEntry> _old = [];

    public StreamEntry Get(StreamId stream)
    {
        lock (_lock)
        {
            if (_young.TryGetValue(stream, out var entry)) return entry;
            if (!_old.Remove(stream, out entry)) entry = new StreamEntry();
            if (_young.Count >= capacity)
            {
                _old = _young;
                _young = [];
            }
            _young.Add(stream, entry);
            return entry;
        }
    }

    /// <summary>Fences what opened the stream earlier.</summary>
    public void Opened(StreamId stream, long epoch) => Raise(Get(stream), epoch);

    /// <summary>Fences an opening that lost once: what it still has under way was decided on a state that never came.</summary>
    public void Lost(StreamEntry entry, long epoch) => Raise(entry, epoch + 1);

    public bool IsFenced(StreamEntry entry, long epoch)
    {
        lock (_lock) return epoch < entry.Fence;
    }

    private void Raise(StreamEntry entry, long fence)
    {
        lock (_lock) entry.Fence = Math.Max(entry.Fence, fence);
    }
}
