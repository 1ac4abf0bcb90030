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
        var variables = environment.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => v.Split('=')).ToDictionary(v => v[0], v => v[1]);

        Assert.Equal(isWanted, OtlpSettings.IsWanted(name => variables.GetValueOrDefault(name)));
    }
}
