using System.Collections.Concurrent;
using System.Diagnostics;
using Fanfare.Bench;
using Fanfare.Contracts;
using Fanfare.Postgres;
using Xunit.Abstractions;

namespace Fanfare.Nodes;

/// <summary>Runs on several nodes that come, go and die, worked by workers that poll any of them; whatever is between the nodes.</summary>
public abstract partial class NodesConformance(SharedPostgres shared, ITestOutputHelper output) : IClassFixture<SharedPostgres>
{
    private static readonly TimeSpan _short = TimeSpan.FromMilliseconds(10);

    internal abstract INetwork NewNetwork();

    private Site NewSite() => new(NewNetwork(), shared.NewSchema());

    [PostgresFact]
    public async Task RunsLieOnAllNodes_AndAnyWorkerWorksThem()
    {
        await using var site = NewSite();
        var (a, b, c) = (await site.JoinAsync("a"), await site.JoinAsync("b"), await site.JoinAsync("c"));
        await Site.SharedAsync(a, b, c);
        // Each knows one gateway alone.
        Worker[] workers = [site.Work("wa", 8, _short, "a"), site.Work("wb", 8, _short, "b")];
        var flow = Flows.Foreach(20, 2);

        for (var i = 0; i < 30; i++) await site.StartRunAsync(site.Members.ElementAt(i % 3), flow);
        await site.EndAsync(a);

        output.WriteLine($"tasks of {string.Join(", ", workers.Select(worker => worker.Ended))}");
        Assert.Equal(3, site.Runs.Select(run => a.OwnerOf(StreamId.Run(Site.Ns, run))).Distinct().Count());
        Assert.All(workers, worker => Assert.InRange(worker.MostHeld, 1, 8));
        Assert.All(workers, worker => Assert.InRange(worker.Ended, 200, 30 * 42));
        Assert.Equal(30 * 42, workers.Sum(worker => worker.Ended));
        Assert.Equal(["wa", "wb"], (await c.Scheduler.ListWorkersAsync(default)).Select(worker => worker.Worker));
        await site.CheckAsync(flow);
        Assert.Equal("", site.Warnings);
    }

    [PostgresFact]
    public async Task WorkOnOneNode_ReachesAWorkerThatWaitsAtAnother()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        site.Work("w", 1, TimeSpan.Zero, "a");
        var flow = Flows.Chain(5);
        await Site.UntilAsync(() => a.Scheduler.ListWorkersAsync(default).Result.Count == 1, "The worker");

        var slowest = TimeSpan.Zero;
        for (var i = 0; i < 20; i++)
        {
            var clock = Stopwatch.StartNew();
            await site.StartRunAsync(b, flow);
            await site.EndAsync(a);
            slowest = slowest > clock.Elapsed ? slowest : clock.Elapsed;
        }

        output.WriteLine($"slowest of 20 chains of 5 steps: {slowest.TotalMilliseconds:0} ms");
        // A poll that waits is parked for 20 s.
        Assert.InRange(slowest, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        Assert.Equal(2, site.Runs.Select(run => a.OwnerOf(StreamId.Run(Site.Ns, run))).Distinct().Count());
        await site.CheckAsync(flow);
    }

    [PostgresFact]
    public async Task AGang_GathersWorkersThatWaitAtSeveralNodes()
    {
        await using var site = NewSite();
        var (a, b, c) = (await site.JoinAsync("a"), await site.JoinAsync("b"), await site.JoinAsync("c"));
        await Site.SharedAsync(a, b, c);
        foreach (var gateway in new[] { "a", "b", "c" }) site.Work($"w{gateway}", 2, _short, gateway);
        await Site.UntilAsync(() => a.Scheduler.ListWorkersAsync(default).Result.Count == 3, "All workers");
        var gang = Gang(6);

        var slowest = TimeSpan.Zero;
        for (var i = 0; i < 6; i++)
        {
            var clock = Stopwatch.StartNew();
            await site.StartRunAsync(a, gang, at: site.Members.ElementAt(i % 3));
            await site.EndAsync(a);
            slowest = slowest > clock.Elapsed ? slowest : clock.Elapsed;
        }

        output.WriteLine($"slowest of 6 gangs: {slowest.TotalMilliseconds:0} ms");
        Assert.InRange(slowest, TimeSpan.Zero, TimeSpan.FromSeconds(15));
        await site.CheckAsync(gang);
    }

