using System.Diagnostics.Metrics;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Engine;

/// <summary>What there is at a node at the moment. Whoever collects does so on a thread of its own, and must neither wait for the engine nor look at what it works on: so the engine writes down what there is every few seconds
/// (<see cref="EngineOptions.ScanEvery"/>), while somebody listens, and that is what is told. A node has gauges of its own, which end with it.</summary>
internal sealed class EngineGauges : IDisposable
{
    /// <summary>Queues that a node keeps apart, in the order in which it saw them: their names are authors' to choose.</summary>
    public const int MostQueues = 100;

    /// <summary>What the other queues are counted under, all together.</summary>
    public const string OtherQueues = "(other)";

    private static readonly KeyValuePair<string, object?>
        _ready = Telemetry.Tag(Telemetry.State, "ready"), _running = Telemetry.Tag(Telemetry.State, "running"),
        _live = Telemetry.Tag(Telemetry.State, "live"), _silent = Telemetry.Tag(Telemetry.State, "silent"),
        _used = Telemetry.Tag(Telemetry.State, "used"), _free = Telemetry.Tag(Telemetry.State, "free");

    private static readonly KeyValuePair<string, object?> _events = Telemetry.Tag(Telemetry.Kind, "event"), _notices = Telemetry.Tag(Telemetry.Kind, "notice");

    private static readonly Dictionary<RunStatus, KeyValuePair<string, object?>> _statuses =
        Enum.GetValues<RunStatus>().Where(status => !status.IsTerminal()).ToDictionary(status => status, status => Telemetry.Tag(Telemetry.State, status.ToString().ToLowerInvariant()));

    private static readonly (StreamKind Kind, KeyValuePair<string, object?> Tag)[] _kinds =
    [
        (StreamKind.Flow, Telemetry.Tag(Telemetry.Kind, "flow")), (StreamKind.Schedule, Telemetry.Tag(Telemetry.Kind, "schedule")),
        (StreamKind.Event, Telemetry.Tag(Telemetry.Kind, "event")), (StreamKind.Trigger, Telemetry.Tag(Telemetry.Kind, "trigger")),
        (StreamKind.Backfill, Telemetry.Tag(Telemetry.Kind, "backfill")),
        (StreamKind.Notice, Telemetry.Tag(Telemetry.Kind, "notice")), (StreamKind.Pool, Telemetry.Tag(Telemetry.Kind, "pool")),
        (StreamKind.Run, Telemetry.Tag(Telemetry.Kind, "run")), (StreamKind.Step, Telemetry.Tag(Telemetry.Kind, "step")),
    ];

    private readonly Dictionary<string, KeyValuePair<string, object?>> _queues = [];
    private readonly Meter _meter = new(Telemetry.Meter);
    private readonly Instrument _watched;
    private volatile Seen? _seen;
    private volatile OpenCounts? _open;

    public EngineGauges()
    {
        _watched = _meter.CreateObservableGauge("fanfare.queue.tasks", () => Tell(TasksOf), "{task}", "Tasks of a queue that could start, were a worker there, and tasks that run.");
        _meter.CreateObservableGauge("fanfare.queue.oldest.age", () => Tell(AgesOf), "s", "How long the task of a queue has waited that waits longest; 0 where none waits.");
        _meter.CreateObservableGauge("fanfare.worker.known", () => Tell<int>(seen => [new(seen.Workers.Live, _live), new(seen.Workers.Silent, _silent)]), "{worker}", "Workers that this node knows: those that polled within the last minute, and those that have not since.");
        _meter.CreateObservableGauge("fanfare.worker.slots", () => Tell<int>(seen => [new(seen.Workers.Used, _used), new(seen.Workers.Free, _free)]), "{slot}", "Tasks that the live workers run for this node, and how many more they would take.");
        _meter.CreateObservableGauge("fanfare.worker.polls", () => Tell<int>(seen => [new(seen.Workers.Polls)]), "{poll}", "Polls of workers that wait for work.");
        _meter.CreateObservableGauge("fanfare.engine.entities", () => Tell(EntitiesOf), "{entity}", "Flows, schedules, events, triggers, runs and steps in memory.");
        _meter.CreateObservableGauge("fanfare.flow.failures", () => Tell<int>(seen => seen.Failing.Select(flow => new Measurement<int>(flow.Failures, Telemetry.Tag(Telemetry.Flow, flow.Flow)))), "{run}",
            "Runs of a flow that failed one after another, without one that succeeded since; told from the third on, and of the flows whose runs ended at this server.");
        _meter.CreateObservableGauge("fanfare.node.shards", () => Tell<int>(seen => seen.Shards is { } shards ? [new(shards)] : []), "{shard}", "Shards of the journal that this node owns, where several share it.");
        _meter.CreateObservableGauge("fanfare.dead_letters", () => _open is { } open ? DeadLettersOf(open) : [], "{letter}",
            "Dead letters that nobody has redriven or dismissed: events that could start no run, one for each trigger, and notices of which some receiver was not told. One of all servers tells it, for all of them.");
        _meter.CreateObservableGauge("fanfare.run.active", () => _open is { } open ? ActiveRunsOf(open) : [], "{run}", "Runs that have not ended, by status, whoever has them. One of all servers tells it, for all of them.");
    }

