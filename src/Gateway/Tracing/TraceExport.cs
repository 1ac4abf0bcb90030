using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Fanfare.Contracts;
using Fanfare.Engine;

namespace Fanfare.Gateway;

/// <summary>Sends the traces of runs to where OpenTelemetry's environment variables say, from a thread of its own. What waits to be sent is bounded: when the receiver does not keep up, or is away for long, spans are dropped and counted, and nothing else waits.</summary>
public sealed class TraceExport : ITraces, IDisposable
{
    private const int DefaultQueue = 16_384, DefaultBatch = 512, DefaultDelayMs = 1000;

    /// <summary>Times that spans are sent again to a receiver that does not take them, after 1 s, 2 s, 4 s, …</summary>
    private const int MostTries = 6;

    /// <summary>Longest a stop waits for what is not sent yet.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(5);

    private static readonly Meter _meter = new(Telemetry.Meter);
    private static readonly Counter<long> _spans = _meter.CreateCounter<long>(
        "fanfare.trace.spans", "{span}", "Spans of runs, by what became of them: taken by the receiver, or dropped, since too many waited or the receiver did not take them. Only where traces are sent.");

    private static readonly KeyValuePair<string, object?> _exported = Telemetry.Tag(Telemetry.Outcome, "exported"), _dropped = Telemetry.Tag(Telemetry.Outcome, "dropped");

    private readonly BlockingCollection<object> _waiting;
    private readonly CancellationTokenSource _ending = new();
    private readonly TraceSampling _sampling;
    private readonly Func<string, string?> _variable;
    private readonly Action<string> _log;
    private readonly Thread _thread;
    private readonly int _batch;
    private readonly TimeSpan _delay;
    private bool _isAway;

    private TraceExport(Func<string, string?> variable, Action<string> log)
    {
        (_variable, _log, _sampling) = (variable, log, new TraceSampling(variable, log));
        _waiting = new BlockingCollection<object>(OtlpSettings.Number(variable("OTEL_BSP_MAX_QUEUE_SIZE")) ?? DefaultQueue);
        _batch = OtlpSettings.Number(variable("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")) ?? DefaultBatch;
        _delay = TimeSpan.FromMilliseconds(OtlpSettings.Number(variable("OTEL_BSP_SCHEDULE_DELAY")) ?? DefaultDelayMs);
        _thread = new Thread(Run) { IsBackground = true, Name = "traces" };
        _thread.Start();
    }

    /// <summary>Begins to send traces; null where the environment says that none are sent.</summary>
    /// <param name="variable">An environment variable's value; null or empty where it is not set.</param>
    /// <param name="log">Takes lines for the operator.</param>
    public static TraceExport? Begin(Func<string, string?> variable, Action<string> log) => OtlpSettings.IsWanted(OtlpSignal.Traces, variable) ? new TraceExport(variable, log) : null;

    /// <summary>Has every count be seen from now on, at 0 until the first time.</summary>
    internal static void BeginCounts()
    {
        _spans.Add(0, _exported);
        _spans.Add(0, _dropped);
    }

    public bool IsSampled(string ns, string run) => _sampling.IsSampled(TraceIds.OfRun(ns, run));

    public void Ended(AttemptTrace attempt) => Put(attempt, attempt.StartedAt is null ? 2 : RunSpans.MostOfAttempt);

    public void Ended(RunTrace run) => Put(run, 1);

    /// <summary>Tells the trace of who started a run of it. Nothing where there is none, or it is not kept.</summary>
    internal void Started(HttpContext http, string ns, string run, string flow, DateTimeOffset from, DateTimeOffset until)
    {
        // What is no such header says nothing, by the standard's word.
        if (ActivityContext.TryParse(http.Request.Headers.TraceParent, http.Request.Headers.TraceState, isRemote: true, out var caller) && caller.TraceFlags.HasFlag(ActivityTraceFlags.Recorded))
            Put(RunSpans.OfStart(caller, ns, run, flow, from, until), 1);
    }

    /// <summary>Sends what is not sent yet, as far as the receiver takes it within some seconds.</summary>
    public void Dispose()
    {
        _waiting.CompleteAdding();
        _ending.CancelAfter(_patience);
        if (!_thread.Join(_patience + TimeSpan.FromSeconds(1))) return;
        _waiting.Dispose();
        _ending.Dispose();
    }

    private void Put(object what, int spans)
    {
        try
        {
            if (_waiting.TryAdd(what)) return;
        }
        catch (InvalidOperationException)
        {
            // The server is at its end.
        }
        _spans.Add(spans, _dropped);
    }

    private void Run()
    {
        // Made here, since to load OpenTelemetry takes a while.
        using var sender = new SpanSender(_variable);
        var batch = new List<Span>();
        while (_waiting.TryTake(out var first, Timeout.Infinite))
        {
            Add(batch, first);
            var since = Stopwatch.GetTimestamp();
            while (batch.Count < _batch && _waiting.TryTake(out var next, Remaining(since))) Add(batch, next);
            Send(sender, batch);
            batch.Clear();
        }
    }

    private int Remaining(long since) => (int)Math.Max(0, (_delay - Stopwatch.GetElapsedTime(since)).TotalMilliseconds);

    private static void Add(List<Span> batch, object what)
    {
        switch (what)
        {
            case AttemptTrace attempt:
                batch.AddRange(RunSpans.Of(attempt));
                break;
            case RunTrace run:
                batch.Add(RunSpans.Of(run));
                break;
            case Span span:
                batch.Add(span);
                break;
        }
    }

    private void Send(SpanSender sender, List<Span> batch)
    {
        for (var tries = 1; !sender.Send(batch); tries++)
        {
            if (!_isAway) _log("The receiver of traces (OTEL_EXPORTER_OTLP_ENDPOINT) does not take them. They are sent again for about a minute, then dropped; all else goes on.");
            _isAway = true;
            if (tries < MostTries && !_ending.Token.WaitHandle.WaitOne(TimeSpan.FromSeconds(1 << (tries - 1)))) continue;
            _spans.Add(batch.Count, _dropped);
            return;
        }
        if (_isAway) _log("The receiver of traces takes them again.");
        _isAway = false;
        _spans.Add(batch.Count, _exported);
    }
}
