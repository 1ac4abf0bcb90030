using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>Where open steps wait for workers: one entry a step, whatever its width. All of it is derived from steps'
/// offers, so it is not journaled; a queue that starts anew is filled by the steps that wake.</summary>
/// <remarks>Higher priority goes first. Among equals, steps whose next task the platform lost go before the others: it had its turn. Then steps take turns, each for at most <see cref="Quantum"/> tasks; and every
/// <see cref="AgingTurn"/>th pick goes to the step that has waited longest whatever its priority, so none starves.</remarks>
public sealed class ReadyQueue
{
    /// <summary>Tasks that one step may get before the next has its turn.</summary>
    public const int Quantum = 64;

    /// <summary>Every how many picks the one that has waited longest goes first.</summary>
    public const int AgingTurn = 16;

    private readonly Dictionary<StreamId, Entry> _entries = [];
    private readonly SortedDictionary<ClassKey, LinkedList<Entry>> _classes = [];
    private readonly LinkedList<Entry> _byWait = new();
    private int _picks;

    /// <summary>Steps with an offer.</summary>
    public int Count => _entries.Count;

    public long ReadyTasks => _entries.Values.Sum(e => (long)e.Ready);

    /// <summary>What waits: how many tasks need which resources.</summary>
    public IEnumerable<(ResourceSpec Each, int Ready)> Waiting => _entries.Values.Select(entry => (entry.Offer.Resources, entry.Ready));

    /// <summary>Takes a step's present offer in place of its former one; one without ready tasks withdraws it.</summary>
    public void Put(Offer offer)
    {
        if (_entries.TryGetValue(offer.Step, out var entry))
        {
            if (offer.Ready > 0 && entry.Class == ClassKey.Of(offer))
            {
                (entry.Offer, entry.Ready) = (offer, offer.Ready);
                return;
            }
            Remove(entry);
        }
        if (offer.Ready <= 0) return;
        entry = new Entry { Offer = offer, Ready = offer.Ready, Class = ClassKey.Of(offer) };
        if (!_classes.TryGetValue(entry.Class, out var list)) _classes[entry.Class] = list = new LinkedList<Entry>();
        entry.InClass = list.AddLast(entry);
        entry.InWait = _byWait.AddLast(entry);
        _entries[offer.Step] = entry;
    }

    /// <summary>The step to ask next, and for how many tasks at most; null when nothing that waits fits.
    /// What is picked is taken off the entry until the step's next offer says how many are left.</summary>
    public (StreamId Step, int Count, ResourceSpec Each)? Pick(ResourceSpec free, int most)
    {
        if (most <= 0 || _entries.Count == 0) return null;
        var entry = ++_picks % AgingTurn == 0 ? LongestWaiting(free) : null;
        entry ??= First(free);
        if (entry is null) return null;
        var count = Math.Min(Math.Min(most, Quantum), Math.Min(entry.Ready, entry.Offer.Resources.TimesIn(free)));
        entry.Ready -= count;
        if (entry.Ready == 0)
        {
            Remove(entry);
        }
        else
        {
            MoveToEnd(entry.InClass!);
            MoveToEnd(entry.InWait!);
        }
        return (entry.Offer.Step, count, entry.Offer.Resources);
    }

    /// <summary>About how many tasks go before one of a step: all of higher priority, and of the steps that take turns with it as many as come by until it is its turn.</summary>
    /// <param name="own">Tasks of the step itself that go before it.</param>
    public long Before(StreamId step, int own)
    {
        if (!_entries.TryGetValue(step, out var entry)) return own;
        // Each turn that its own step needs is one for the others, too.
        var turns = ((long)own / Quantum) + 1;
        var before = (long)own;
        foreach (var other in _entries.Values)
        {
            if (other.Offer.Priority > entry.Offer.Priority) before += other.Ready;
            else if (other != entry && other.Offer.Priority == entry.Offer.Priority && (other.Offer.IsReturned || !entry.Offer.IsReturned)) before += Math.Min(other.Ready, turns * Quantum);
        }
        return before;
    }

    private Entry? First(ResourceSpec free)
    {
        foreach (var list in _classes.Values)
            if (list.First is { } node && node.Value.Offer.Resources.FitsIn(free)) return node.Value;
        return null;
    }

    private Entry? LongestWaiting(ResourceSpec free) =>
        _byWait.First is { } node && node.Value.Offer.Resources.FitsIn(free) ? node.Value : null;

    private void Remove(Entry entry)
    {
        _entries.Remove(entry.Offer.Step);
        var list = _classes[entry.Class];
        list.Remove(entry.InClass!);
        if (list.Count == 0) _classes.Remove(entry.Class);
        _byWait.Remove(entry.InWait!);
    }

    private static void MoveToEnd(LinkedListNode<Entry> node)
    {
        var list = node.List!;
        list.Remove(node);
        list.AddLast(node);
    }

    private sealed class Entry
    {
        public required Offer Offer { get; set; }

        public required int Ready { get; set; }

        public required ClassKey Class { get; init; }

        public LinkedListNode<Entry>? InClass { get; set; }

        public LinkedListNode<Entry>? InWait { get; set; }
    }

    private readonly record struct ClassKey(int NegativePriority, bool IsReturned, ShapeKey Shape) : IComparable<ClassKey>
    {
        public static ClassKey Of(Offer offer) => new(-offer.Priority, offer.IsReturned, ShapeKey.Of(offer.Resources));

        public int CompareTo(ClassKey other) => (NegativePriority, !IsReturned, Shape).CompareTo((other.NegativePriority, !other.IsReturned, other.Shape));
    }

    // Steps that need the same are looked at once: when the first does not fit, neither do the others.
    private readonly record struct ShapeKey(double Cpu, long Memory, int Gpu, long Disk) : IComparable<ShapeKey>
    {
        public static ShapeKey Of(ResourceSpec spec) => new(spec.Cpu, spec.MemoryBytes, spec.Gpu, spec.DiskBytes);

        public int CompareTo(ShapeKey other) => (Gpu, Cpu, Memory, Disk).CompareTo((other.Gpu, other.Cpu, other.Memory, other.Disk));
    }
}
