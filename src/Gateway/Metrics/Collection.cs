using OpenTelemetry;
using OpenTelemetry.Metrics;

namespace Fanfare.Gateway;

/// <summary>Collects the process's instruments: for whoever asks, and, where OpenTelemetry's environment variables name a receiver, every so often for that. A server has one; it counts from when it is made.</summary>
internal sealed class Collection : IDisposable
{
    private static readonly double[] _answerTimes = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

    private readonly Lock _lock = new();
    private readonly PageExporter _exporter = new();
    private readonly BaseExportingMetricReader _reader;
    private readonly MeterProvider _provider;

    /// <param name="meters">Names of the meters that are collected.</param>
    /// <param name="sendsOtlp">Whether what is collected is sent on, too.</param>
    public Collection(IReadOnlyCollection<string> meters, bool sendsOtlp)
    {
        _reader = new BaseExportingMetricReader(_exporter) { TemporalityPreference = MetricReaderTemporalityPreference.Cumulative };
        var builder = Sdk.CreateMeterProviderBuilder()
            .SetResourceBuilder(TelemetryResource.Builder)
            .AddMeter([.. meters])
            // By route alone: which protocol and scheme it was says nothing of the server.
            .AddView("http.server.request.duration", new ExplicitBucketHistogramConfiguration { Boundaries = _answerTimes, TagKeys = ["http.request.method", "http.response.status_code", "http.route"] })
            .AddReader(_reader);
        if (sendsOtlp) builder.AddOtlpExporter(exporter => OtlpSettings.Configure(exporter, OtlpSignal.Metrics, Environment.GetEnvironmentVariable));
        _provider = builder.Build();
    }

    /// <summary>All there is now, in one piece; who asks meanwhile waits for a turn.</summary>
    public string Read(ExpositionFormat format)
    {
        lock (_lock)
        {
            _exporter.Format = format;
            // Measurements are shared with the exporter only while it runs, so it writes the page.
            return _reader.Collect() && _exporter.TakePage() is { } page ? page : throw new InvalidOperationException("The metrics could not be collected.");
        }
    }

    public void Dispose() => _provider.Dispose();

    private sealed class PageExporter : BaseExporter<Metric>
    {
        private string? _page;

        public ExpositionFormat Format { get; set; }

        public string? TakePage()
        {
            var page = _page;
            _page = null;
            return page;
        }

        public override ExportResult Export(in Batch<Metric> batch)
        {
            _page = Exposition.Write(batch, ParentProvider.GetResource(), Format);
            return ExportResult.Success;
        }
    }
}
