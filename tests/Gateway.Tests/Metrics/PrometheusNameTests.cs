namespace Fanfare.Gateway.Tests.Metrics;

public sealed class PrometheusNameTests
{
    [Theory]
    [InlineData("fanfare.task.wait.duration", "s", false, "fanfare_task_wait_duration_seconds", "seconds")]
    [InlineData("fanfare.task.ended", "{task}", true, "fanfare_task_ended", "")]
    [InlineData("dotnet.gc.heap.total_allocated", "By", true, "dotnet_gc_heap_total_allocated_bytes", "bytes")]
    [InlineData("time.in.seconds", "s", false, "time_in_seconds", "seconds")]
    [InlineData("things.total", null, true, "things", "")]
    [InlineData("speed", "m/s", false, "speed_meters_per_second", "meters_per_second")]
    [InlineData("rate", "{request}/s", false, "rate_per_second", "per_second")]
    [InlineData("odd", "furlong", false, "odd_furlong", "furlong")]
    [InlineData("9 lives--left", "", false, "_9_lives_left", "")]
    [InlineData("jobs", "1", true, "jobs", "")]
    public void AName_EndsWithItsUnit_AndHasNothingThatNamesMayNotHave(string name, string? unit, bool isCounter, string family, string word) =>
        Assert.Equal(new PrometheusName(family, word), PrometheusName.Of(name, unit, isCounter, isGauge: false));

    [Fact]
    public void AGaugeOfUnitOne_IsARatio() => Assert.Equal("load_ratio", PrometheusName.Of("load", "1", isCounter: false, isGauge: true).Family);

    [Theory]
    [InlineData("http.route", "http_route")]
    [InlineData("a:b", "a_b")]
    [InlineData("1st", "_1st")]
    public void ALabel_HasNoColon(string attribute, string label) => Assert.Equal(label, PrometheusName.LabelOf(attribute));
}
