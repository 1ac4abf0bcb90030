using OpenTelemetry.Exporter;

namespace Fanfare.Gateway.Tests.Metrics;

public sealed class OtlpSettingsTests
{
    [Theory]
    [InlineData("", false)]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317", true)]
    [InlineData("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT=http://collector:4317", true)]
    [InlineData("OTEL_METRICS_EXPORTER=otlp", true)]
    [InlineData("OTEL_METRICS_EXPORTER=console,OTLP", true)]
    [InlineData("OTEL_METRICS_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317", false)]
    [InlineData("OTEL_METRICS_EXPORTER=otlp OTEL_SDK_DISABLED=TRUE", false)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4317", false)]
    public void MetricsAreSent_WhereTheEnvironmentSaysSo(string environment, bool isWanted)
    {
        Assert.Equal(isWanted, OtlpSettings.IsWanted(OtlpSignal.Metrics, Variables(environment)));
    }

    [Theory]
    [InlineData("OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317", true)]
    [InlineData("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://collector:4317", true)]
    [InlineData("OTEL_TRACES_EXPORTER=none OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4317", false)]
    [InlineData("OTEL_METRICS_EXPORTER=otlp", false)]
    public void TracesAreSent_WhereTheEnvironmentSaysSo(string environment, bool isWanted) =>
        Assert.Equal(isWanted, OtlpSettings.IsWanted(OtlpSignal.Traces, Variables(environment)));

    [Fact]
    public void WhatASignalsOwnVariablesSay_Wins()
    {
        var options = new OtlpExporterOptions();

        OtlpSettings.Configure(options, OtlpSignal.Traces, Variables(
            "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://traces:4318/v1/traces OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf OTEL_EXPORTER_OTLP_TRACES_TIMEOUT=2000 OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=http://logs:4318/v1/logs"));

        Assert.Equal(("http://traces:4318/v1/traces", OtlpExportProtocol.HttpProtobuf, 2000), (options.Endpoint.AbsoluteUri, options.Protocol, options.TimeoutMilliseconds));
    }

    private static Func<string, string?> Variables(string environment)
    {
        var variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1]);
        return name => variables.GetValueOrDefault(name);
    }
}
