using System.Diagnostics;
using System.Runtime.CompilerServices;
using Fanfare.Contracts;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Trace;

namespace Fanfare.Gateway;

/// <summary>Sends spans by OpenTelemetry's exporter. Its spans are .NET's activities, which are meant to be measured while they last and draw their ids themselves. Ours have ended long before, and their ids follow from what they stand for, which no public member sets:
/// two fields of theirs are written directly. A test sees to it that they are there. Not safe for use by several threads at a time.</summary>
internal sealed class SpanSender : IDisposable
{
    private readonly ActivitySource _source = new(Telemetry.Meter, ServerApi.Version);
    private readonly Collecting _collecting;
    private readonly OtlpTraceExporter _exporter;
    private readonly TracerProvider _provider;

    public SpanSender(Func<string, string?> variable)
    {
        var options = new OtlpExporterOptions();
        OtlpSettings.Configure(options, OtlpSignal.Traces, variable);
        _exporter = new OtlpTraceExporter(options);
        _collecting = new Collecting(_exporter);
        // What is to be sampled is decided before: by run.
        _provider = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(TelemetryResource.Builder).SetSampler(new AlwaysOnSampler()).AddSource(Telemetry.Meter).AddProcessor(_collecting).Build();
    }

    /// <summary>Sends them and waits for the answer.</summary>
    /// <returns>Whether the receiver has taken them.</returns>
    public bool Send(IReadOnlyList<Span> spans)
    {
        foreach (var span in spans) Write(span);
        var activities = _collecting.Take();
        return _exporter.Export(new Batch<Activity>(activities, activities.Length)) == ExportResult.Success;
    }

    public void Dispose()
    {
        _provider.Dispose();
        _source.Dispose();
    }

    private void Write(Span span)
    {
        // Not a part of whatever this thread does.
        Activity.Current = null;
        var trace = ActivityTraceId.CreateFromString(span.Trace);
        var parent = span.Parent is { } given ? new ActivityContext(trace, ActivitySpanId.CreateFromString(given), ActivityTraceFlags.Recorded, isRemote: true) : default;
        using var activity = _source.CreateActivity(span.Name, span.Kind, parent, span.Attributes, span.Link is { } link ? [link] : null)
            ?? throw new InvalidOperationException("OpenTelemetry does not listen to the source of spans.");
        activity.SetStartTime(span.Start.UtcDateTime).Start();
        if (span.Parent is null) TraceIdOf(activity) = span.Trace;
        if (span.Id is { } id) SpanIdOf(activity) = id;
        if (span.IsOk is { } isOk) activity.SetStatus(isOk ? ActivityStatusCode.Ok : ActivityStatusCode.Error, isOk ? null : span.Error);
        activity.SetEndTime(span.End.UtcDateTime).Stop();
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_traceId")]
    private static extern ref string? TraceIdOf(Activity activity);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_spanId")]
    private static extern ref string? SpanIdOf(Activity activity);

    /// <summary>Keeps what has ended, until all of a batch has. The exporter is its own for its resource's sake.</summary>
    private sealed class Collecting(OtlpTraceExporter exporter) : BaseExportProcessor<Activity>(exporter)
    {
        private readonly List<Activity> _ended = [];

        public Activity[] Take()
        {
            var taken = _ended.ToArray();
            _ended.Clear();
            return taken;
        }

        protected override void OnExport(Activity data) => _ended.Add(data);
    }
}