    /// <summary>Whether anybody listens, so that it is worth to look.</summary>
    public bool IsWatched => _watched.Enabled;

    /// <summary>Takes what there is now.</summary>
    public void Take(IEnumerable<EntityInMemory> entities, WorkerCounts workers, IReadOnlyList<(string Flow, int Failures)> failing, int? shards, TimeSpan uptime)
    {
        var (queues, kinds) = (new Dictionary<string, QueueCounts>(), new int[Enum.GetValues<StreamKind>().Length]);
        foreach (var (kind, offered, waitsSince) in entities)
        {
            kinds[(int)kind]++;
            if (offered is not { } offer) continue;
            var name = _queues.ContainsKey(offer.Queue) || _queues.Count < MostQueues ? offer.Queue : OtherQueues;
            if (!_queues.ContainsKey(name)) _queues[name] = Telemetry.Tag(Telemetry.Queue, name);
            var counts = queues.GetValueOrDefault(name);
            var age = waitsSince is { } since ? uptime - since : TimeSpan.Zero;
            queues[name] = new QueueCounts(counts.Ready + offer.Ready, counts.Running + offer.Running, age > counts.Oldest ? age : counts.Oldest);
        }
        // One that was seen once is told of as long as the node lives: that nothing waits there is to be seen, too.
        _seen = new Seen([.. _queues.Select(queue => (queue.Value, queues.GetValueOrDefault(queue.Key)))], kinds, workers, failing, shards);
    }

    /// <summary>Takes what there is in the whole journal; null at a node that does not tell it.</summary>
    public void TakeOpen(OpenCounts? open) => _open = open;

    public void Dispose() => _meter.Dispose();

    private IEnumerable<Measurement<T>> Tell<T>(Func<Seen, IEnumerable<Measurement<T>>> measure)
        where T : struct => _seen is { } seen ? measure(seen) : [];

    private static IEnumerable<Measurement<long>> TasksOf(Seen seen)
    {
        foreach (var (queue, counts) in seen.Queues)
        {
            yield return new Measurement<long>(counts.Ready, queue, _ready);
            yield return new Measurement<long>(counts.Running, queue, _running);
        }
    }

    private static IEnumerable<Measurement<double>> AgesOf(Seen seen) => seen.Queues.Select(queue => new Measurement<double>(queue.Counts.Oldest.TotalSeconds, queue.Tag));

    private static IEnumerable<Measurement<int>> EntitiesOf(Seen seen) => _kinds.Select(kind => new Measurement<int>(seen.Kinds[(int)kind.Kind], kind.Tag));

    private static IEnumerable<Measurement<int>> DeadLettersOf(OpenCounts open) => [new(open.DeadEvents, _events), new(open.DeadNotices, _notices)];

    private static IEnumerable<Measurement<int>> ActiveRunsOf(OpenCounts open) => open.ActiveRuns.Select(runs => new Measurement<int>(runs.Value, _statuses[runs.Key]));

    private sealed record Seen(IReadOnlyList<(KeyValuePair<string, object?> Tag, QueueCounts Counts)> Queues, int[] Kinds, WorkerCounts Workers, IReadOnlyList<(string Flow, int Failures)> Failing, int? Shards);

    private readonly record struct QueueCounts(long Ready, long Running, TimeSpan Oldest);
}

/// <param name="Offer">What its step offers; null where it is no step, or offers nothing.</param>
/// <param name="WaitsSince">Since when the one of its ready tasks waits that has waited longest, by the node's uptime; null when none does.</param>
internal readonly record struct EntityInMemory(StreamKind Kind, Offer? Offer, TimeSpan? WaitsSince);

/// <summary>Workers as the dispatcher knows them.</summary>
/// <param name="Live">Those that polled within the last minute.</param>
/// <param name="Silent">Those that have not.</param>
/// <param name="Used">Leases that live workers hold.</param>
/// <param name="Free">How many more tasks they would take.</param>
/// <param name="Polls">Polls that wait for work.</param>
internal readonly record struct WorkerCounts(int Live, int Silent, int Used, int Free, int Polls);
