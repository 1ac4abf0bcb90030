using Fanfare.Contracts;
using Fanfare.Postgres;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Tests.Conformance;

public abstract partial class JournalConformance
{
    [BackendFact]
    public async Task Steps_AreListedInOrderOfOpening_InPages()
    {
        StepKey[] keys = [A.Key("start"), A.Key("z"), A.Key("b", new SplitPath(10)), A.Key("b", new SplitPath(9)), A.Key("b", new SplitPath(9), new SplitPath(0, 3)), A.Key("a")];
        foreach (var key in keys) await Write(Step("r1", key), A.Step("r1", key));
        await Write(Step("r2", A.Key("other")), A.Step("r2", A.Key("other")));
        await Write(Run(), A.Run("r1")); // The run's own row may come last.
        await Write(Step("r1", keys[1]), A.Step("r1", keys[1], StepStatus.Failed, total: 7));

        var listed = await AllPages((cursor, limit) => ReadModel.ListStepsAsync(A.Ns, "r1", cursor, limit, default), 2);

        Assert.Equal(keys, listed.Select(s => s.Key));
        Assert.Equal(A.Step("r1", keys[1], StepStatus.Failed, total: 7), listed[1]);
        Assert.Equal(listed[4], await ReadModel.GetStepAsync(A.Ns, "r1", keys[4], default));
        Assert.Null(await ReadModel.GetStepAsync(A.Ns, "r1", A.Key("never"), default));
        Assert.Empty((await ReadModel.ListStepsAsync(A.Ns, "never", null, 10, default)).Items);
    }

    [BackendFact]
    public async Task Tasks_AreListedByOpeningAndSplit_ByEveryFilter_InPages()
    {
        var written = Enum.GetValues<TaskStatus>();
        StepKey[] keys = [A.Key("b", new SplitPath(1)), A.Key("b", new SplitPath(0)), A.Key("a")];
        var rows = keys.SelectMany((key, k) => Enumerable.Range(0, 21).Select(i => A.Task("r1", key, i * 3, written[(i + k) % written.Length], $$"""{"i":{{i}}}"""))).ToList();
        await Write(Run(), A.Run("r1"));
        foreach (var key in keys)
            await Write(Step("r1", key), [A.Step("r1", key), .. rows.Where(r => r.Key == key).Reverse()]);
        await Write(Step("r2", A.Key("a")), A.Step("r2", A.Key("a")), A.Task("r2", A.Key("a"), 0));

        var filters = new Dictionary<TaskFilter, Func<TaskRow, bool>>
        {
            [new()] = _ => true,
            [new(Step: "b")] = t => t.Key.Step == "b",
            [new(Step: "never")] = _ => false,
            [new(Key: keys[1])] = t => t.Key == keys[1],
            [new(Key: A.Key("never"))] = _ => false,
            [new(Step: "a", Key: keys[1])] = _ => false,
        };
        foreach (var status in written)
        {
            filters[new(Status: status)] = t => t.Status == status;
            filters[new(Step: "b", Status: status)] = t => t.Key.Step == "b" && t.Status == status;
            filters[new(Key: keys[2], Status: status)] = t => t.Key == keys[2] && t.Status == status;
        }
        foreach (var (filter, matches) in filters)
            foreach (var limit in new[] { 1, 4, 100 })
                Assert.Equal(rows.Where(matches), await AllPages((cursor, size) => ReadModel.ListTasksAsync(A.Ns, "r1", filter, cursor, size, default), limit));
    }

