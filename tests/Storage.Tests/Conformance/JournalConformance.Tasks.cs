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
