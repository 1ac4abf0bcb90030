using System.Text.Json;
using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Storage.Tests.Conformance;

public abstract partial class JournalConformance
{
    [BackendFact]
    public async Task Deployments_AreListedByFlowAndByVersion_InPages()
    {
        foreach (var flow in new[] { "b", "a", "c" })
        {
            var opened = await Open(Flow(flow));
            for (var version = 1; version <= 3; version++)
                Assert.Equal(AppendOutcome.Committed, await Append(A.Append(Flow(flow), opened, expected: version - 1, rows: [A.Deployment(flow, version)])));
        }
        var elsewhere = StreamId.Flow("other", "d");
        Assert.Equal(AppendOutcome.Committed, await Append(A.Append(elsewhere, await Open(elsewhere), rows: [A.Deployment("d", 1, "other")])));

        Assert.Equal(A.Deployment("b", 2), await ReadModel.GetDeploymentAsync(A.Ns, "b", 2, default));
        Assert.Equal(A.Deployment("b", 3), await ReadModel.GetDeploymentAsync(A.Ns, "b", null, default));
        Assert.Null(await ReadModel.GetDeploymentAsync(A.Ns, "b", 4, default));
        Assert.Null(await ReadModel.GetDeploymentAsync(A.Ns, "d", null, default));
        Assert.Equal(
            [A.Deployment("a", 3), A.Deployment("b", 3), A.Deployment("c", 3)],
            await AllPages((cursor, limit) => ReadModel.ListFlowsAsync(A.Ns, cursor, limit, default), 2));
        Assert.Equal(
            [A.Deployment("a", 3), A.Deployment("a", 2), A.Deployment("a", 1)],
            await AllPages((cursor, limit) => ReadModel.ListDeploymentsAsync(A.Ns, "a", cursor, limit, default), 1));
    }

    [BackendFact]
    public async Task DeletedDeployments_AreListedNoMore_AndFoundByTheirVersion()
    {
        var (opened, at) = (await Open(Flow("b")), A.T0.AddDays(1));
        foreach (var flow in new[] { "a", "c" }) await Append(A.Append(Flow(flow), await Open(Flow(flow)), rows: [A.Deployment(flow, 1)]));
        await Append(A.Append(Flow("b"), opened, rows: [A.Deployment("b", 1)]));
        // More in one append: what is deleted there may have come with it.
        await Append(A.Append(Flow("b"), opened, expected: 1, rows: [A.Deployment("b", 2), new DeletionRow(A.Ns, "b", 1, 2, at), A.Deployment("b", 3), new DeletionRow(A.Ns, "b", 3, 3, at.AddHours(1))]));

        Assert.Equal([A.Deployment("a", 1), A.Deployment("c", 1)], await AllPages((cursor, limit) => ReadModel.ListFlowsAsync(A.Ns, cursor, limit, default), 1));
        Assert.Empty((await ReadModel.ListDeploymentsAsync(A.Ns, "b", null, 10, default)).Items);
        Assert.Null(await ReadModel.GetDeploymentAsync(A.Ns, "b", null, default));
        for (var version = 1; version <= 3; version++)
            Assert.Equal(A.Deployment("b", version) with { DeletedAt = version < 3 ? at : at.AddHours(1) }, await ReadModel.GetDeploymentAsync(A.Ns, "b", version, default));

        await Append(A.Append(Flow("b"), opened, expected: 2, rows: [A.Deployment("b", 4)]));
        await Append(A.Append(Flow("b"), opened, expected: 3, rows: [A.Deployment("b", 5)]));

        Assert.Equal(["a", "b", "c"], (await ReadModel.ListFlowsAsync(A.Ns, null, 10, default)).Items.Select(f => f.Flow));
        Assert.Equal(A.Deployment("b", 5), await ReadModel.GetDeploymentAsync(A.Ns, "b", null, default));
        Assert.Equal([A.Deployment("b", 5), A.Deployment("b", 4)], await AllPages((cursor, limit) => ReadModel.ListDeploymentsAsync(A.Ns, "b", cursor, limit, default), 1));
    }

    [BackendFact]
    public async Task DeletionsOfManyFlowsAtOnce_EachTakeTheirOwn()
    {
        var flows = Enumerable.Range(0, 9).Select(i => $"f{i}").ToList();
        var opened = new Dictionary<string, OpenedStream>();
        foreach (var flow in flows) opened[flow] = await Open(Flow(flow));

        await Task.WhenAll(flows.Select(flow => Append(A.Append(Flow(flow), opened[flow], rows: [A.Deployment(flow, 1), new DeletionRow(A.Ns, flow, 1, 1, A.T0), A.Deployment(flow, 2)]))));

        Assert.Equal(flows, (await ReadModel.ListFlowsAsync(A.Ns, null, 10, default)).Items.Select(f => f.Flow));
        foreach (var flow in flows)
        {
            Assert.Equal(A.Deployment(flow, 1) with { DeletedAt = A.T0 }, await ReadModel.GetDeploymentAsync(A.Ns, flow, 1, default));
            Assert.Equal(A.Deployment(flow, 2), await ReadModel.GetDeploymentAsync(A.Ns, flow, null, default));
        }
    }

