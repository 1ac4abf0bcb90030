using Fanfare.Bench;
using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Nodes;

// Runs that start by themselves, and who is told of their ends.
public abstract partial class NodesConformance
{
    [PostgresFact]
    public async Task ASchedule_StartsRunsOnAllNodes_AndHearsOfTheirEnds_AlsoWhileNodesComeAndGo()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        site.Work("w", 8, _short, "a", "b");
        // Of each a flow and a schedule that lie on different nodes.
        var flows = Enumerable.Range(0, 6).Select(i => Flows.Foreach(3, 1) with { Name = $"flow{i}", Schedules = [new ScheduleSpec { Name = "often", Every = TimeSpan.FromSeconds(1), Overlap = OverlapPolicy.QueueAll, Missed = MissedKind.All }] }).ToArray();
        foreach (var flow in flows) await b.Scheduler.DeployAsync(new DeployFlow(Site.Ns, "ann", flow, "test", null), default);

        await BegunAsync(2);
        var c = await site.JoinAsync("c");
        await Site.SharedAsync(a, b, c);
        await BegunAsync(4);
        await site.LeaveAsync(a);
        await BegunAsync(6);
        foreach (var flow in flows) await c.Scheduler.CommandScheduleAsync(new CommandSchedule(Site.Ns, "olga", flow.Name, "often", ScheduleVerb.Pause, "enough"), default);
        await Site.UntilAsync(async () => (await b.Store.ReadModel.ListSchedulesAsync(Site.Ns, null, null, 100, default)).Items.All(s => s.Standing is { Pause: { Actor: "olga", Reason: "enough" }, ActiveCount: 0 }), "The end of all runs");

        var runs = (await b.Store.ReadModel.ListRunsAsync(new RunFilter(Site.Ns), null, 1000, default)).Items;
        Assert.All(runs, run => Assert.Equal((RunStatus.Succeeded, "schedule:often"), (run.Status, run.Actor)));
        // Paused, some of them still wait for their turn: they are not lost.
        Assert.Equal((await b.Store.ReadModel.ListSchedulesAsync(Site.Ns, null, null, 100, default)).Items.Sum(s => s.Standing!.Begun), runs.Count);
        site.Knows(runs.Select(run => run.Run));
        await site.CheckAsync(flows);

