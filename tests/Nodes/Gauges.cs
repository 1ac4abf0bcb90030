using System.Diagnostics.Metrics;
using Fanfare.Contracts;

namespace Fanfare.Nodes;

/// <summary>What the gauges of all nodes in this process say.</summary>
internal sealed class Gauges : IDisposable
{
    private readonly MeterListener _listener = new();
    private readonly List<(string Instrument, string Tags, int Value)> _said = [];

    public Gauges()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == Telemetry.Meter && instrument.IsObservable) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<int>((instrument, value, tags, _) => _said.Add((instrument.Name, string.Join(' ', tags.ToArray().Select(tag => $"{tag.Value}")), value)));
        _listener.Start();
    }

    /// <summary>What each node says that says anything.</summary>
    public IReadOnlyList<int> Of(string instrument, string tags)
    {
        _said.Clear();
        _listener.RecordObservableInstruments();
        return [.. _said.Where(said => said.Instrument == instrument && said.Tags == tags).Select(said => said.Value)];
    }

    public void Dispose() => _listener.Dispose();
}
