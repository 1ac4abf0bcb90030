namespace Fanfare.EndToEnd.Operations;

[Collection(SharedSiteGroup.Name)]
public sealed class TaskOperationTests(SharedSite shared)
{
    private readonly Site _site = shared.Site;

    [Fact]
    public async Task Kill_EndsTheRunningAttempt_WhichCountsAsAFailure()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: kill-task
            steps:
              start: {run: ["true"], next: {foreach: work, over: {range: 3} } }
              work: {run: {{{Run.Shell("[ $FANFARE_SPLIT = 1 ] || exit 0; sleep 1000 & wait")}}}, retry: 5, next: all}
              all: {join: {tolerate: 1}, run: {{{Run.Python("put(splits=[i['splits'][0] for i in inputs])")}}} }
            """);
        await TaskProcesses.LiveAsync(run, 2);
        var running = await _site.Api.ExplainAsync(run, "work[1]");

        await _site.Api.CommandTaskAsync(run, "work[1]", "kill");
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal("running", running.State);
        Assert.Contains((await _site.Api.TaskAsync(run, "work[1]")).Worker!, running.Reason, StringComparison.Ordinal);
        Assert.Empty(TaskProcesses.Of(run));
        var attempt = Assert.Single(await _site.Api.AttemptsAsync(run, "work[1]"));
        Assert.Equal("killed", attempt.Error?.Type);
        Assert.Equal("""{"splits":[0,2]}""", Json.Compact(await _site.Api.OutputAsync(run, "all")));
        Assert.Equal("failed", (await _site.Api.ExplainAsync(run, "work[1]")).State);
    }

    [Fact]
    public async Task Retry_SendsATaskThatBacksOffToTheStart_AtOnceAndWithAllItsAttempts()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: retry-task
            steps:
              start: {run: {{{Run.Shell("[ $FANFARE_ATTEMPT != 0 ]")}}}, retry: {max_attempts: 2, backoff: {initial: 1h, max: 1h, jitter: 0} } }
            """);
        await _site.Api.EventAsync(run, "task_failed", "start");
        var why = await _site.Api.ExplainAsync(run, "start");

        await _site.Api.CommandTaskAsync(run, "start", "retry");
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal("backoff", why.State);
        Assert.Contains("1 attempts so far: 1 failed", string.Join(' ', why.Details), StringComparison.Ordinal);
        Assert.Equal([AttemptStatus.Failed, AttemptStatus.Succeeded], (await _site.Api.AttemptsAsync(run, "start")).Select(a => a.Status));
    }

    [Fact]
    public async Task Skip_DeclaresATaskDone_WithTheOutputGiven()
    {
        var run = await _site.Api.StartAsync($$$"""
            name: skip-task
            steps:
              start: {run: ["false"], retry: {max_attempts: 2, backoff: {initial: 1h} }, next: {switch: way, cases: {on: after, back: never} } }
              after: {run: {{{Run.Python("put(score=inputs[0]['outputs']['score'])")}}} }
              never: {run: ["true"]}
            """);
        await _site.Api.EventAsync(run, "task_failed", "start");

        var (unfit, body) = await _site.Api.AnswerAsync(HttpMethod.Post, $"/api/v1/runs/{run}/tasks/start:skip", new { output = new { score = 1 } });
        await _site.Api.CommandTaskAsync(run, "start", "skip", new { output = new { score = 0.9, way = "on" } });
        await _site.Api.SucceedRunAsync(run);

        Assert.Equal(400, unfit);
        Assert.Contains("'way'", body, StringComparison.Ordinal);
        Assert.Equal("""{"score":0.9}""", Json.Compact(await _site.Api.OutputAsync(run, "after")));
        Assert.Equal(TaskStatus.Skipped, (await _site.Api.TaskAsync(run, "start")).Status);
    }

    [Fact]
    public async Task Explain_SaysWhatAWaitingTaskNeeds()
    {
        var run = await _site.Api.StartAsync("""
            name: explain
            steps:
              start: {run: ["true"], next: [huge, small]}
              huge: {run: ["true"], resources: {cpu: 4000}, queue: big, next: both}
              small: {run: ["true"], next: both}
              both: {join: all, run: ["true"], next: last}
              last: {run: ["true"]}
            """);
        await _site.Api.EventAsync(run, "members_arrived", "both");
        await _site.Api.EventAsync(run, "splits_arrived", "huge");

        var huge = await _site.Api.ExplainAsync(run, "huge");
        var join = await _site.Api.ExplainAsync(run, "both");
        await _site.Api.CommandAsync(run, "cancel");
        await _site.Api.EndAsync(run, Eventually.Limit);

        Assert.Equal("waiting", huge.State);
        Assert.Contains("4000 CPU", string.Join(' ', huge.Details), StringComparison.Ordinal);
        Assert.Contains("'big'", string.Join(' ', huge.Details), StringComparison.Ordinal);
        Assert.Contains("1 of 2 members", join.Reason, StringComparison.Ordinal);
    }
}
