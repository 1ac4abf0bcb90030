using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Replay;

/// <summary>The state that the production entities come to by replaying a journal.</summary>
internal static class ReplayedStream
{
    /// <summary>Nulls are written: that there is no error is part of a state.</summary>
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new SnakeCaseEnums() },
    };

    /// <summary>What all streams of a journal come to, in the order of their first events.</summary>
    public static JsonArray StatesOf(IReadOnlyList<RecordedEvent> journal) =>
        [.. journal.GroupBy(e => e.Stream).Select(stream => StateOf(EntityOf(stream.Key, journal, acknowledged: 0), stream))];

    /// <summary>A stream's entity after the replay of all its events.</summary>
    public static Entity EntityOf(StreamId stream, IReadOnlyList<RecordedEvent> journal, long acknowledged)
    {
        Entity entity = stream.Kind switch
        {
            StreamKind.Flow => new FlowEntity(stream),
            StreamKind.Run => new RunEntity(stream, ContextOf(stream, journal)),
            StreamKind.Schedule => new ScheduleEntity(stream),
            StreamKind.Event => new EventEntity(stream),
            StreamKind.Trigger => new TriggerEntity(stream),
            StreamKind.Backfill => new BackfillEntity(stream),
            StreamKind.Notice => new NoticeEntity(stream),
            StreamKind.Pool => new PoolEntity(stream),
            StreamKind.Step => new StepEntity(stream, ContextOf(stream, journal), TimeSpan.FromMinutes(5)),
            _ => throw new InvalidOperationException($"{stream} is of no kind that fixtures hold."),
        };
        entity.Replay(journal.Where(e => e.Stream == stream).Select(e => e.Entry), acknowledged);
        return entity;
    }

    /// <summary>Messages that wait to be acknowledged, in the order in which they were sent.</summary>
    public static IReadOnlyList<OutboxMessage> OutboxOf(Entity entity) =>
        [.. entity.TakeUnsent().SelectMany(target => entity.OutboxTo(target, int.MaxValue)).OrderBy(m => m.Sequence)];

    public static JsonNode? RowOf(Row? row) => row is null ? null : JsonSerializer.SerializeToNode(row, row.GetType(), Json);

    private static JsonObject StateOf(Entity entity, IEnumerable<RecordedEvent> events) => new()
    {
        ["stream"] = entity.Id.ToString(),
        ["sequence"] = entity.Sequence,
        // Of a schedule that was removed no row is read, nor of a notice that nobody is told of, nor of a pool of which nothing is left.
        ["row"] = RowOf(entity.CurrentRow is ScheduleRow { Standing: null } or NoticeRow { IsRaised: false } or PoolRow { Standing: null } ? null : entity.CurrentRow),
        ["tasks"] = entity is StepEntity step ? TasksOf(step, events) : null,
        ["outbox"] = new JsonArray([.. OutboxOf(entity).Select(MessageOf)]),
        ["flow"] = entity is FlowEntity flow ? new JsonObject { ["latest"] = flow.Latest, ["deleted"] = flow.Deleted } : null,
        ["pool"] = entity is PoolEntity pool ? PoolOf(pool) : null,
    };

    // Where each task is that ever was leased or decided on.
    private static JsonObject TasksOf(StepEntity step, IEnumerable<RecordedEvent> events)
    {
        var splits = events.Select(e => JsonNode.Parse(e.Json)!["split"]).Where(s => s is not null && s.GetValueKind() == JsonValueKind.Number).Select(s => s!.GetValue<int>());
        return new JsonObject(splits.Distinct().Order().Select(s =>
            KeyValuePair.Create(s.ToString(System.Globalization.CultureInfo.InvariantCulture), (JsonNode?)step.Explain(s, DateTimeOffset.UnixEpoch).State)));
    }

    // Of which the row says nothing.
    private static JsonObject PoolOf(PoolEntity pool) => new()
    {
        ["version"] = pool.Version,
        ["is_deleted"] = pool.IsDeleted,
        ["launches"] = JsonSerializer.SerializeToNode(pool.Launches, Json),
        ["machines"] = JsonSerializer.SerializeToNode(pool.Machines.OrderBy(machine => machine.Machine, StringComparer.Ordinal), Json),
        ["trouble"] = JsonSerializer.SerializeToNode(pool.Trouble, Json),
    };

    private static JsonNode MessageOf(OutboxMessage message) => new JsonObject
    {
        ["sequence"] = message.Sequence,
        ["target"] = message.Target.ToString(),
        ["message"] = JsonSerializer.SerializeToNode(message.Message, ContractsJson.Default.EntityMessage),
    };

    private static RunContext ContextOf(StreamId stream, IReadOnlyList<RecordedEvent> journal)
    {
        var run = StreamId.Run(stream.Namespace, stream.RunId!);
        var started = (RunStarted)journal.First(e => e.Stream == run).Event;
        var flow = StreamId.Flow(stream.Namespace, started.Flow);
        var deployed = journal.Where(e => e.Stream == flow).Select(e => e.Event).OfType<FlowDeployed>().Single(d => d.Version == started.Deployment);
        var graph = FlowGraph.Compile(FlowSpecJson.Read(deployed.Spec), out var errors);
        Assert.Empty(errors);
        return new RunContext(graph!, started.Deployment, started.Parameters, deployed.Package);
    }
}
