using System.Globalization;
using System.Text.Json;
using Fanfare.EndToEnd.Metrics;
using Fanfare.Worker.Tests.Fakes;

namespace Fanfare.EndToEnd.Spot;

/// <summary>A worker process on a machine that EC2 takes back, or recommends to leave: what runs there goes on elsewhere, at no cost to its retries.</summary>
public sealed class SpotTests : IAsyncLifetime
{
    private readonly Site _site = Site.Empty();
    private FakeMetadata _metadata = null!;
    private FanfareProcess? _spot;

    public async Task InitializeAsync()
    {
        _metadata = await FakeMetadata.StartAsync();
        await _site.StartServerAsync();
        _spot = FanfareProcess.Start(
            // The S3 of other tests forbids this service to all of this process.
            _site.Home, new Dictionary<string, string> { ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = _metadata.Endpoint.ToString(), ["AWS_EC2_METADATA_DISABLED"] = "false" },
            "worker", "--server", _site.Url, "--name", "spot", "--slots", "2", "--data", _site.In("spot"), "--spot", "on");
    }

    public async Task DisposeAsync()
    {
        _spot?.Dispose();
        await _site.DisposeAsync();
        await _metadata.DisposeAsync();
    }

    private string Flow() => $$$"""
        name: interrupted
        steps:
          start: {run: ["true"], next: [saves, deaf]}
          saves:
            run: {{{Run.Shell($"[ $FANFARE_ATTEMPT = 0 ] || exec cp {_site.In("saved")} $FANFARE_OUTPUT; trap 'date +%s.%N > {_site.In("at")}; cp $FANFARE_INTERRUPT_FILE {_site.In("saved")}; exit 3' TERM; touch {_site.In("saves")}; while :; do sleep 0.05; done")}}}
            grace: 1s
            next: all
          deaf:
            run: {{{Run.Shell($"[ $FANFARE_ATTEMPT = 0 ] || exit 0; trap '' TERM; (trap '' TERM; touch {_site.In("deaf")}; while :; do sleep 0.05; done) & wait; while :; do sleep 0.05; done")}}}
            grace: 1s
            next: all
          all: {join: all, run: ["true"]}
        """;

    private async Task<string?> DrainingAsync(string worker)
    {
        using var page = JsonDocument.Parse(await _site.Api.GetTextAsync("/api/v1/workers"));
        return page.RootElement.GetProperty("items").EnumerateArray().Where(w => w.GetProperty("worker").GetString() == worker)
            .Select(w => w.TryGetProperty("draining", out var why) ? why.GetString() : null).SingleOrDefault();
    }

    [Fact]
    public async Task AnInterruption_CostsNoRetry_AndWhatItSavedIsThereForTheNextAttempt_OnAnotherWorker()
    {
        var run = await _site.Api.StartAsync(Flow());
        await Eventually.FileAsync(_site.In("saves"));
        await Eventually.FileAsync(_site.In("deaf"));
        var waiting = await _site.Api.StartAsync("name: waits\nsteps: {start: {run: [\"true\"]}}\n");

        // From a look that was just answered on: the worst moment.
        var looks = _metadata.Looks;
        await _metadata.UntilAsync(() => _metadata.Looks > looks, "a look");
        var noticed = DateTimeOffset.UtcNow;
        _metadata.Interrupt("terminate", noticed.AddSeconds(25));
        await Eventually.FileAsync(_site.In("saved"));
        await Eventually.TrueAsync(async () => (await DrainingAsync("spot"))?.StartsWith("spot interruption at ", StringComparison.Ordinal) == true, "The worker's word that it drains");
        var explained = await _site.Api.ExplainAsync(waiting, "start");
        var listed = await ListedAsync();
        _site.StartWorker(4, "--name", "other");
        var code = await _spot!.ExitAsync(Eventually.Limit);
        var left = DateTimeOffset.UtcNow;
        await _site.Api.SucceedRunAsync(run);
        await _site.Api.SucceedRunAsync(waiting);

        Assert.Equal(0, code);
        Assert.True(left < noticed.AddSeconds(25), $"It ended {left - noticed} after the notice, and the machine is gone after 25 s.");
        Assert.Contains("All 1 connected workers drain, and take no more tasks: spot interruption at ", string.Join(' ', explained.Details.Prepend(explained.Reason)), StringComparison.Ordinal);
        Assert.Contains("draining: spot interruption at ", listed, StringComparison.Ordinal);
        // Seven seconds are promised; a busy machine of tests may be late with what follows.
        var at = double.Parse(await File.ReadAllTextAsync(_site.In("at")), CultureInfo.InvariantCulture) - (noticed.ToUnixTimeMilliseconds() / 1000.0);
        Assert.InRange(at, 0, 10);
        foreach (var task in (string[])["saves", "deaf"])
        {
            var attempts = await _site.Api.AttemptsAsync(run, task);
            Assert.Equal([(AttemptStatus.Lost, "spot"), (AttemptStatus.Succeeded, "other")], attempts.Select(a => (a.Status, a.Worker)));
            var lost = (await _site.Api.HistoryAsync(run)).Single(e => e.Type == "task_lost" && Api.IsOf(e, task));
            Assert.Contains("a spot interruption takes the machine of worker spot (terminate at ", lost.Data.GetProperty("reason").GetString(), StringComparison.Ordinal);
            // Ready again at once, not when a lease or a delay is over.
            Assert.Equal(0, (lost.Data.GetProperty("retry_at").GetDateTimeOffset() - lost.At).TotalMilliseconds, tolerance: 1);
        }
        Assert.DoesNotContain(await _site.Api.HistoryAsync(run), e => e.Type == "task_failed");
        var told = await _site.Api.OutputAsync(run, "saves");
        Assert.Equal(("terminate", "spot_interruption"), (told.GetProperty("action").GetString(), told.GetProperty("reason").GetString()));
        Assert.Empty(TaskProcesses.Of(run));
        var page = await MetricsPage.OfAsync(_site.Api);
        Assert.Equal(2, page["""fanfare_attempt_lost_total{fanfare_cause="spot_interrupted"}"""]);
    }

    [Fact]
    public async Task ARecommendationToLeave_EndsTheWorkerAfterItsLastTask_AndNothingIsLost()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: cordoned
            steps:
              start: {run: {{{Run.Shell($"touch {_site.In("begun")}; {Run.Await(_site.In("go"))}")}}}, next: second}
              second: {run: ["true"]}
            """);
        await Eventually.FileAsync(_site.In("begun"));

        _metadata.Recommend();
        await Eventually.TrueAsync(async () => await DrainingAsync("spot") == "rebalance recommended", "The worker's word that it drains");
        _site.StartWorker(4, "--name", "other");
        _site.Touch("go");
        var code = await _spot!.ExitAsync(Eventually.Limit);
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal(0, code);
        Assert.Contains("Worker spot has no more tasks, and ends: rebalance recommended.", _spot.Output, StringComparison.Ordinal);
        Assert.Equal("spot", Assert.Single(await _site.Api.AttemptsAsync(run, "start")).Worker);
        Assert.Equal("other", Assert.Single(await _site.Api.AttemptsAsync(run, "second")).Worker);
    }

    private async Task<string> ListedAsync()
    {
        var command = _site.Command("workers", "--server", _site.Url);
        Assert.Equal(0, await command.ExitAsync(Eventually.Limit));
        return command.Results;
    }
}
