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
        var head = HeadOf(stream);
        if (epoch > head.Epoch) head.Epoch = epoch;
        return new OpenedStream(head.Events.Count, epoch, head.Wake?.Acknowledged ?? long.MaxValue, Read(stream));
    }

    /// <summary>The stream's events, decoded anew.</summary>
    public IReadOnlyList<JournalEvent> Read(StreamId stream) => [.. HeadOf(stream).Events.Select((e, i) =>
        new JournalEvent(i + 1, e.At, e.Actor, JsonSerializer.Deserialize(e.Json, ContractsJson.Default.Event)!))];

    public Wake? WakeOf(StreamId stream) => HeadOf(stream).Wake;

    public AppendOutcome Commit(Append append, string process)
    {
        var head = HeadOf(append.Stream);
        if (append.Epoch < head.Epoch || append.ExpectedSequence != head.Events.Count) return AppendOutcome.Fenced;
        head.Epoch = append.Epoch;
        foreach (var e in append.Events)
        {
            if (e.Sequence != head.Events.Count + 1) throw new InvalidOperationException($"{append.Stream}: event {e.Sequence} was appended at {head.Events.Count}.");
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
        return AppendOutcome.Committed;
    }

    public AppendOutcome Acknowledge(StreamId stream, long epoch, Wake? wake)
    {
        var head = HeadOf(stream);
        if (epoch < head.Epoch) return AppendOutcome.Fenced;
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

    private sealed record Stored(DateTimeOffset At, string Actor, string Json);

    private sealed class Head
    {
        public List<Stored> Events { get; } = [];

        public long Epoch { get; set; }

        public Wake? Wake { get; set; }
    }
}
