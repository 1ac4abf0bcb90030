using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Fanfare.Contracts;

/// <summary>The kinds of entity that own an event stream.</summary>
public enum StreamKind
{
    Flow,
    Run,
    Step,
    Queue,
    Schedule,
    Event,
    Trigger,
    Backfill,
    Notice,
    Pool,
}

/// <summary>Names one event stream: <c>namespace/kind/name</c>. A step's name is <c>run/key</c>, a schedule's <c>flow/schedule</c>, a trigger's <c>flow/trigger</c>.</summary>
[JsonConverter(typeof(StreamIdJson))]
public readonly record struct StreamId(string Namespace, StreamKind Kind, string Name)
{
    public static StreamId Flow(string ns, string flow) => new(ns, StreamKind.Flow, flow);

    public static StreamId Run(string ns, string run) => new(ns, StreamKind.Run, run);

    public static StreamId Step(string ns, string run, StepKey key) => new(ns, StreamKind.Step, $"{run}/{key.Loops.Length}:{key}");

    public static StreamId Queue(string ns, string queue) => new(ns, StreamKind.Queue, queue);

    public static StreamId Schedule(string ns, string flow, string schedule) => new(ns, StreamKind.Schedule, $"{flow}/{schedule}");

    public static StreamId Event(string ns, string id) => new(ns, StreamKind.Event, id);

    public static StreamId Trigger(string ns, string flow, string trigger) => new(ns, StreamKind.Trigger, $"{flow}/{trigger}");

    public static StreamId Backfill(string ns, string id) => new(ns, StreamKind.Backfill, id);

    public static StreamId Notice(string ns, string id) => new(ns, StreamKind.Notice, id);

    /// <summary>Pools are the cluster's: their machines work for all namespaces.</summary>
    public static StreamId Pool(string pool) => new("default", StreamKind.Pool, pool);

    /// <summary>The run that this stream belongs to; null for what belongs to none.</summary>
    public string? RunId => Kind switch
    {
        StreamKind.Run => Name,
        StreamKind.Step => Name[..Name.IndexOf('/', StringComparison.Ordinal)],
        _ => null,
    };

    /// <summary>The step key in a step stream's name.</summary>
    /// <exception cref="InvalidOperationException">This is not a step's stream.</exception>
    public StepKey StepKey => TryStepKey(out var key) ? key : throw new InvalidOperationException($"Stream {this} is not a step's.");

    /// <summary>The flow and the name of a schedule, by its stream's name.</summary>
    /// <exception cref="InvalidOperationException">This is not a schedule's stream.</exception>
    public (string Flow, string Name) ScheduleName => Kind == StreamKind.Schedule && Name.Split('/') is [var flow, var name]
        ? (flow, name) : throw new InvalidOperationException($"Stream {this} is not a schedule's.");

    /// <summary>The flow and the name of a trigger, by its stream's name.</summary>
    /// <exception cref="InvalidOperationException">This is not a trigger's stream.</exception>
    public TriggerName TriggerName => Kind == StreamKind.Trigger && Name.Split('/') is [var flow, var name]
        ? new(flow, name) : throw new InvalidOperationException($"Stream {this} is not a trigger's.");

    public override string ToString() => $"{Namespace}/{KindName(Kind)}/{Name}";

    public static bool TryParse(string text, out StreamId stream)
    {
        stream = default;
        var parts = text.Split('/', 3);
        if (parts.Length != 3) return false;
        StreamKind? kind = parts[1] switch
        {
            "flow" => StreamKind.Flow,
            "run" => StreamKind.Run,
            "step" => StreamKind.Step,
            "queue" => StreamKind.Queue,
            "schedule" => StreamKind.Schedule,
            "event" => StreamKind.Event,
            "trigger" => StreamKind.Trigger,
            "backfill" => StreamKind.Backfill,
            "notice" => StreamKind.Notice,
            "pool" => StreamKind.Pool,
            _ => null,
        };
        if (kind is null || parts[0].Length == 0 || parts[2].Length == 0) return false;
        var named = new StreamId(parts[0], kind.Value, parts[2]);
        if (kind == StreamKind.Step && !named.TryStepKey(out _)) return false;
        if (kind is StreamKind.Schedule or StreamKind.Trigger && parts[2].Split('/') is not [{ Length: > 0 }, { Length: > 0 }]) return false;
        stream = named;
        return true;
    }

    private bool TryStepKey(out StepKey key)
    {
        key = default;
        var slash = Name.IndexOf('/', StringComparison.Ordinal);
        var colon = Name.IndexOf(':', StringComparison.Ordinal);
        return Kind == StreamKind.Step
            && slash > 0 && colon > slash
            && int.TryParse(Name.AsSpan(slash + 1, colon - slash - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var frames)
            && StepKey.TryParse(Name[(colon + 1)..], frames, out key);
    }

    private static string KindName(StreamKind kind) => kind switch
    {
        StreamKind.Flow => "flow",
        StreamKind.Run => "run",
        StreamKind.Step => "step",
        StreamKind.Queue => "queue",
        StreamKind.Schedule => "schedule",
        StreamKind.Event => "event",
        StreamKind.Trigger => "trigger",
        StreamKind.Backfill => "backfill",
        StreamKind.Notice => "notice",
        StreamKind.Pool => "pool",
        _ => throw new ArgumentOutOfRangeException(nameof(kind)),
    };
}

internal sealed class StreamIdJson : JsonConverter<StreamId>
{
    public override StreamId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        StreamId.TryParse(reader.GetString() ?? "", out var stream) ? stream : throw new JsonException("A stream id is namespace/kind/name.");

    public override void Write(Utf8JsonWriter writer, StreamId value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
}
