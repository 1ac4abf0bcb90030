using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Storage.Tests.Metaflow;

/// <summary>What every store of Metaflow's metadata must do, whichever database keeps it.</summary>
public abstract class MetaflowConformance : IAsyncLifetime
{
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(30);

    private IMetaflowStore _store = null!;

    /// <summary>Opens the store, for the first time or again: the same data.</summary>
    protected abstract Task<IMetaflowStore> OpenAsync();

    public async Task InitializeAsync() => _store = await OpenAsync();

    public virtual async Task DisposeAsync() => await _store.DisposeAsync();

    [BackendFact]
    public async Task WhatWasMade_IsFoundAgain_ByNumberAndByName_AlsoAfterARestart()
    {
        await FlowAsync("F");
        var numbered = await RunAsync("F");
        var named = await RunAsync("F", "sfn-1");
        foreach (var run in new[] { numbered, named }) await StepAsync(Key(run), "start");
        var task = await TaskAsync(Key(named), "start", "sfn-1-start");
        var other = await TaskAsync(Key(numbered), "start");
        await _store.DisposeAsync();
        _store = await OpenAsync();

        Assert.Equal("F", (await _store.GetFlowAsync("F", default))!.Flow);
        Assert.Equal(named.Number, (await _store.GetRunAsync(MetaflowRunKey.Of("F", "sfn-1"), default))!.Number);
        Assert.Equal("sfn-1", (await _store.GetRunAsync(MetaflowRunKey.Of("F", $"{named.Number}"), default))!.Id);
        Assert.Null((await _store.GetRunAsync(Key(numbered), default))!.Id);
        Assert.Equal(task, await _store.GetTaskAsync(MetaflowTaskKey.Of(MetaflowRunKey.Of("F", "sfn-1"), "start", "sfn-1-start"), default));
        Assert.Equal(other, await _store.GetTaskAsync(MetaflowTaskKey.Of(Key(numbered), "start", $"{other.Number}"), default));
        Assert.Equal([named.Number, numbered.Number], (await _store.ListRunsAsync("F", false, null, 10, default)).Select(run => run.Number));
        Assert.True(named.Number > numbered.Number);
    }

    [BackendFact]
    public async Task WhatIsNotThere_IsNull_AndItsListingsAreEmpty()
    {
        Assert.Null(await _store.GetFlowAsync("F", default));
        Assert.Null(await _store.GetRunAsync(MetaflowRunKey.Of("F", "1"), default));
        Assert.Null(await _store.GetRunAsync(MetaflowRunKey.Of("F", "99999999999999999999"), default));
        Assert.Null(await _store.GetStepAsync("F", 1, "start", default));
        Assert.Null(await _store.GetTaskAsync(MetaflowTaskKey.Of(MetaflowRunKey.Of("F", "a"), "start", "1"), default));
        Assert.Null(await _store.GetArtifactAsync(new MetaflowScope("F", 1, "start", 1), "x", null, default));
        Assert.Empty(await _store.ListStepsAsync("F", 1, default));
        Assert.Empty(await _store.ListMetadataAsync(new MetaflowScope("F", 1), null, 10, default));
        Assert.Empty(await _store.FindTasksAsync("F", 1, "start", "f", "v", default));
    }