        Task BegunAsync(int each) => Site.UntilAsync(async () => (await b.Store.ReadModel.ListSchedulesAsync(Site.Ns, null, null, 100, default)).Items is { Count: 6 } all && all.All(s => s.Standing!.Begun >= each), $"{each} runs of each schedule");
    }

    [PostgresFact]
    public async Task ABackfill_RunsEachIntervalOnce_BesideItsSchedule_WhileNodesComeAndGo()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        site.Work("w", 8, _short, "a", "b");
        var flows = Enumerable.Range(0, 4).Select(i => Flows.Foreach(3, 1) with { Name = $"flow{i}", Schedules = [new ScheduleSpec { Name = "often", Every = TimeSpan.FromSeconds(1), Overlap = OverlapPolicy.Allow }] }).ToArray();
        foreach (var flow in flows) await b.Scheduler.DeployAsync(new DeployFlow(Site.Ns, "ann", flow, "test", null), default);
        await Site.UntilAsync(async () => (await b.Store.ReadModel.ListSchedulesAsync(Site.Ns, null, null, 100, default)).Items is { Count: 4 } all && all.All(s => s.Standing!.Begun >= 2), "Two runs of each schedule");
        // Up to now, so that schedule and backfill meet; and of each a second one that wants the same, from the other end.
        var now = DateTimeOffset.UtcNow;
        foreach (var flow in flows)
        {
            await a.Scheduler.StartBackfillAsync(new StartBackfill(Site.Ns, "olga", $"{flow.Name}-old", new BackfillPlan(flow.Name, "often", now.AddSeconds(-12), now, false, 2, -10, BackfillRerun.None, 0)), default);
            await b.Scheduler.StartBackfillAsync(new StartBackfill(Site.Ns, "olga", $"{flow.Name}-new", new BackfillPlan(flow.Name, "often", now.AddSeconds(-12), now, true, 2, -10, BackfillRerun.None, 0)), default);
        }
        Assert.Equal(8, (await b.Store.ReadModel.ListBackfillsAsync(Site.Ns, null, null, 100, default)).Items.Count);
        var c = await site.JoinAsync("c");
        await Site.SharedAsync(a, b, c);
        await site.LeaveAsync(a);

        // Their runs come after those of the schedules, which a slow machine is not done with before the next are due: so these have to come to an end first.
        foreach (var flow in flows) await c.Scheduler.CommandScheduleAsync(new CommandSchedule(Site.Ns, "olga", flow.Name, "often", ScheduleVerb.Pause, "enough"), default);
        await Site.UntilAsync(async () => (await BackfillsAsync()).All(row => row.Standing.State == BackfillState.Done), "The end of all backfills", async () => string.Join('\n', (await BackfillsAsync()).Select(row => $"{row.Backfill} {row.Standing}")));
        await Site.UntilAsync(async () => (await b.Store.ReadModel.ListSchedulesAsync(Site.Ns, null, null, 100, default)).Items.All(s => s.Standing is { Pause: not null, ActiveCount: 0 }), "The end of all runs");
        foreach (var flow in flows)
        {
            var rows = (await b.Store.ReadModel.ListBackfillsAsync(Site.Ns, flow.Name, null, 100, default)).Items;
            // Of each interval one of the three has the run.
            Assert.All(rows, row => Assert.Equal((row.Standing.Plan.Total, row.Standing.Plan.Total), (row.Standing.Taken, row.Standing.Succeeded + row.Standing.Present)));
            var runs = (await b.Store.ReadModel.ListRunsAsync(new RunFilter(Site.Ns, flow.Name), null, 1000, default)).Items;
            Assert.Equal(rows.Sum(row => row.Standing.Succeeded), runs.Count(run => run.Actor.StartsWith("backfill:", StringComparison.Ordinal)));
            site.Knows(runs.Select(run => run.Run));
        }
        await site.CheckAsync(flows);

        async Task<IReadOnlyList<BackfillRow>> BackfillsAsync() => (await b.Store.ReadModel.ListBackfillsAsync(Site.Ns, null, null, 100, default)).Items;
    }

    [PostgresFact]
    public async Task EventsAndEndsOfRuns_StartFlows_WhileNodesComeAndGo_EachOnce()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        site.Work("w", 8, _short, "a", "b");
        var first = Flows.Foreach(3, 1) with { Name = "first", Triggers = [new TriggerSpec { Name = "on", Sources = [new TriggerSource { Event = "x" }] }] };
        var second = Flows.Foreach(3, 1) with
        {
            Name = "second",
            Triggers =
            [
                new TriggerSpec { Name = "after", Sources = [new TriggerSource { Flow = "first", Ends = [RunStatus.Succeeded] }] },
                new TriggerSpec { Name = "both", All = true, Sources = [new TriggerSource { Event = "x" }, new TriggerSource { Event = "y" }] },
            ],
        };
        // Whoever is asked: from when it is answered, all nodes know whose ends are awaited.
        foreach (var flow in new[] { first, second }) await b.Scheduler.DeployAsync(new DeployFlow(Site.Ns, "ann", flow, "test", null), default);
        var published = 0;

        await PublishAsync(a);
        var c = await site.JoinAsync("c");
        await Site.SharedAsync(a, b, c);
        await PublishAsync(c);
        await site.LeaveAsync(a);
        await PublishAsync(b);

        await Site.UntilAsync(async () => (await RunsAsync("first")).Count == published && (await RunsAsync("second")).Count == published + 3, "All runs");
        var runs = (await b.Store.ReadModel.ListRunsAsync(new RunFilter(Site.Ns), null, 1000, default)).Items;
        site.Knows(runs.Select(run => run.Run));
        await site.EndAsync(b);
        Assert.Equal(3, (await RunsAsync("second")).Count(run => run.Actor == "trigger:both"));
        await site.CheckAsync(first, second);

        async Task PublishAsync(Member through)
        {
            for (var i = 0; i < 10; i++, published++)
                Assert.Equal(2, (await through.Scheduler.PublishAsync(new PublishEvent(Site.Ns, "ann", "x", "{}", $"x{published}", ""), default)).Outcomes.Count);
            // Whoever owns the trigger is asked for it, through whatever node.
            foreach (var member in site.Members)
                await Site.UntilAsync(async () => (await member.Scheduler.ReadHeldAsync(Site.Ns, new TriggerName("second", "both"), second.Triggers![1], default)) is [{ Source: 0 }], "One of both");
            await through.Scheduler.PublishAsync(new PublishEvent(Site.Ns, "ann", "y", "{}", $"y{published}", ""), default);
            // Used up before the next of them come.
            await Site.UntilAsync(async () => (await RunsAsync("second")).Count(run => run.Actor == "trigger:both") == published / 10, "The run of both");
        }

        async Task<IReadOnlyList<RunRow>> RunsAsync(string flow) => (await b.Store.ReadModel.ListRunsAsync(new RunFilter(Site.Ns, flow), null, 1000, default)).Items;
    }

    [PostgresFact]
    public async Task NoticesAreTold_WhileNodesComeAndGo_AndWhatNoReceiverTakes_IsRedrivenThroughAnyNode()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        site.Work("w", 8, _short, "a", "b");
        var flows = Enumerable.Range(0, 6).Select(i => Flows.Foreach(3, 1) with { Name = $"flow{i}", Notify = [new NotifySpec { On = [NoticeKind.Succeeded], To = ["oncall", "nobody"] }] }).ToArray();
        foreach (var flow in flows)
            for (var i = 0; i < 4; i++) await site.StartRunAsync(i % 2 == 0 ? a : b, flow);
        await site.EndAsync(b);
        // While their receivers are away, their owners change.
        await Site.UntilAsync(async () => (await NoticesAsync()).Count(notice => notice.IsDead) == 24, "A notice of each run");
        var c = await site.JoinAsync("c");
        await Site.SharedAsync(a, b, c);
        await site.LeaveAsync(a);
        site.Receivers.AreOpen = true;

        await Site.UntilAsync(async () => (await NoticesAsync()).All(notice => notice.Standing.Deliveries[0].State == NoticeState.Told), "The end of all notices", async () => string.Join('\n', await NoticesAsync()));
        Assert.Equal((await NoticesAsync()).Select(notice => (notice.Notice, "oncall")).Order(), site.Receivers.Told.Order());
        foreach (var (notice, i) in (await NoticesAsync()).Select((notice, i) => (notice, i)))
        {
            var settled = await (i % 2 == 0 ? b : c).Scheduler.CommandNoticeAsync(new CommandNotice(Site.Ns, "olga", notice.Notice, i % 3 == 0 ? DeadLetterVerb.Redrive : DeadLetterVerb.Dismiss), default);
            Assert.Equal("nobody", Assert.Single(settled).Receiver);
        }
        await Site.UntilAsync(async () => (await NoticesAsync()).All(notice => notice.Standing.Deliveries[1].State != NoticeState.Pending), "The end of what was redriven");
        await site.CheckAsync(flows);

        async Task<IReadOnlyList<NoticeRow>> NoticesAsync() => (await b.Store.ReadModel.ListNoticesAsync(Site.Ns, null, false, null, 1000, default)).Items;
    }
}
