namespace Fanfare.EndToEnd.Metrics;

public sealed class PrometheusTests : IAsyncLifetime
{
    private readonly Site _site = Site.Empty();

    public async Task InitializeAsync()
    {
        await _site.StartServerAsync();
        _site.StartWorker();
    }

    public async Task DisposeAsync() => await _site.DisposeAsync();

    [PrometheusFact]
    public async Task Promtool_FindsNothingWrongWithThePage()
    {
        await MetricsPage.OfAsync(_site.Api);
        await RunOneAsync();
        var page = await MetricsPage.OfAsync(_site.Api, page => page.Find("""fanfare_worker_known{fanfare_state="live"}""") == 1, "A page with gauges of the engine");

        var (_, output) = await Prometheus.RunAsync(Prometheus.Program("promtool"), page.Text, "check", "metrics");

        // What .NET itself calls its metrics is not ours to say.
        Assert.DoesNotContain(output.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => !line.StartsWith("dotnet_", StringComparison.Ordinal));
    }

    [PrometheusFact]
    public async Task Prometheus_TakesThePage_AsOpenMetrics()
    {
        using var prometheus = new RunningPrometheus(new Uri(_site.Url).Authority);
        Assert.Equal(0, await prometheus.ValueAsync("""fanfare_task_ended_total{fanfare_outcome="succeeded"}""", value => value == 0));

        await RunOneAsync();

        Assert.Equal(2, await prometheus.ValueAsync("""fanfare_task_ended_total{fanfare_outcome="succeeded"}""", value => value == 2));
        Assert.Equal(1, await prometheus.ValueAsync("""up{job="fanfare"}""", value => value == 1));
        await prometheus.ValueAsync("histogram_quantile(0.99, sum by (le) (fanfare_journal_commit_duration_seconds_bucket))", value => value > 0);
        await prometheus.ValueAsync("""fanfare_worker_known{fanfare_state="live"} * on (instance) group_left (service_version) target_info{service_name="fanfare"}""", value => value == 1);
        var metadata = await prometheus.MetadataAsync("fanfare_journal_commit_duration_seconds");
        Assert.Equal("histogram", metadata.GetProperty("type").GetString());
        // Units are told in OpenMetrics alone.
        Assert.Equal("seconds", metadata.GetProperty("unit").GetString());
    }

    private Task<string> RunOneAsync() => _site.Api.SucceedAsync("""
        name: pair
        steps:
          start: {run: "true", next: last}
          last: {run: "true"}
        """);
}