    [BackendFact]
    public async Task ATaskAndItsAttempts_AreReadBackAsWritten()
    {
        var key = A.Key();
        Artifact[] artifacts = [new("model/weights.bin", 1L << 40), new("ü.txt", 0)];
        var task = A.Task("r1", key, 5, TaskStatus.Succeeded, """{"y":"ü"}""", artifacts) with { Attempt = 2 };
        await Write(Step("r1", key), A.Step("r1", key), A.Task("r1", key, 5), A.Attempt("r1", key, 5, 0));
        await Write(Step("r1", key), A.Attempt("r1", key, 5, 0, AttemptStatus.Failed), A.Attempt("r1", key, 5, 1, AttemptStatus.Lost), A.Attempt("r1", key, 5, 2, AttemptStatus.Succeeded), task);
        var bare = new TaskRow(A.Ns, "r1", key, 6, TaskStatus.Cancelled, -1, null, null, null, A.T0, null, null, null);
        await Write(Step("r1", key), bare);

        var found = await ReadModel.GetTaskAsync(A.Ns, "r1", key, 5, default);

        Assert.Equal(artifacts, found!.Artifacts);
        Assert.Equal(task, found with { Artifacts = artifacts });
        Assert.Equal(bare, await ReadModel.GetTaskAsync(A.Ns, "r1", key, 6, default));
        Assert.Null(await ReadModel.GetTaskAsync(A.Ns, "r1", key, 7, default));
        Assert.Equal(
            [A.Attempt("r1", key, 5, 0, AttemptStatus.Failed), A.Attempt("r1", key, 5, 1, AttemptStatus.Lost), A.Attempt("r1", key, 5, 2, AttemptStatus.Succeeded)],
            await ReadModel.ListAttemptsAsync(A.Ns, "r1", key, 5, default));
        Assert.Empty(await ReadModel.ListAttemptsAsync(A.Ns, "r1", key, 6, default));
    }

    [BackendFact]
    public async Task AGrantsTasks_Run_AsLongAsTheyHaveNoRow()
    {
        var (a, b) = (A.Key("a"), A.Key("b"));
        await Write(Run(), A.Run("r1"));
        await Write(Step("r1", a), A.Step("r1", a), A.Grant("r1", a, 2, 0, 1, 2, 3), A.Grant("r1", a, 6, 7), A.Task("r1", a, 5, TaskStatus.Failed));
        await Write(Step("r1", b), A.Step("r1", b), A.Grant("r1", b, 2, 0));
        // What ended in the append that leased it has its row, and the grant names it all the same.
        await Write(Step("r1", a), A.Task("r1", a, 8, TaskStatus.Backoff), A.Attempt("r1", a, 8, 0, AttemptStatus.Lost), A.Grant("r1", a, 9, 8, 9));
        await Write(Step("r1", a), A.Ended("r1", a, 1), A.Task("r1", a, 3, TaskStatus.Failed), A.Attempt("r1", a, 3, 0, AttemptStatus.Failed));
        await Write(Step("r1", a), A.Ended("r1", a, 7), A.Grant("r1", a, 6));

        async Task<List<string>> Listed(TaskFilter filter, int limit) =>
            (await AllPages((cursor, size) => ReadModel.ListTasksAsync(A.Ns, "r1", filter, cursor, size, default), limit)).Select(t => $"{t.Key.Step}{t.Split} {t.Status}").ToList();
        foreach (var limit in new[] { 1, 2, 100 })
        {
            Assert.Equal(["a0 Running", "a1 Succeeded", "a2 Running", "a3 Failed", "a5 Failed", "a7 Succeeded", "a8 Backoff", "a9 Running", "b0 Running"], await Listed(new(), limit));
            Assert.Equal(["a0 Running", "a1 Succeeded", "a2 Running", "a3 Failed", "a5 Failed", "a7 Succeeded", "a8 Backoff", "a9 Running"], await Listed(new(Step: "a"), limit));
            Assert.Equal(["a0 Running", "a2 Running", "a9 Running", "b0 Running"], await Listed(new(Status: TaskStatus.Running), limit));
            Assert.Equal(["a0 Running", "a2 Running", "a9 Running"], await Listed(new(Step: "a", Status: TaskStatus.Running), limit));
            Assert.Equal(["b0 Running"], await Listed(new(Key: b, Status: TaskStatus.Running), limit));
            Assert.Equal(["b0 Running"], await Listed(new(Key: b), limit));
            Assert.Equal(["a1 Succeeded", "a7 Succeeded"], await Listed(new(Status: TaskStatus.Succeeded), limit));
            Assert.Equal(["a3 Failed", "a5 Failed"], await Listed(new(Key: a, Status: TaskStatus.Failed), limit));
        }
        Assert.Equal(A.Grant("r1", a, 2, 0).Running(new(0, "2.0.abc")).Task, await ReadModel.GetTaskAsync(A.Ns, "r1", a, 0, default));
        Assert.Equal(A.Ended("r1", a, 1) with { Token = null }, await ReadModel.GetTaskAsync(A.Ns, "r1", a, 1, default));
        Assert.Null(await ReadModel.GetTaskAsync(A.Ns, "r1", a, 4, default));
        Assert.Null(await ReadModel.GetTaskAsync(A.Ns, "r1", b, 1, default));
        Assert.Equal([A.Grant("r1", a, 2, 2).Running(new(2, "2.2.abc")).Attempt], await ReadModel.ListAttemptsAsync(A.Ns, "r1", a, 2, default));
        Assert.Equal([A.Ended("r1", a, 1).OwnAttempt!], await ReadModel.ListAttemptsAsync(A.Ns, "r1", a, 1, default));
        Assert.Equal([A.Attempt("r1", a, 3, 0, AttemptStatus.Failed)], await ReadModel.ListAttemptsAsync(A.Ns, "r1", a, 3, default));
        Assert.Equal([A.Attempt("r1", a, 8, 0, AttemptStatus.Lost)], await ReadModel.ListAttemptsAsync(A.Ns, "r1", a, 8, default));
    }

