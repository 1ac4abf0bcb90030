using Fanfare.Engine;
using Fanfare.Storage;

namespace Fanfare.Gateway;

/// <summary>The server's metrics. To begin collecting loads OpenTelemetry, which takes longer than many a command; so that happens beside what the server does, or when somebody asks for the first time.</summary>
internal sealed class ServerTelemetry : IDisposable
{
    /// <summary>Of Fanfare, of ASP.NET Core (answers by route) and of .NET itself.</summary>
    private static readonly string[] _meters = [Telemetry.Meter, "Microsoft.AspNetCore.Hosting", "System.Runtime"];

    private readonly Lock _lock = new();
    private readonly IServiceProvider _services;
    private readonly bool _sendsOtlp = OtlpSettings.IsWanted(OtlpSignal.Metrics, Environment.GetEnvironmentVariable);
    private Collection? _collection;
    private bool _isDisposed;

    /// <param name="options">Say whether it is collected from the start; it is in any case where somebody waits to be sent it.</param>
    public ServerTelemetry(GatewayOptions options, IHostApplicationLifetime lifetime, IServiceProvider services)
    {
        _services = services;
        if (options.MeasuresFromStart || _sendsOtlp) lifetime.ApplicationStarted.Register(() => Task.Run(Start));
    }

    public string Read(ExpositionFormat format) => (Start() ?? throw new ApiFault(ErrorCodes.Busy, "The server is shutting down.")).Read(format);

    public void Dispose()
    {
        lock (_lock)
        {
            _isDisposed = true;
            // Sends what is not sent yet.
            _collection?.Dispose();
            _collection = null;
        }
    }

    private Collection? Start()
    {
        lock (_lock)
        {
            if (_isDisposed || _collection is not null) return _collection;
            _services.GetRequiredService<ServerGauges>();
            _collection = new Collection(_meters, _sendsOtlp);
            EngineInstruments.Begin();
            StorageInstruments.Begin();
            TraceExport.BeginCounts();
            ServerLog.BeginCounts();
            return _collection;
        }
    }
}