    [PostgresFact]
    public async Task GangsOfSeveralNodes_AllStart_ThoughEachNodeHasOtherWorkForEver()
    {
        await using var site = NewSite();
        var (a, b, c) = (await site.JoinAsync("a"), await site.JoinAsync("b"), await site.JoinAsync("c"));
        await Site.SharedAsync(a, b, c);
        Worker[] workers = [.. new[] { "a", "b", "c" }.Select(gateway => site.Work($"w{gateway}", 2, TimeSpan.FromMilliseconds(100), gateway))];
        var (gang, other) = (Gang(6), Flows.Foreach(100_000, 1));
        foreach (var member in site.Members) await site.StartRunAsync(a, other, at: member);
        await Site.UntilAsync(() => workers.All(worker => worker.Ended > 5), "Workers that are busy");

        List<string> gangs = [];
        foreach (var member in site.Members)
            for (var i = 0; i < 2; i++) gangs.Add(await site.StartRunAsync(a, gang, at: member));
        var clock = Stopwatch.StartNew();
        await Site.UntilAsync(() => gangs.TrueForAll(run => a.Store.ReadModel.GetRunAsync(Site.Ns, run, default).Result is { Status: RunStatus.Succeeded }), "The end of all gangs");

        output.WriteLine($"6 gangs beside endless work: {clock.Elapsed.TotalSeconds:0.0} s");
        foreach (var run in site.Runs.Except(gangs)) await a.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", run, RunVerb.Cancel, null), default);
        await Site.UntilAsync(() => site.Runs.All(run => a.Store.ReadModel.GetRunAsync(Site.Ns, run, default).Result!.Status.IsTerminal()), "The end of the rest");
        await site.CheckAsync(gang, other);
    }

    private static FlowSpec Gang(int size)
    {
        var flow = Flows.Foreach(size, 1);
        return flow with { Name = "gang", Steps = [.. flow.Steps.Select(step => step.Name == "b0" ? step with { Gang = true } : step)] };
    }

    [PostgresFact]
    public async Task ACancelOnOneNode_ReachesAFullWorkerThatRestsAtAnother()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        var worker = site.Work("w", 4, TimeSpan.FromHours(1), "a");
        var flow = Flows.Foreach(1, 1);
        for (var i = 0; i < 4; i++) await site.StartRunAsync(a, flow, at: i % 2 == 0 ? a : b);
        await Site.UntilAsync(() => worker.MostHeld == 4, "Four tasks");
        var polls = worker.Polls;
        await Task.Delay(TimeSpan.FromSeconds(2));
        Assert.InRange(worker.Polls - polls, 0, 2);

