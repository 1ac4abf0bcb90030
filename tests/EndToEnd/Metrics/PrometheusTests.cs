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

    [PrometheusFact]
    public async Task EveryPanelOfTheDashboards_HasData_WhileTheServerIsAtWork()
    {
        using var prometheus = new RunningPrometheus(new Uri(_site.Url).Authority);
        // Of all kinds of what begins by itself, an attempt that fails, and a flow that does again and again.
        await _site.Api.DeployAsync($$$"""
            name: busy
            schedules: {often: {every: 1s, overlap: allow}}
            triggers: {told: {event: told}}
            steps:
              start:
                run: {{{Run.Shell("[ $FANFARE_ATTEMPT != 0 ] || exit 9")}}}
                retry: {max_attempts: 2, backoff: {initial: 10ms}}
            """);
        await _site.Api.DeployAsync($$$"""
            name: broken
            schedules: {often: {every: 1s, overlap: allow}}
            steps:
              start: {run: {{{Run.Shell("exit 9")}}}}
            """);
        var missing = Dashboards.Panels("10s").ToList();

        // It goes on working until all have been seen.
        try
        {
            await Eventually.TrueAsync(LookAsync, "Data for every panel");
        }
        catch (TimeoutException)
        {
            Assert.Empty(missing);
            throw;
        }

        async Task<bool> LookAsync()
        {
            Assert.Equal(201, (await _site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/events", new { name = "told" })).Status);
            var seen = new List<(string, string)>();
            foreach (var panel in missing)
                if (await prometheus.HasSeriesAsync(panel.Expression)) seen.Add(panel);
            missing.RemoveAll(seen.Contains);
            return missing.Count == 0;
        }
    }

    private Task<string> RunOneAsync() => _site.Api.SucceedAsync("""
        name: pair
        steps:
          start: {run: "true", next: last}
          last: {run: "true"}
        """);
}