    [BackendFact]
    public async Task WhatSucceededAtOnce_StaysAnAttempt_WhenItsTaskIsSentBack()
    {
        var key = A.Key();
        await Write(Run(), A.Run("r1"));
        await Write(Step("r1", key), A.Step("r1", key), A.Ended("r1", key, 1));
        await Write(Step("r1", key), A.Task("r1", key, 1, TaskStatus.Waiting));
        // Sent back by the append that it ended in.
        await Write(Step("r1", key), A.Ended("r1", key, 2), A.Task("r1", key, 2, TaskStatus.Waiting));
        await Write(Step("r1", key), A.Task("r1", key, 1) with { Attempt = 1 }, A.Attempt("r1", key, 1, 1));

        Assert.Equal([A.Ended("r1", key, 1).OwnAttempt!, A.Attempt("r1", key, 1, 1)], await ReadModel.ListAttemptsAsync(A.Ns, "r1", key, 1, default));
        Assert.Equal([A.Ended("r1", key, 2).OwnAttempt!], await ReadModel.ListAttemptsAsync(A.Ns, "r1", key, 2, default));
        Assert.Equal(TaskStatus.Running, (await ReadModel.GetTaskAsync(A.Ns, "r1", key, 1, default))!.Status);
        Assert.Equal(TaskStatus.Waiting, (await ReadModel.GetTaskAsync(A.Ns, "r1", key, 2, default))!.Status);
    }

