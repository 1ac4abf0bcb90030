using System.Collections;

namespace Fanfare.Gateway;

/// <summary>What a line of the log is about, beside its words: names with values.</summary>
public sealed class LogFields(IReadOnlyList<KeyValuePair<string, object?>> fields) : IReadOnlyList<KeyValuePair<string, object?>>
{
    public const string TraceId = "trace_id", SpanId = "span_id";

    public static readonly LogFields None = new([]);

    public int Count => fields.Count;

    public KeyValuePair<string, object?> this[int index] => fields[index];

    public static LogFields OfRun(string ns, string run, string? flow = null, int generation = 0) => new(
    [
        new("namespace", ns), new("run", run), .. flow is null ? (KeyValuePair<string, object?>[])[] : [new("flow", flow)],
        new(TraceId, TraceIds.OfRun(ns, run)), new(SpanId, TraceIds.OfGeneration(ns, run, generation)),
    ]);

    /// <summary>Of an attempt at a task.</summary>
    /// <param name="name">As people write the task.</param>
    public static LogFields OfAttempt(TaskRef task, string name, int attempt, string flow, string? worker) => new(
    [
        new("namespace", task.Namespace), new("run", task.Run), new("flow", flow), new("step", task.Step.Step), new("task", name), new("attempt", attempt),
        .. worker is null ? (KeyValuePair<string, object?>[])[] : [new("worker", worker)],
        new(TraceId, TraceIds.OfRun(task.Namespace, task.Run)), new(SpanId, TraceIds.OfAttempt(task, attempt)),
    ]);

    /// <summary>Of whatever a stream is; of a run's or a step's, the run.</summary>
    public static LogFields OfStream(StreamId stream) => stream.Kind switch
    {
        StreamKind.Run => OfRun(stream.Namespace, stream.Name),
        StreamKind.Step => new([new("namespace", stream.Namespace), new("run", stream.RunId), new("step", stream.StepKey.ToString()), new(TraceId, TraceIds.OfRun(stream.Namespace, stream.RunId!))]),
        _ => new([new("namespace", stream.Namespace), new("stream", stream.ToString())]),
    };

    public IEnumerator<KeyValuePair<string, object?>> GetEnumerator() => fields.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