    [BackendFact]
    public async Task Parents_MustBeThere_AndNames_AreGivenOnce()
    {
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(NewRun("F"), default)).Outcome);
        await FlowAsync("F");
        Assert.Equal(MetaflowOutcome.Exists, (await _store.AddAsync(new NewMetaflowFlow("F", "me", "[]", "[]"), default)).Outcome);
        var run = await RunAsync("F", "a");
        Assert.Equal(MetaflowOutcome.Exists, (await _store.AddAsync(NewRun("F", "a"), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(NewStep(MetaflowRunKey.Of("F", "b"), "start"), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(NewTask(Key(run), "start", "t"), default)).Outcome);
        await StepAsync(Key(run), "start");
        Assert.Equal(MetaflowOutcome.Exists, (await _store.AddAsync(NewStep(MetaflowRunKey.Of("F", "a"), "start"), default)).Outcome);
        await TaskAsync(Key(run), "start", "t");
        Assert.Equal(MetaflowOutcome.Exists, (await _store.AddAsync(NewTask(Key(run), "start", "t"), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(Metadata(MetaflowTaskKey.Of(Key(run), "start", "u"), ("f", "v")), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(Artifacts(MetaflowTaskKey.Of(Key(run), "end", "t"), 0, "x"), default)).Outcome);
    }

    [BackendFact]
    public async Task WhatIsNotThere_IsNotTakenForItsNeighbour()
    {
        foreach (var flow in new[] { "F", "G" }) await FlowAsync(flow);
        var (before, after) = (await RunAsync("F", "a"), await RunAsync("F", "c"));
        var other = await RunAsync("G", "b");
        foreach (var run in new[] { before, after, other }) await StepAsync(Key(run), "middle");
        var (first, third) = (await TaskAsync(Key(before), "middle", "t1"), await TaskAsync(Key(before), "middle", "t3"));
        await TaskAsync(Key(after), "middle", "t2");
        foreach (var task in new[] { first, third })
            Assert.Equal(MetaflowOutcome.Done, (await _store.AddAsync(Metadata(MetaflowTaskKey.Of(Key(before), "middle", task.Name!), ("of", task.Name!)), default)).Outcome);

        Assert.Null(await _store.GetRunAsync(MetaflowRunKey.Of("F", "b"), default));
        Assert.Null(await _store.GetRunAsync(MetaflowRunKey.Of("F", $"{other.Number}"), default));
        Assert.Null(await _store.GetRunAsync(MetaflowRunKey.Of("E", "a"), default));
        foreach (var step in new[] { "early", "start" }) Assert.Null(await _store.GetStepAsync("F", before.Number, step, default));
        Assert.Null(await _store.GetTaskAsync(MetaflowTaskKey.Of(Key(before), "middle", "t2"), default));
        Assert.Null(await _store.GetTaskAsync(MetaflowTaskKey.Of(Key(after), "middle", $"{first.Number}"), default));
        Assert.Single(await _store.ListStepsAsync("F", before.Number, default));
        Assert.Equal(["t1"], (await _store.ListMetadataAsync(new MetaflowScope("F", before.Number, "middle", first.Number), null, 10, default)).Select(datum => datum.Value));
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(NewStep(MetaflowRunKey.Of("F", "b"), "middle"), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(NewStep(new MetaflowRunKey("F", other.Number, null), "start"), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(NewTask(Key(before), "early", "t1"), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(Metadata(MetaflowTaskKey.Of(Key(before), "middle", "t2"), ("of", "t2")), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.AddAsync(Metadata(MetaflowTaskKey.Of(Key(after), "middle", $"{first.Number}"), ("of", "t2")), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.BeatAsync(new MetaflowHeartbeat(MetaflowRunKey.Of("F", "b"), null), default)).Outcome);
    }

    [BackendFact]
    public async Task OfPostsThatComeAtOnce_EachGetsItsOwnAnswer()
    {
        await FlowAsync("F");
        var run = await RunAsync("F", "a");
        await StepAsync(Key(run), "start");

        var twice = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => _store.AddAsync(NewTask(Key(run), i % 4 == 3 ? "nowhere" : "start", $"t{i / 8}"), default))).WaitAsync(_patience);
        var runs = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => _store.AddAsync(NewRun(i % 3 == 0 ? "nowhere" : "F"), default))).WaitAsync(_patience);

        Assert.Equal(10, twice.Count(answer => answer.Outcome == MetaflowOutcome.Missing));
        Assert.Equal(5, twice.Count(answer => answer.Outcome == MetaflowOutcome.Done));
        Assert.Equal(["t0", "t1", "t2", "t3", "t4"], (await _store.ListTasksAsync("F", run.Number, "start", null, 100, default)).Select(task => task.Name!).Order());
        Assert.All(twice.Where(answer => answer.Outcome == MetaflowOutcome.Done), answer => Assert.Equal(run.Number, answer.Run!.Number));
        Assert.Equal(20, runs.Where(answer => answer.Outcome == MetaflowOutcome.Done).Select(answer => answer.Value!.Number).Distinct().Count());
        Assert.Equal(10, runs.Count(answer => answer.Outcome == MetaflowOutcome.Missing));
    }

    [BackendFact]
    public async Task Metadata_IsListedNewestFirst_InPages_AndFoundByFieldAndPattern()
    {
        await FlowAsync("F");
        var run = await RunAsync("F");
        await StepAsync(Key(run), "start");
        var (one, two) = (await TaskAsync(Key(run), "start"), await TaskAsync(Key(run), "start", "two"));
        var (first, second) = (MetaflowTaskKey.Of(Key(run), "start", $"{one.Number}"), MetaflowTaskKey.Of(Key(run), "start", "two"));
        foreach (var (key, value) in new[] { (first, "abc-1"), (second, "xyz"), (first, "abc-2") })
            Assert.Equal(2, (await _store.AddAsync(Metadata(key, ("f", value), ("g", "Grüße 'und' \\ \"mehr\"\n")), default)).Value);

        var all = await _store.ListMetadataAsync(new MetaflowScope("F", run.Number), null, 100, default);
        var paged = new List<MetaflowDatum>();
        for (IReadOnlyList<MetaflowDatum> page = await _store.ListMetadataAsync(new MetaflowScope("F", run.Number), null, 4, default); page.Count > 0; page = await _store.ListMetadataAsync(new MetaflowScope("F", run.Number), new MetaflowPlace(paged[^1].CreatedMs, paged[^1].Id), 4, default))
            paged.AddRange(page);

        Assert.Equal(6, all.Count);
        Assert.Equal(all, paged);
        Assert.Equal(all.OrderByDescending(datum => datum.CreatedMs).ThenByDescending(datum => datum.Id), all);
        Assert.Equal(["abc-2", "abc-1"], (await _store.ListMetadataAsync(new MetaflowScope("F", run.Number, "start", one.Number), null, 100, default)).Where(datum => datum.Field == "f").Select(datum => datum.Value));
        Assert.Equal("Grüße 'und' \\ \"mehr\"\n", all.First(datum => datum.Field == "g").Value);
        Assert.Equal([(one.Number, null)], await _store.FindTasksAsync("F", run.Number, "start", "f", "b.-[0-9]", default));
        Assert.Equal([(two.Number, "two")], await _store.FindTasksAsync("F", run.Number, "start", null, "^xyz$", default));
        Assert.Equal([(one.Number, null), (two.Number, "two")], await _store.FindTasksAsync("F", run.Number, "start", "g", null, default));
        Assert.Equal(RefusalKind.Invalid, (await Assert.ThrowsAsync<RefusedException>(() => _store.FindTasksAsync("F", run.Number, "start", "f", "(", default))).Kind);
    }

    [BackendFact]
    public async Task Artifacts_OfTheLatestAttempt_AreShown_UnlessAnotherIsAskedFor()
    {
        await FlowAsync("F");
        var run = await RunAsync("F");
        await StepAsync(Key(run), "start");
        var task = await TaskAsync(Key(run), "start");
        var key = MetaflowTaskKey.Of(Key(run), "start", $"{task.Number}");
        Assert.Equal(3, (await _store.AddAsync(Artifacts(key, 0, "name", "x", "old"), default)).Value);
        Assert.Equal(2, (await _store.AddAsync(Artifacts(key, 1, "name", "x", "x"), default)).Value);
        Assert.Equal(0, (await _store.AddAsync(Artifacts(key, 1, "name", "x"), default)).Value);
        var scope = new MetaflowScope("F", run.Number, "start", task.Number);

        foreach (var part in new[] { scope, scope with { Task = null }, scope with { Task = null, Step = null } })
        {
            Assert.Equal([("name", 1), ("x", 1)], (await _store.ListArtifactsAsync(part, null, null, 10, default)).Select(a => (a.Name, a.Attempt)));
            Assert.Equal([("x", 1)], (await _store.ListArtifactsAsync(part, null, new MetaflowPlace(1, task.Number, "name", "start"), 10, default)).Select(a => (a.Name, a.Attempt)));
            Assert.Equal([("name", 0), ("old", 0), ("x", 0)], (await _store.ListArtifactsAsync(part, 0, null, 10, default)).Select(a => (a.Name, a.Attempt)));
            Assert.Equal([("name", 1), ("old", 0), ("x", 1)], (await _store.ListNewestArtifactsAsync(part, null, 10, default)).Select(a => (a.Name, a.Attempt)).Order());
        }
        Assert.Equal(1, (await _store.GetArtifactAsync(scope, "x", null, default))!.Attempt);
        Assert.Equal(0, (await _store.GetArtifactAsync(scope, "old", 0, default))!.Attempt);
        Assert.Null(await _store.GetArtifactAsync(scope, "old", null, default));
    }

    [BackendFact]
    public async Task Heartbeats_CountHoweverEarly_AndATasks_IsItsRuns()
    {
        await FlowAsync("F");
        var run = await RunAsync("F");
        await StepAsync(Key(run), "start");
        var task = await TaskAsync(Key(run), "start", "t");
        Assert.Null(run.HeartbeatS);

        for (var i = 0; i < 3; i++) Assert.Equal(MetaflowOutcome.Done, (await _store.BeatAsync(new MetaflowHeartbeat(Key(run), MetaflowTaskKey.Of(Key(run), "start", "t")), default)).Outcome);

        Assert.NotNull((await _store.GetTaskAsync(MetaflowTaskKey.Of(Key(run), "start", "t"), default))!.HeartbeatS);
        Assert.NotNull((await _store.GetRunAsync(Key(run), default))!.HeartbeatS);
        Assert.Equal(MetaflowOutcome.Done, (await _store.BeatAsync(new MetaflowHeartbeat(Key(run), null), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.BeatAsync(new MetaflowHeartbeat(MetaflowRunKey.Of("F", "b"), null), default)).Outcome);
        Assert.Equal(MetaflowOutcome.Missing, (await _store.BeatAsync(new MetaflowHeartbeat(Key(run), MetaflowTaskKey.Of(Key(run), "start", "u")), default)).Outcome);
        Assert.Null(task.HeartbeatS);
    }

    [BackendFact]
    public async Task TagsThatAreChangedAtOnce_AreAllKept()
    {
        await FlowAsync("F");
        var run = (await _store.AddAsync(new NewMetaflowRun("F", null, "me", """["a","b"]""", """["user:me"]""", false), default)).Value!;

        var changes = await Task.WhenAll(Enumerable.Range(0, 30).Select(i => _store.ChangeTagsAsync(new MetaflowTagChange(Key(run), [$"t{i}", "user:me"], ["a"]), default))).WaitAsync(_patience);
        var forbidden = await _store.ChangeTagsAsync(new MetaflowTagChange(Key(run), ["z"], ["user:me", "b"]), default);

        Assert.All(changes, change => Assert.Equal(MetaflowOutcome.Done, change.Outcome));
        var tags = (await _store.ChangeTagsAsync(new MetaflowTagChange(Key(run), [], []), default)).Value!;
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"t{i}").Append("b").Order(), tags.Order());
        Assert.Equal((MetaflowOutcome.Forbidden, "user:me"), (forbidden.Outcome, Assert.Single(forbidden.Value!)));
        Assert.Equal(MetaflowOutcome.Missing, (await _store.ChangeTagsAsync(new MetaflowTagChange(MetaflowRunKey.Of("F", "b"), [], []), default)).Outcome);
    }

    [BackendFact]
    public async Task TheEndOfARun_IsReadFromItsLastStep()
    {
        await FlowAsync("F");
        var (done, open) = (await RunAsync("F"), await RunAsync("F"));
        await StepAsync(Key(done), "end");
        var task = await TaskAsync(Key(done), "end");
        await _store.AddAsync(Metadata(MetaflowTaskKey.Of(Key(done), "end", $"{task.Number}"), ("attempt", "0"), ("attempt_ok", "True")), default);

        var runs = await _store.ListRunsAsync("F", withEnd: true, null, 10, default);

        Assert.Equal(new MetaflowEnd(null, null, null), runs.Single(run => run.Number == open.Number).End);
        var end = runs.Single(run => run.Number == done.Number).End!;
        Assert.Equal("True", end.Ok);
        Assert.NotNull(end.AttemptMs);
    }

    private static MetaflowRunKey Key(MetaflowRun run) => new(run.Flow, run.Number, null);

    private static NewMetaflowRun NewRun(string flow, string? id = null) => new(flow, id, "me", "[]", "[]", Beats: false);

    private static NewMetaflowStep NewStep(MetaflowRunKey run, string step) => new(run, step, "me", "[]", "[]");

    private static NewMetaflowTask NewTask(MetaflowRunKey run, string step, string? name = null) => new(run, step, name, "me", "[]", "[]", Beats: false);

    private static NewMetaflowMetadata Metadata(MetaflowTaskKey task, params (string Field, string Value)[] items) =>
        new(task, [.. items.Select(item => new NewMetaflowDatum(item.Field, item.Value, "t", "me", "[]", "null"))]);

    private static NewMetaflowArtifacts Artifacts(MetaflowTaskKey task, int attempt, params string[] names) =>
        new(task, [.. names.Select(name => new NewMetaflowArtifact(name, "s3://b/k", "s3", "sha", "t", "gzip", "me", attempt, "[]", "[]"))]);

    private async Task FlowAsync(string flow) => Assert.Equal(MetaflowOutcome.Done, (await _store.AddAsync(new NewMetaflowFlow(flow, "me", "[]", "[]"), default)).Outcome);

    private async Task<MetaflowRun> RunAsync(string flow, string? id = null) => (await _store.AddAsync(NewRun(flow, id), default)).Value!;

    private async Task StepAsync(MetaflowRunKey run, string step) => Assert.Equal(MetaflowOutcome.Done, (await _store.AddAsync(NewStep(run, step), default)).Outcome);

    private async Task<MetaflowTask> TaskAsync(MetaflowRunKey run, string step, string? name = null) => (await _store.AddAsync(NewTask(run, step, name), default)).Value!;
}
