using System.Diagnostics;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Logs;

namespace Fanfare.Gateway;

/// <summary>Sends the log by OTLP, in batches; what the receiver does not keep up with is dropped by OpenTelemetry's exporter. A line that names a trace and a span stands with these.</summary>
internal sealed class OtlpLogs : IDisposable
{
    private readonly ServiceProvider _services;
    private readonly ILoggerProvider _provider;

    private OtlpLogs(Func<string, string?> variable)
    {
        var services = new ServiceCollection();
        services.AddLogging(logging => logging.SetMinimumLevel(LogLevel.Trace).AddOpenTelemetry(options =>
        {
            options.IncludeFormattedMessage = true;
            options.SetResourceBuilder(TelemetryResource.Builder);
            options.AddProcessor(new Placing());
            options.AddOtlpExporter(exporter => OtlpSettings.Configure(exporter, OtlpSignal.Logs, variable));
        }));
        _services = services.BuildServiceProvider();
        _provider = _services.GetRequiredService<ILoggerProvider>();
    }

    /// <summary>Null where the environment says that none are sent.</summary>
    public static OtlpLogs? Begin(Func<string, string?> variable) => OtlpSettings.IsWanted(OtlpSignal.Logs, variable) ? new OtlpLogs(variable) : null;

    public ILogger CreateLogger(string category) => _provider.CreateLogger(category);

    public void Dispose() => _services.Dispose();

    /// <summary>Puts a line below the span that it is about, where OpenTelemetry would have the one that the thread is in.</summary>
    private sealed class Placing : BaseProcessor<LogRecord>
    {
        public override void OnEnd(LogRecord data)
        {
            if (data.Attributes is not { } fields) return;
            List<KeyValuePair<string, object?>>? others = null;
            foreach (var (name, value) in fields)
            {
                if (name == LogFields.TraceId) data.TraceId = ActivityTraceId.CreateFromString((string)value!);
                else if (name == LogFields.SpanId) data.SpanId = ActivitySpanId.CreateFromString((string)value!);
                else (others ??= new(fields.Count)).Add(new(name, value));
            }
            data.Attributes = others ?? [];
        }
    }
}