    [BackendFact]
    public async Task Schedules_AreListedByFlowAndName_AndByWhatIsDueNext_WithoutThoseThatWereRemoved()
    {
        var rows = new[] { A.Schedule("a", "x", 30), A.Schedule("a", "y", null), A.Schedule("b", "x", 10), A.Schedule("b", "z", 20) };
        var opened = new Dictionary<ScheduleRow, OpenedStream>();
        foreach (var row in rows.Reverse())
        {
            opened[row] = await Open(ScheduleOf(row));
            await Append(A.Append(ScheduleOf(row), opened[row], rows: [row]));
        }

        Assert.Equal(Texts(rows), Texts(await AllPages((cursor, limit) => ReadModel.ListSchedulesAsync(A.Ns, null, cursor, limit, default), 1)));
        Assert.Equal(Texts(rows[2..]), Texts(await AllPages((cursor, limit) => ReadModel.ListSchedulesAsync(A.Ns, "b", cursor, limit, default), 1)));
        Assert.Equal(Texts([rows[2], rows[3], rows[0]]), Texts(await ReadModel.ListDueSchedulesAsync(A.Ns, 10, default)));
        Assert.Equal(Texts([rows[2]]), Texts(await ReadModel.ListDueSchedulesAsync(A.Ns, 1, default)));
        Assert.Equal(Texts([rows[1]]), Texts([(await ReadModel.GetScheduleAsync(A.Ns, "a", "y", default))!]));
        Assert.Empty((await ReadModel.ListSchedulesAsync("other", null, null, 10, default)).Items);

        // Of several in one append the last counts; and one that was removed may come back.
        await Append(A.Append(ScheduleOf(rows[2]), opened[rows[2]], expected: 1, rows: [A.Schedule("b", "x", 99), rows[2] with { Due = null, Standing = null }]));
        Assert.Null(await ReadModel.GetScheduleAsync(A.Ns, "b", "x", default));
        Assert.Equal(Texts([rows[3]]), Texts((await ReadModel.ListSchedulesAsync(A.Ns, "b", null, 10, default)).Items));
        Assert.Equal(Texts([rows[3], rows[0]]), Texts(await ReadModel.ListDueSchedulesAsync(A.Ns, 10, default)));
        await Append(A.Append(ScheduleOf(rows[2]), opened[rows[2]], expected: 2, rows: [A.Schedule("b", "x", 15)]));
        Assert.Equal(Texts([A.Schedule("b", "x", 15)]), Texts([(await ReadModel.GetScheduleAsync(A.Ns, "b", "x", default))!]));

        static StreamId ScheduleOf(ScheduleRow row) => StreamId.Schedule(row.Namespace, row.Flow, row.Schedule);
        static IEnumerable<string> Texts(IEnumerable<ScheduleRow> rows) => rows.Select(row => $"{row.Flow}/{row.Schedule} {row.Due:O} {JsonSerializer.Serialize(row.Standing, ContractsJson.Default.ScheduleStanding)}");
    }

    [BackendFact]
    public async Task ARunsRow_IsSeenExactlyWithItsAppend_AndReplacedWhole()
    {
        Assert.Null(await ReadModel.GetRunAsync(A.Ns, "r1", default));
        var first = A.Run("r1", tags: ["x", "y"]);
        await Write(Run(), first);
        Same(first, await ReadModel.GetRunAsync(A.Ns, "r1", default));

        var last = A.Run("r1", status: RunStatus.Failed, tags: ["y", "z"], error: new TaskError("exit", "é\n", 2)) with { Generation = 3, IdempotencyKey = "k", Priority = 5 };
        await Write(Run(), last);

        Same(last, await ReadModel.GetRunAsync(A.Ns, "r1", default));
        Assert.Empty((await ReadModel.ListRunsAsync(new RunFilter(A.Ns, Tag: "x"), null, 10, default)).Items);
        Assert.Single((await ReadModel.ListRunsAsync(new RunFilter(A.Ns, Tag: "z"), null, 10, default)).Items);
        Assert.Null(await ReadModel.GetRunAsync("other", "r1", default));
    }