    [BackendFact]
    public async Task EventsOfManyCommandsInOneAppend_AreReadBackOneByOne_FromAnyPosition()
    {
        var stream = Step("r1", A.Key());
        await Write(Run(), A.Run("r1"));
        var opened = await Open(stream);
        var at = A.T0;
        var events = Enumerable.Range(1, 1300).Select(i => new JournalEvent(
            i, i % 700 == 0 ? at = at.AddSeconds(1) : at, i is > 100 and < 200 ? "worker:w2" : "worker:w1", A.Any(i))).ToList();
        Assert.Equal(AppendOutcome.Committed, await Append(new Append { Stream = stream, ExpectedSequence = 0, Epoch = opened.Epoch, Events = events, Rows = [], Wake = null }));

        Assert.Equal(events, (await Open(stream)).Events);
        var history = await ReadModel.ReadHistoryAsync(A.Ns, "r1", 0, 10_000, default);
        Assert.Equal(events, history.Where(h => h.Stream == stream).Select(h => h.Entry));
        Assert.Equal(history.Select(h => h.Position).Distinct().Order(), history.Select(h => h.Position));
        foreach (var from in new[] { 0, 1, 99, 100, 101, 650, 1299 })
            foreach (var limit in new[] { 1, 7, 600 })
                Assert.Equal(history.Skip(from).Take(limit), await ReadModel.ReadHistoryAsync(A.Ns, "r1", from == 0 ? 0 : history[from - 1].Position, limit, default));
    }

    [BackendFact]
    public async Task Outputs_AreThoseOfSucceededTasks_AmongTheSplitsAsked_BySplit()
    {
        var key = A.Key();
        var big = $"\"{new string('x', 200_000)}\"";
        TaskStatus[] statuses = [TaskStatus.Succeeded, TaskStatus.Failed, TaskStatus.Caught, TaskStatus.Running, TaskStatus.Skipped, TaskStatus.Cancelled];
        var rows = Enumerable.Range(0, 2600).Select(i => A.Task("r1", key, i, statuses[i % 6], i % 50 == 0 ? big : $"{i}")).ToArray();
        await Write(Step("r1", key), rows);
        var asked = SplitRanges.FromRanges([(0, 1), (2, 1500), (1502, 2000), (2595, 9999)]);

        var outputs = new List<TaskOutput>();
        await foreach (var output in ReadModel.ReadOutputsAsync(A.Ns, "r1", key, asked, default)) outputs.Add(output);

        var wanted = asked.Where(i => i < 2600 && i % 6 is 0 or 2 or 4).Where(i => i < 2600).ToList();
        Assert.Equal(wanted, outputs.Select(o => o.Split));
        Assert.All(outputs, o => Assert.Equal(rows[o.Split].Output, o.Output));
    }

    [BackendFact]
    public async Task ARunsHistory_IsItsEventsAndItsSteps_InCommitOrder_FromAnyPosition()
    {
        var streams = new[] { Run("r1"), Step("r1", A.Key("a")), Run("r2"), Step("r1", A.Key("b")), Step("r2", A.Key("a")), Flow() };
        var opened = new Dictionary<StreamId, OpenedStream>();
        foreach (var stream in streams) opened[stream] = await Open(stream);
        var order = new List<StreamId>();
        for (var i = 0; i < 60; i++)
        {
            var stream = streams[i * 7 % streams.Length];
            Assert.Equal(AppendOutcome.Committed, await Append(A.Append(stream, opened[stream], expected: order.Count(s => s == stream))));
            order.Add(stream);
        }

        var all = await ReadModel.ReadHistoryAsync(A.Ns, "r1", 0, 1000, default);
        var paged = new List<HistoryEvent>();
        while (await ReadModel.ReadHistoryAsync(A.Ns, "r1", paged.Count == 0 ? 0 : paged[^1].Position, 7, default) is { Count: > 0 } page) paged.AddRange(page);

        Assert.Equal(order.Where(s => s.RunId == "r1"), all.Select(h => h.Stream));
        Assert.Equal(all.Select(h => h.Position).Order(), all.Select(h => h.Position));
        Assert.Equal(all, paged);
        Assert.All(all, h => Assert.Equal(A.Any((int)h.Entry.Sequence), h.Entry.Event));
        Assert.Empty(await ReadModel.ReadHistoryAsync(A.Ns, "r1", all[^1].Position, 10, default));
        Assert.Empty(await ReadModel.ReadHistoryAsync(A.Ns, "never", 0, 10, default));
    }
}
