namespace Fanfare.EndToEnd.Metrics;

/// <summary>What a server's metrics say, against what happened.</summary>
public sealed class MetricsTests : IAsyncLifetime
{
    private readonly Site _site = Site.Empty();

    public Task InitializeAsync() => _site.StartServerAsync();

    public async Task DisposeAsync() => await _site.DisposeAsync();

    [Fact]
    public async Task ARun_IsCounted_TaskByTask_AndTimed()
    {
        var before = await MetricsPage.OfAsync(_site.Api);
        _site.StartWorker(slots: 4);
        await _site.Api.SucceedAsync($$$"""
            name: counted
            steps:
              start: {run: {{{Run.Put("""{"items": [1, 2, 3, 4, 5]}""")}}}, next: {foreach: work, over: items}}
              work:
                run: {{{Run.Shell("[ $FANFARE_SPLIT != 3 ] || [ $FANFARE_ATTEMPT != 0 ] || exit 9")}}}
                retry: {max_attempts: 2, backoff: {initial: 10ms}}
                next: last
              last: {join: all, run: "true"}
            """);

        // The end of a run is to be read before it is counted.
        var page = await MetricsPage.OfAsync(_site.Api, page => page["""fanfare_run_ended_total{fanfare_outcome="succeeded"}"""] == 1, "The end of the run");

        Assert.Equal(0, before["""fanfare_task_ended_total{fanfare_outcome="succeeded"}"""]);
        Assert.Equal(7, page["""fanfare_task_ended_total{fanfare_outcome="succeeded"}"""]);
        Assert.Equal(0, page["""fanfare_task_ended_total{fanfare_outcome="failed"}"""]);
        Assert.Equal(8, page["fanfare_attempt_started_total"]);
        Assert.Equal(7, page["""fanfare_attempt_ended_total{fanfare_outcome="succeeded"}"""]);
        Assert.Equal(1, page["""fanfare_attempt_ended_total{fanfare_outcome="failed"}"""]);
        Assert.Equal(7, page["""fanfare_attempt_duration_seconds_count{fanfare_outcome="succeeded"}"""]);
        Assert.Equal(8, page["fanfare_task_wait_duration_seconds_count"]);
        Assert.Equal(1, page["""fanfare_run_started_total{fanfare_cause="command"}"""]);
        Assert.Equal(1, page["""fanfare_run_duration_seconds_count{fanfare_outcome="succeeded"}"""]);
        Assert.InRange(page["""fanfare_run_duration_seconds_sum{fanfare_outcome="succeeded"}"""], 0.01, Eventually.Limit.TotalSeconds);
        Assert.True(page["fanfare_journal_commit_duration_seconds_count"] > 0);
        Assert.True(page["""fanfare_journal_appends_total{fanfare_outcome="committed"}"""] > 0);
        Assert.Equal(0, page["""fanfare_journal_appends_total{fanfare_outcome="failed"}"""]);
        // Each event of the run is there, and a few that are not its own: the deployment.
        Assert.True(page["fanfare_engine_events_total"] >= 20);
        Assert.Equal(page["fanfare_journal_batch_events_sum"], page["fanfare_engine_events_total"]);
        Assert.Equal(1, page["fanfare_server_ready"]);
        Assert.Equal(1, page["fanfare_server_owning"]);
        Assert.Equal(1, page["fanfare_cluster_nodes"]);
        Assert.InRange(page["fanfare_disk_free_bytes"], 1, page["fanfare_disk_size_bytes"]);
    }

    [Fact]
    public async Task Answers_AreTimed_ByTheRouteAndNotByThePath()
    {
        await MetricsPage.OfAsync(_site.Api);
        foreach (var run in (string[])["one", "other"]) Assert.Equal(404, (await _site.Api.AnswerAsync(HttpMethod.Get, $"/api/v1/runs/{run}")).Status);

        await MetricsPage.OfAsync(
            _site.Api, page => page.Find("""http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="404",http_route="/api/v1/runs/{run}"}""") == 2, "Two answers, timed");
    }