    [BackendFact]
    public async Task Runs_AreListedNewestFirst_ByEveryFilter_InPages()
    {
        var statuses = Enum.GetValues<RunStatus>();
        var rows = Enumerable.Range(0, 48).Select(i => A.Run(
            $"r{i}", flow: i % 3 == 0 ? "a" : "b", status: statuses[i % statuses.Length], created: A.T0.AddSeconds(i / 2), // two of each age
            tags: i % 4 == 0 ? ["blue", "blue", "all"] : ["all"], deployment: i % 5)).ToList();
        foreach (var row in rows) await Write(Run(row.Run), row);
        await Write(StreamId.Run("other", "r0"), A.Run("r0", ns: "other"));
        rows.Reverse();

        var filters = new Dictionary<RunFilter, Func<RunRow, bool>>
        {
            [new(A.Ns)] = _ => true,
            [new(A.Ns, Flow: "a")] = r => r.Flow == "a",
            [new(A.Ns, Status: RunStatus.Failed)] = r => r.Status == RunStatus.Failed,
            [new(A.Ns, Flow: "b", Status: RunStatus.Running)] = r => r.Flow == "b" && r.Status == RunStatus.Running,
            [new(A.Ns, Tag: "blue")] = r => r.Tags.Contains("blue"),
            [new(A.Ns, Tag: "all", Flow: "a", Active: false)] = r => r.Flow == "a" && r.Status.IsTerminal(),
            [new(A.Ns, Tag: "blue", CreatedAfter: A.T0.AddSeconds(4), Status: RunStatus.Running)] = r => r.Tags.Contains("blue") && r.CreatedAt > A.T0.AddSeconds(4) && r.Status == RunStatus.Running,
            [new(A.Ns, Active: true)] = r => !r.Status.IsTerminal(),
            [new(A.Ns, Active: false)] = r => r.Status.IsTerminal(),
            [new(A.Ns, Active: true, Flow: "a")] = r => !r.Status.IsTerminal() && r.Flow == "a",
            [new(A.Ns, Active: false, Status: RunStatus.Running)] = _ => false,
            [new(A.Ns, Deployment: 3)] = r => r.Deployment == 3,
            [new(A.Ns, Flow: "a", Deployment: 3)] = r => r.Deployment == 3 && r.Flow == "a",
            [new(A.Ns, CreatedAfter: A.T0.AddSeconds(5), CreatedBefore: A.T0.AddSeconds(9))] = r => r.CreatedAt > A.T0.AddSeconds(5) && r.CreatedAt < A.T0.AddSeconds(9),
        };
        foreach (var (filter, matches) in filters)
        {
            var listed = await AllPages((cursor, limit) => ReadModel.ListRunsAsync(filter, cursor, limit, default), 5);
            Assert.True(rows.Where(matches).Select(r => r.Run).SequenceEqual(listed.Select(r => r.Run)), $"{filter}: {string.Join(' ', listed.Select(r => r.Run))}");
        }
    }

    [BackendFact]
    public async Task AnUnknownCursor_IsRefused()
    {
        foreach (var cursor in new[] { "nonsense", "", "%%%", "cnVuczp4Onk" })
        {
            await Assert.ThrowsAsync<FormatException>(() => ReadModel.ListRunsAsync(new RunFilter(A.Ns), cursor, 10, default));
            await Assert.ThrowsAsync<FormatException>(() => ReadModel.ListFlowsAsync(A.Ns, cursor, 10, default));
            await Assert.ThrowsAsync<FormatException>(() => ReadModel.ListDeploymentsAsync(A.Ns, "a", cursor, 10, default));
            await Assert.ThrowsAsync<FormatException>(() => ReadModel.ListStepsAsync(A.Ns, "r1", cursor, 10, default));
            await Assert.ThrowsAsync<FormatException>(() => ReadModel.ListTasksAsync(A.Ns, "r1", new TaskFilter(), cursor, 10, default));
        }
    }

    protected static async Task<List<T>> AllPages<T>(Func<string?, int, Task<Page<T>>> list, int limit)
    {
        var all = new List<T>();
        string? cursor = null;
        do
        {
            var page = await list(cursor, limit).WaitAsync(Patience);
            Assert.InRange(page.Items.Count, page.Next is null ? 0 : limit, limit);
            all.AddRange(page.Items);
            cursor = page.Next;
        }
        while (cursor is not null);
        return all;
    }

    /// <summary>Records that hold lists are never equal by themselves.</summary>
    private static void Same(RunRow expected, RunRow? found)
    {
        Assert.NotNull(found);
        Assert.Equal(expected.Tags, found.Tags);
        Assert.Equal(expected, found with { Tags = expected.Tags });
    }
}
