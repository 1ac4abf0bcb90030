using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Net.Sockets;
using System.Reflection;
using Fanfare.Engine;

namespace Fanfare.Gateway.Tests.Tracing;

public sealed class TraceExportTests
{
    /// <summary>Fields of .NET's spans that are written to give them their ids. When they are gone, <see cref="SpanSender"/> needs another way.</summary>
    [Theory]
    [InlineData("_traceId")]
    [InlineData("_spanId")]
    public void TheFieldsAreThereThatIdsAreWrittenTo(string name) =>
        Assert.Equal(typeof(string), typeof(Activity).GetField(name, BindingFlags.Instance | BindingFlags.NonPublic)?.FieldType);

    [Fact]
    public void WhatDoesNotFit_IsDroppedAndCounted_AndNobodyWaits()
    {
        // It takes connections and never answers.
        using var receiver = new TcpListener(System.Net.IPAddress.Loopback, 0);
        receiver.Start();
        var counts = new Dictionary<string, long>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, heard) =>
        {
            if (instrument.Name == "fanfare.trace.spans") heard.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, count, tags, _) =>
        {
            lock (counts) counts[$"{tags[0].Value}"] = counts.GetValueOrDefault($"{tags[0].Value}") + count;
        });
        listener.Start();
        var variables = new Dictionary<string, string>
        {
            ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = $"http://{receiver.LocalEndpoint}/v1/traces",
            ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = "http/protobuf",
            ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT"] = "500",
            ["OTEL_BSP_MAX_QUEUE_SIZE"] = "10",
            ["OTEL_BSP_MAX_EXPORT_BATCH_SIZE"] = "1",
        };
        const int Runs = 1000;
        var since = Stopwatch.GetTimestamp();
        using (var export = TraceExport.Begin(variables.GetValueOrDefault, _ => { })!)
        {
            for (var i = 0; i < Runs; i++) export.Ended(new RunTrace("default", $"r{i}", "f", 1, 0, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch, RunStatus.Succeeded, null));
            Assert.True(Stopwatch.GetElapsedTime(since) < TimeSpan.FromSeconds(5), "Who tells of runs waited.");
            lock (counts) Assert.True(counts["dropped"] >= Runs - 11 - 1, $"{counts["dropped"]} were dropped at once.");
        }

        Assert.Equal(0, counts.GetValueOrDefault("exported"));
    }

    [Fact]
    public void WhereTheEnvironmentNamesNoReceiver_NothingIsSent() => Assert.Null(TraceExport.Begin(_ => null, _ => { }));
}