    [Fact]
    public async Task ATaskThatNobodyTakes_IsSeenToWait_UntilAWorkerComes()
    {
        const string ready = """fanfare_queue_tasks{fanfare_queue="gpu",fanfare_state="ready"}""", age = """fanfare_queue_oldest_age_seconds{fanfare_queue="gpu"}""";
        var run = await _site.Api.StartAsync($$"""
            name: unserved
            steps:
              start: {queue: gpu, run: "true", next: hold}
              hold: {queue: gpu, run: {{Run.Shell(Run.Await(_site.In("go")))}}}
            """);

        var first = await MetricsPage.OfAsync(_site.Api, page => page.Find(ready) == 1 && page.Find(age) > 0, "A task that waits");
        await MetricsPage.OfAsync(_site.Api, page => page[age] > first[age], "An age that grows");
        Assert.Equal(0, first["""fanfare_worker_known{fanfare_state="live"}"""]);

        // What waits is as old after a restart as it was before.
        await _site.Server.KillAsync();
        await _site.StartServerAsync();
        await MetricsPage.OfAsync(_site.Api, page => page.Find(ready) == 1 && page.Find(age) > first[age], "A task that has waited since before");

        _site.StartWorker(slots: 3);
        var running = await MetricsPage.OfAsync(
            _site.Api, page => page.Find("""fanfare_queue_tasks{fanfare_queue="gpu",fanfare_state="running"}""") == 1 && page.Find("""fanfare_worker_slots{fanfare_state="used"}""") == 1, "A task that runs");
        Assert.Equal((0, 0), (running[ready], running[age]));
        Assert.Equal(1, running["""fanfare_worker_known{fanfare_state="live"}"""]);
        Assert.Equal(2, running["""fanfare_worker_slots{fanfare_state="free"}"""]);
        Assert.Equal(2, running["fanfare_task_wait_duration_seconds_count"]);
        Assert.True(running["fanfare_task_wait_duration_seconds_sum"] >= first[age]);
        _site.Touch("go");
        await _site.Api.SucceedRunAsync(run);
    }

    [Fact]
    public async Task AWorkerThatDies_CostsAnAttempt_WhoseCauseIsTold()
    {
        _site.StartWorker();
        var run = await _site.Api.StartAsync($$"""
            name: robbed
            steps:
              start: {run: {{Run.Shell($"touch '{_site.In("begun")}'; {Run.Await(_site.In("go"))}")}}}
            """);
        await Eventually.FileAsync(_site.In("begun"));

        await _site.Worker.KillAsync();
        _site.StartWorker();
        _site.Touch("go");
        await _site.Api.SucceedRunAsync(run);

        var page = await MetricsPage.OfAsync(_site.Api, page => page["""fanfare_run_ended_total{fanfare_outcome="succeeded"}"""] == 1, "The end of the run");
        Assert.Equal(1, page["""fanfare_attempt_lost_total{fanfare_cause="worker_restarted"}"""]);
        Assert.Equal(1, page["""fanfare_attempt_ended_total{fanfare_outcome="lost"}"""]);
        Assert.Equal(1, page["""fanfare_task_ended_total{fanfare_outcome="succeeded"}"""]);
        Assert.Equal(0, page["""fanfare_attempt_lost_total{fanfare_cause="lease_expired"}"""]);
    }

    [Fact]
    public async Task WhatIsOpen_IsTold_UntilItIsSettledOrEnds_AlsoAfterARestart()
    {
        const string running = """fanfare_run_active{fanfare_state="running"}""", paused = """fanfare_run_active{fanfare_state="paused"}""";
        const string events = """fanfare_dead_letters{fanfare_kind="event"}""", notices = """fanfare_dead_letters{fanfare_kind="notice"}""";
        await PageAsync((running, 0), (paused, 0), (events, 0), (notices, 0));
        const string flow = """
            name: held
            parameters: {size: {type: int, default: 0}}
            triggers: {told: {event: told, map: {size: size}}}
            notify: [{on: [cancelled], to: [nobody]}]
            steps:
              start: {queue: gpu, run: "true"}
            """;
        var (first, second) = (await _site.Api.StartAsync(flow), await _site.Api.StartAsync(flow));
        Assert.Equal(201, (await _site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/events", new { name = "told", payload = new { size = "many" } })).Status);
        await PageAsync((running, 2), (paused, 0), (events, 1), (notices, 0));

        await _site.Api.CommandAsync(first, "pause");
        await _site.Api.CommandAsync(second, "cancel");
        await PageAsync((running, 0), (paused, 1), (events, 1), (notices, 1));

        await _site.Server.KillAsync();
        await _site.StartServerAsync();
        await PageAsync((running, 0), (paused, 1), (events, 1), (notices, 1));

        Assert.Equal(200, (await _site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/dead-letters:dismiss", new { flow = "held" })).Status);
        await PageAsync((running, 0), (paused, 1), (events, 0), (notices, 1));
        Assert.Equal(200, (await _site.Api.AnswerAsync(HttpMethod.Post, "/api/v1/notices:dismiss", new { receiver = "nobody" })).Status);
        await PageAsync((running, 0), (paused, 1), (events, 0), (notices, 0));
        await _site.Api.CommandAsync(first, "cancel");
        // That it was cancelled is told to nobody, too.
        await PageAsync((running, 0), (paused, 0), (events, 0), (notices, 1));

        Task PageAsync(params (string Series, double Value)[] values) =>
            MetricsPage.OfAsync(_site.Api, page => values.All(expected => page.Find(expected.Series) == expected.Value), string.Join(", ", values));
    }
}
