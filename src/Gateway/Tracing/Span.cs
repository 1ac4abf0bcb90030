using System.Diagnostics;
using Fanfare.Contracts;
using Fanfare.Engine;

namespace Fanfare.Gateway;

/// <summary>A span as it is sent.</summary>
/// <param name="Id">Null for one that is drawn.</param>
/// <param name="Parent">Null for the first of a trace.</param>
internal sealed record Span(string Trace, string? Id, string? Parent, string Name, DateTimeOffset Start, DateTimeOffset End, IReadOnlyList<KeyValuePair<string, object?>> Attributes)
{
    /// <summary>True for what went well, false for what failed; null for neither.</summary>
    public bool? IsOk { get; init; }

    /// <summary>What failed.</summary>
    public string? Error { get; init; }

    public ActivityKind Kind { get; init; } = ActivityKind.Internal;

    /// <summary>Another span that this one leads to.</summary>
    public ActivityLink? Link { get; init; }
}

/// <summary>Makes of attempts and runs the spans of their traces; docs/telemetry.md has a table of them.</summary>
internal static class RunSpans
{
    private const string RunKey = "fanfare.run", FlowKey = "fanfare.flow";

    /// <summary>Spans that an attempt has at most.</summary>
    public const int MostOfAttempt = 4;

    public static Span Of(RunTrace run)
    {
        var isFirst = run.Generation == 0;
        return new Span(
            TraceIds.OfRun(run.Namespace, run.Run), TraceIds.OfGeneration(run.Namespace, run.Run, run.Generation), isFirst ? null : TraceIds.OfGeneration(run.Namespace, run.Run, 0),
            (isFirst ? "run " : "retry of run ") + run.Flow, run.StartedAt, run.EndedAt,
            [
                new("fanfare.namespace", run.Namespace), new(RunKey, run.Run), new(FlowKey, run.Flow), new("fanfare.deployment", (long)run.Deployment), new("fanfare.generation", (long)run.Generation),
                new(Telemetry.Outcome, run.Status.ToString().ToLowerInvariant()), .. Type(run.Error),
            ])
        {
            IsOk = run.Status switch { RunStatus.Succeeded => true, RunStatus.Failed => false, _ => null },
            Error = run.Error?.Message,
        };
    }

    /// <summary>The attempt's own, and one for each of its parts that is known.</summary>
    public static IEnumerable<Span> Of(AttemptTrace attempt)
    {
        var task = attempt.Task;
        var (trace, id) = (TraceIds.OfRun(task.Namespace, task.Run), TraceIds.OfAttempt(task, attempt.Attempt));
        yield return new Span(
            trace, id, TraceIds.OfGeneration(task.Namespace, task.Run, attempt.Run.Generation), "task " + task.Step.Step, attempt.ReadyAt, attempt.EndedAt,
            [
                new("fanfare.namespace", task.Namespace), new(RunKey, task.Run), new(FlowKey, attempt.Run.Flow), new("fanfare.deployment", (long)attempt.Run.Deployment), new("fanfare.step", task.Step.Step),
                new("fanfare.task", attempt.Name), new("fanfare.attempt", (long)attempt.Attempt), new(Telemetry.Queue, attempt.Queue), new("fanfare.worker", attempt.Worker), new(Telemetry.Outcome, attempt.Outcome),
                .. Type(attempt.Error),
                .. attempt.Error?.ExitCode is { } code ? (KeyValuePair<string, object?>[])[new("process.exit.code", (long)code)] : [],
            ])
        {
            IsOk = attempt.Outcome switch { "succeeded" => true, "cancelled" => null, _ => false },
            Error = attempt.Error?.Message,
        };
        yield return Part(trace, id, "queue", attempt.ReadyAt, attempt.LeasedAt);
        // Of one that was lost or cancelled nobody has said when it started, if it did.
        if (attempt.StartedAt is not { } started) yield break;
        yield return Part(trace, id, "start-up", attempt.LeasedAt, started);
        yield return Part(trace, id, "execution", started, attempt.EndedAt);
    }

    /// <summary>In the trace of who started a run: that it did, with a link to the run's.</summary>
    public static Span OfStart(ActivityContext caller, string ns, string run, string flow, DateTimeOffset from, DateTimeOffset until) => new(
        caller.TraceId.ToHexString(), null, caller.SpanId.ToHexString(), "start run of " + flow, from, until, [new("fanfare.namespace", ns), new(RunKey, run), new(FlowKey, flow)])
    {
        Kind = ActivityKind.Producer,
        Link = new ActivityLink(new ActivityContext(ActivityTraceId.CreateFromString(TraceIds.OfRun(ns, run)), ActivitySpanId.CreateFromString(TraceIds.OfGeneration(ns, run, 0)), ActivityTraceFlags.Recorded)),
    };

    private static Span Part(string trace, string attempt, string name, DateTimeOffset start, DateTimeOffset end) => new(trace, TraceIds.OfPart(attempt, name), attempt, name, start, end, []);

    private static KeyValuePair<string, object?>[] Type(TaskError? error) => error is null ? [] : [new("error.type", error.Type)];
}
