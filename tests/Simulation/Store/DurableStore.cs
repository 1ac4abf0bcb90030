using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Store;

/// <summary>What outlives every crash: streams as JSON, wake rows, read-model rows. Only <see cref="SimJournal"/> writes to it.</summary>
internal sealed class DurableStore(VirtualLoop loop)
{
    private readonly Dictionary<StreamId, Head> _heads = [];

    public VirtualLoop Loop => loop;

    /// <summary>Raised at every start of a process.</summary>
    public long Term { get; set; }

    public static string Incarnation => "sim1";

    /// <summary>All events in commit order.</summary>
    public List<Recorded> History { get; } = [];

    public RowTables Rows { get; } = new();

    /// <summary>Called for every event as it becomes durable.</summary>
    public Action<Recorded>? Observed { get; set; }

    public IEnumerable<StreamId> Streams => _heads.Keys;

    public OpenedStream Open(StreamId stream, long epoch)
    {
        var head = Fence(stream, epoch);
        return new OpenedStream(head.Sequence, epoch, head.Wake?.Acknowledged ?? long.MaxValue, Read(stream));
    }

    /// <summary>Fences whoever opened the stream before.</summary>
    public Head Fence(StreamId stream, long epoch)
    {
        var head = HeadOf(stream);
        if (epoch > head.Epoch) head.Epoch = epoch;
        return head;
    }

    /// <summary>The stream's events, decoded anew; from the last on that says all before it.</summary>
    public IReadOnlyList<JournalEvent> Read(StreamId stream)
    {
        var head = HeadOf(stream);
        List<JournalEvent> events = [.. head.Events.Select((e, i) => new JournalEvent(head.Removed + i + 1, e.At, e.Actor, JsonSerializer.Deserialize(e.Json, ContractsJson.Default.Event)!))];
        return events.FindLastIndex(e => e.Event is CarriedEvent) is > 0 and var carried ? events[carried..] : events;
    }

    public Wake? WakeOf(StreamId stream) => HeadOf(stream).Wake;

    /// <summary>Opens a stream that has no event; null when it has some.</summary>
    public OpenedStream? OpenNew(StreamId stream, long epoch) => HeadOf(stream).Sequence == 0 ? Open(stream, epoch) : null;

    /// <summary>Writes all of the appends, or none.</summary>
    public AppendOutcome Commit(IReadOnlyList<Append> appends, string process)
    {
        foreach (var append in appends)
        {
            var head = HeadOf(append.Stream);
            if (append.Epoch < head.Epoch || append.ExpectedSequence != head.Sequence) return AppendOutcome.Fenced;
        }
        foreach (var append in appends) Write(append, process);
        return AppendOutcome.Committed;
    }

    private void Write(Append append, string process)
    {
        var head = HeadOf(append.Stream);
        head.Epoch = append.Epoch;
        foreach (var e in append.Events)
        {
            if (e.Sequence != head.Sequence + 1) throw new InvalidOperationException($"{append.Stream}: event {e.Sequence} was appended at {head.Sequence}.");
            // The store keeps microseconds, so replay may not rely on finer time.
            var at = new DateTimeOffset(e.At.Ticks - (e.At.Ticks % TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);
            var json = JsonSerializer.Serialize(e.Event, ContractsJson.Default.Event);
            head.Events.Add(new Stored(at, e.Actor, json));
            var decoded = JsonSerializer.Deserialize(json, ContractsJson.Default.Event)!;
            var recorded = new Recorded(History.Count + 1, loop.Now, process, append.Stream, new JournalEvent(e.Sequence, at, e.Actor, decoded), json);
            History.Add(recorded);
            Observed?.Invoke(recorded);
        }
        foreach (var row in append.Rows) Rows.Put(row, append.Stream);
        head.Wake = append.Wake;
    }

    public AppendOutcome Acknowledge(StreamId stream, long epoch, Wake? wake, long? carried)
    {
        var head = HeadOf(stream);
        if (epoch < head.Epoch) return AppendOutcome.Fenced;
        if (carried - head.Removed is { } kept and > 1)
        {
            head.Events.RemoveRange(0, (int)kept - 1);
            head.Removed += kept - 1;
        }
        head.Wake = wake;
        return AppendOutcome.Committed;
    }

    public IReadOnlyList<(StreamId Stream, DateTimeOffset Due)> Due(DateTimeOffset due) =>
        [.. _heads.Where(h => h.Value.Wake is { } wake && wake.Due <= due).Select(h => (h.Key, h.Value.Wake!.Due)).OrderBy(w => w.Due).ThenBy(w => w.Key.ToString(), StringComparer.Ordinal)];

    private Head HeadOf(StreamId stream)
    {
        if (_heads.TryGetValue(stream, out var head)) return head;
        return _heads[stream] = new Head();
    }

    internal sealed record Stored(DateTimeOffset At, string Actor, string Json);

    internal sealed class Head
    {
        public List<Stored> Events { get; } = [];

        /// <summary>Events that came before these.</summary>
        public long Removed { get; set; }

        public long Sequence => Removed + Events.Count;

        public long Epoch { get; set; }

        public Wake? Wake { get; set; }
    }
}