        var clock = Stopwatch.StartNew();
        foreach (var run in site.Runs) await a.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", run, RunVerb.Cancel, null), default);
        await site.EndAsync(a, RunStatus.Cancelled);

        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        await site.CheckAsync(flow);
    }

    [PostgresFact]
    public async Task TasksThatTakeTheirTimeToEnd_AreWaitedFor_WithoutAPollAfterAnother()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        var worker = site.Work("w", 4, TimeSpan.FromHours(1), "a");
        worker.Grace = TimeSpan.FromSeconds(4);
        var flow = Flows.Foreach(1, 1);
        for (var i = 0; i < 4; i++) await site.StartRunAsync(a, flow, at: i % 2 == 0 ? a : b);
        await Site.UntilAsync(() => worker.MostHeld == 4, "Four tasks");
        var polls = worker.Polls;

        foreach (var run in site.Runs) await a.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", run, RunVerb.Cancel, null), default);
        await site.EndAsync(a, RunStatus.Cancelled);

        Assert.InRange(worker.Polls - polls, 2, 30);
        await site.CheckAsync(flow);
    }

    [PostgresFact]
    public async Task WordOfWork_PassesByAWorkerThatIsFull()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        var full = site.Work("full", 1, TimeSpan.FromHours(1), "a");
        var flow = Flows.Foreach(1, 1);
        await site.StartRunAsync(a, flow, at: a);
        await Site.UntilAsync(() => full.MostHeld == 1, "A full worker");
        // It rests first.
        await Task.Delay(TimeSpan.FromSeconds(1));
        var idle = site.Work("idle", 1, TimeSpan.FromHours(1), "a");
        await Site.UntilAsync(() => a.Scheduler.ListWorkersAsync(default).Result.Count == 2, "Both workers");
        await Task.Delay(TimeSpan.FromSeconds(1));

        var clock = Stopwatch.StartNew();
        await site.StartRunAsync(a, flow, at: b);
        await Site.UntilAsync(() => idle.MostHeld == 1, "The other's task");

        // A poll that waits is parked for 20 s.
        Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
        foreach (var run in site.Runs) await a.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", run, RunVerb.Cancel, null), default);
        await site.EndAsync(a, RunStatus.Cancelled);
    }

    [PostgresFact]
    public async Task WordOfWork_PassesByAWorkerOfAnotherQueue()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        site.Work("other", 1, TimeSpan.Zero, "other", ["a"]);
        await Site.UntilAsync(() => a.Scheduler.ListWorkersAsync(default).Result.Count == 1, "A worker of another queue");
        site.Work("idle", 1, TimeSpan.Zero, "a");
        await Site.UntilAsync(() => a.Scheduler.ListWorkersAsync(default).Result.Count == 2, "Both workers");

        var slowest = TimeSpan.Zero;
        for (var i = 0; i < 5; i++)
        {
            var clock = Stopwatch.StartNew();
            await site.StartRunAsync(a, Flows.Chain(2), at: b);
            await site.EndAsync(a);
            slowest = slowest > clock.Elapsed ? slowest : clock.Elapsed;
        }

        // A node that has work and did not say so is thought to have some every 10 s.
        Assert.InRange(slowest, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [PostgresFact]
    public async Task AWorkerWhoseNodeIsCutOffFromTheDatabase_GoesToAnother()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        var worker = site.Work("w", 8, TimeSpan.FromMilliseconds(20), "a", "b");
        var flow = Flows.Foreach(100_000, 1);
        var run = await site.StartRunAsync(a, flow, at: a);
        await site.StartRunAsync(a, flow, at: b);
        await Site.UntilAsync(() => worker.Ended > 20, "Runs that go on");

        // It does not learn that it was put out: nothing comes through to it. The worker always has something that the other settles.
        a.Wire.Break();
        try
        {
            await Site.UntilAsync(() => b.OwnerOf(StreamId.Run(Site.Ns, run)) == b.Address, "Another owner");
            var clock = Stopwatch.StartNew();
            var position = await b.Store.ReadModel.GetPositionAsync(Site.Ns, run, default);
            await Site.UntilAsync(() => b.Store.ReadModel.ReadHistoryAsync(Site.Ns, run, position, 1000, default).Result.Any(each => each.Entry.Event is TaskSucceeded), "A task that ends");
            Assert.InRange(clock.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(10));
            output.WriteLine($"the run went on {clock.Elapsed.TotalMilliseconds:0} ms after it was another's");
            foreach (var each in site.Runs) await b.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", each, RunVerb.Cancel, null), default);
            await site.EndAsync(b, RunStatus.Cancelled);
        }
        finally
        {
            a.Wire.Mend();
        }
        await site.CheckAsync(flow);
    }

    [PostgresFact]
    public async Task NodesThatComeAndGo_MoveRuns_AndLoseNothing()
    {
        await using var site = NewSite();
        var a = await site.JoinAsync("a");
        await Site.SharedAsync(a);
        site.Work("w1", 8, _short, "a", "b", "c");
        site.Work("w2", 8, _short, "b", "c", "a");
        var flow = Flows.Foreach(60, 3);
        for (var i = 0; i < 12; i++) await site.StartRunAsync(a, flow);

        var b = await site.JoinAsync("b");
        await Site.SharedAsync(a, b);
        for (var i = 0; i < 6; i++) await site.StartRunAsync(b, flow);
        var c = await site.JoinAsync("c");
        await Site.SharedAsync(a, b, c);
        for (var i = 0; i < 6; i++) await site.StartRunAsync(c, flow);
        await site.LeaveAsync(a);
        await Site.SharedAsync(b, c);
        await site.EndAsync(b);

        await site.CheckAsync(flow);
    }

    [PostgresFact]
    public async Task ANodeThatIsKilled_CostsAMoment_AndNothingElse()
    {
        await using var site = NewSite();
        var (a, b, c) = (await site.JoinAsync("a"), await site.JoinAsync("b"), await site.JoinAsync("c"));
        await Site.SharedAsync(a, b, c);
        site.Work("w1", 8, _short, "c", "a", "b");
        site.Work("w2", 8, _short, "a", "b", "c");
        var flow = Flows.Foreach(60, 3);
        var hit = await site.StartRunAsync(a, flow, at: c);
        for (var i = 0; i < 23; i++) await site.StartRunAsync(a, flow);

        await c.KillAsync();
        var clock = Stopwatch.StartNew();
        await Site.SharedAsync(a, b);
        output.WriteLine($"all shards owned again after {clock.Elapsed.TotalSeconds:0.00} s");
        await site.EndAsync(a);

        Assert.NotEqual(c.Address, a.OwnerOf(StreamId.Run(Site.Ns, hit)));
        await site.CheckAsync(flow);
    }

    [PostgresFact]
    public async Task AnyNode_ReadsTheWholeHistory_OfARunThatAnotherOwns()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        site.Work("w", 8, TimeSpan.Zero, "a");
        var flow = Flows.Chain(30);
        for (var i = 0; i < 6; i++)
        {
            var run = await site.StartRunAsync(a, flow, at: i % 2 == 0 ? a : b);
            var reader = i % 2 == 0 ? b : a;
            // As one who follows it does: each page begins after the last event of the one before, and none may come up behind it.
            var (seen, after, ended) = (new List<HistoryEvent>(), 0L, false);
            while (!ended)
            {
                ended = (await reader.Store.ReadModel.GetRunAsync(Site.Ns, run, default))!.Status.IsTerminal();
                var page = await reader.Store.ReadModel.ReadHistoryAsync(Site.Ns, run, after, 7, default);
                seen.AddRange(page);
                if (page.Count > 0) (after, ended) = (page[^1].Position, ended && page.Count < 7);
            }
            var whole = await a.Store.ReadModel.ReadHistoryAsync(Site.Ns, run, 0, 100_000, default);
            Assert.Equal(whole.Select(each => each.Position), seen.Select(each => each.Position));
            Assert.Contains(whole, each => each.Entry.Event is RunEnded);
        }
        await site.CheckAsync(flow);
    }

    [PostgresFact]
    public async Task Commands_GoToTheOwner()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        var flow = Flows.Foreach(3, 1);
        var run = await site.StartRunAsync(a, flow);
        var other = a.OwnerOf(StreamId.Run(Site.Ns, run)) == a.Address ? b : a;

        Assert.Equal(RunStatus.Paused, await other.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", run, RunVerb.Pause, null), default));
        Assert.Equal(RunStatus.Running, await other.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", run, RunVerb.Resume, null), default));
        var task = new TaskRef(Site.Ns, run, new StepKey("start", default, new SplitPath([0])), 0);
        var explained = await other.Scheduler.ExplainAsync(task, default);
        Assert.Equal("waiting", explained.State);
        Assert.Equal(1, (await other.Scheduler.ListQueuesAsync(default)).Single().ReadyTasks);
        await Assert.ThrowsAsync<RefusedException>(() => other.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", "none", RunVerb.Cancel, null), default));
        await other.Scheduler.CommandRunAsync(new CommandRun(Site.Ns, "ann", run, RunVerb.Cancel, "enough"), default);
        await site.EndAsync(a, RunStatus.Cancelled);
        await site.CheckAsync(flow);
    }
    [PostgresFact]
    public async Task ADeletedFlow_IsStartedFromNoNode_AndItsRunsGoOn()
    {
        await using var site = NewSite();
        var (a, b) = (await site.JoinAsync("a"), await site.JoinAsync("b"));
        await Site.SharedAsync(a, b);
        Member[] members = [a, b];
        // One that each owns.
        var flows = members.Select(owner => Enumerable.Range(0, 100).Select(i => Flows.Foreach(3, 1) with { Name = $"flow{i}" }).First(flow => a.OwnerOf(StreamId.Flow(Site.Ns, flow.Name)) == owner.Address)).ToArray();

        foreach (var flow in flows)
        {
            foreach (var at in members) await site.StartRunAsync(a, flow, at);
            Assert.Equal(new FlowDeletion(flow.Name, 1, New: true), await b.Scheduler.DeleteFlowAsync(new DeleteFlow(Site.Ns, "ann", flow.Name, 1), default));
            Assert.Equal(new FlowDeletion(flow.Name, 1, New: false), await a.Scheduler.DeleteFlowAsync(new DeleteFlow(Site.Ns, "ann", flow.Name), default));
            foreach (var at in members)
            {
                foreach (var deployment in (int?[])[null, 1])
                {
                    string run;
                    do run = Core.RunIds.Of(Guid.NewGuid().ToByteArray());
                    while (a.OwnerOf(StreamId.Run(Site.Ns, run)) != at.Address);
                    var refused = await Assert.ThrowsAsync<RefusedException>(() => a.Scheduler.StartRunAsync(new StartRun(Site.Ns, "ann", flow.Name, deployment, "{}", [], 0, null, run), default));
                    Assert.Equal((RefusalKind.NotFound, "FAN0002"), (refused.Kind, refused.Code));
                }
            }
        }
        site.Work("w", 8, _short, "a", "b");
        await site.EndAsync(a);
        foreach (var flow in flows)
            foreach (var at in members) await site.StartRunAsync(a, flow, at);
        await site.EndAsync(a);

        Assert.Equal([1, 1, 1, 1, 2, 2, 2, 2], (await a.Store.ReadModel.ListRunsAsync(new RunFilter(Site.Ns), null, 10, default)).Items.Select(run => run.Deployment).Order());
        await site.CheckAsync(flows);
    }

    [PostgresFact]
    public async Task FlowsThatMoveWhileTheyAreDeployed_AreKnownToTheirOwnersAlone()
    {
        await using var site = NewSite();
        var a = await site.JoinAsync("a");
        await Site.SharedAsync(a);
        var (flows, isShared) = (0, false);
        var deploying = Enumerable.Range(0, 16).Select(_ => Task.Run(async () =>
        {
            while (!Volatile.Read(ref isShared)) await a.Scheduler.DeployAsync(new DeployFlow(Site.Ns, "ann", Flows.Foreach(3, 1) with { Name = $"flow{Interlocked.Increment(ref flows)}" }, "test", null), default);
        })).ToList();
        var b = await site.JoinAsync("b");
        await Site.SharedAsync(a, b);
        Volatile.Write(ref isShared, true);
        await Task.WhenAll(deploying);

        var started = new ConcurrentBag<string>();
        await Parallel.ForAsync(1, flows + 1, async (i, _) =>
        {
            await b.Scheduler.DeleteFlowAsync(new DeleteFlow(Site.Ns, "ann", $"flow{i}", 1), default);
            foreach (var at in (Member[])[a, b])
            {
                string run;
                do run = Core.RunIds.Of(Guid.NewGuid().ToByteArray());
                while (a.OwnerOf(StreamId.Run(Site.Ns, run)) != at.Address);
                try
                {
                    await a.Scheduler.StartRunAsync(new StartRun(Site.Ns, "ann", $"flow{i}", null, "{}", [], 0, null, run), default);
                    started.Add($"flow{i} at {at.Name}");
                }
                catch (RefusedException refused) when (refused.Kind == RefusalKind.NotFound)
                {
                    // As it is to be.
                }
            }
        });

        output.WriteLine($"{flows} flows");
        Assert.Empty(started);
    }

    [PostgresFact]
    public async Task AFlowIsNotDeleted_WhileAServerMayTakePartThatCannotReadIt()
    {
        await using var site = NewSite();
        var a = await site.JoinAsync("a");
        await Site.SharedAsync(a);
        await a.Scheduler.DeployAsync(new DeployFlow(Site.Ns, "ann", Flows.Foreach(3, 1), "test", null), default);
        var delete = new DeleteFlow(Site.Ns, "ann", Flows.Foreach(3, 1).Name);

        await AgreeUponAsync(site, a, 1);
        var refused = await Assert.ThrowsAsync<RefusedException>(() => a.Scheduler.DeleteFlowAsync(delete, default));
        await AgreeUponAsync(site, a, JournalFormat.Version);
        var deletion = await a.Scheduler.DeleteFlowAsync(delete, default);

        Assert.Equal((RefusalKind.Conflict, "FAN0003"), (refused.Kind, refused.Code));
        Assert.True(deletion.New);
    }

    [PostgresTheory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AFlowIsNotDeployed_WhileAServerMayTakePartThatCannotReadItsSpec(bool isGang)
    {
        await using var site = NewSite();
        var a = await site.JoinAsync("a");
        await Site.SharedAsync(a);
        var old = Flows.Foreach(3, 1);
        var spec = isGang ? Gang(3) : old with { Steps = [.. old.Steps.Select(step => step.Name == "b0" ? step with { Warm = ["server"] } : step)] };

        await AgreeUponAsync(site, a, 1);
        var refused = await Assert.ThrowsAsync<RefusedException>(() => a.Scheduler.DeployAsync(new DeployFlow(Site.Ns, "ann", spec, "test", null), default));
        var engineRefused = await Assert.ThrowsAsync<RefusedException>(() => a.Engine.DeployAsync(new DeployFlow(Site.Ns, "ann", spec, "test", null), default));
        var deployed = await a.Scheduler.DeployAsync(new DeployFlow(Site.Ns, "ann", old with { Name = spec.Name }, "test", null), default);
        await AgreeUponAsync(site, a, JournalFormat.Version);
        var later = await a.Scheduler.DeployAsync(new DeployFlow(Site.Ns, "ann", spec, "test", null), default);

        Assert.Equal((RefusalKind.Conflict, "FAN0003"), (refused.Kind, refused.Code));
        Assert.Contains($"cannot read '{(isGang ? "gang" : "warm")}' of step 'b0'. Deploy the flow without it, or when", refused.Message, StringComparison.Ordinal);
        Assert.Equal(refused.Message, engineRefused.Message);
        Assert.Equal((1, 2), (deployed.Version, later.Version));
        Assert.Equal("1 2", await FormatsAsync(site, spec.Name));
    }

    // In which formats a flow's deployments are kept.
    private Task<string?> FormatsAsync(Site site, string flow) => shared.Server.ScalarAsync<string>(
        $"SELECT string_agg(version::text, ' ' ORDER BY events.seq) FROM events JOIN streams ON streams.id = stream_id WHERE name = '{StreamId.Flow(Site.Ns, flow)}'", site.Database);

    // As the nodes do when one of an older release has gone, or is there.
    private async Task AgreeUponAsync(Site site, Member member, int format)
    {
        await shared.Server.ExecuteAsync($"UPDATE journal SET format = {format}, written_by = pg_current_xact_id()::text::bigint", site.Database);
        await Site.UntilAsync(() => member.Store.Journal.Format == format, "Word of the format");
    }
}
