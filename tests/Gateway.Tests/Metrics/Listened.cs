using System.Collections.Concurrent;
using System.Diagnostics.Metrics;

namespace Fanfare.Gateway.Tests.Metrics;

/// <summary>Fanfare's instruments in this process, with the attributes that their measurements had.</summary>
internal sealed class Listened : IDisposable
{
    private readonly MeterListener _listener = new();

    public Listened()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name != Telemetry.Meter) return;
            Instruments[instrument.Name] = instrument;
            listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((instrument, _, tags, _) => Hear(instrument, tags));
        _listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Hear(instrument, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Hear(instrument, tags));
        _listener.Start();
    }

    public ConcurrentDictionary<string, Instrument> Instruments { get; } = new();

    /// <summary>Values that attributes had: by instrument and attribute.</summary>
    public ConcurrentDictionary<(string Instrument, string Attribute), ConcurrentDictionary<string, bool>> Values { get; } = new();

    public void Look() => _listener.RecordObservableInstruments();

    public void Dispose() => _listener.Dispose();

    private void Hear(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        foreach (var (name, value) in tags) Values.GetOrAdd((instrument.Name, name), _ => new())[$"{value}"] = true;
    }
}
