using Fanfare.Bench;
using Fanfare.Contracts;
using Fanfare.Postgres;

namespace Fanfare.Nodes;

public abstract partial class NodesConformance
{
    [PostgresFact]
    public async Task APool_IsOneNodes_ItsMachinesWorkForAll_AndAnotherTakesItOver()
    {
        await using var site = NewSite();
        Member[] members = [await site.JoinAsync("a"), await site.JoinAsync("b"), await site.JoinAsync("c")];
        await Site.SharedAsync(members);
        var spec = new PoolSpec { Name = "burst", Provider = PoolProvider.Ec2, Machine = new ResourceSpec(1, 0, 0, 0), Max = 3, Idle = TimeSpan.FromSeconds(1) };
        var keeper = members.Single(member => member.Address == members[0].OwnerOf(StreamId.Pool("burst")));
        var others = members.Where(member => member != keeper).ToList();

        // Asked for at any node; what waits is another's, and the machines poll all of them.
        Assert.True((await others[0].Scheduler.SetPoolAsync(new SetPool("ann", spec), default)).New);
        var flow = Flows.Foreach(12, 1);
        await site.StartRunAsync(others[0], flow, at: others[1]);
        await site.EndAsync(others[0]);
        await Site.UntilAsync(() => site.Cloud.Live.Count == 0, "The end of machines that have nothing to do");
        Assert.InRange(site.Cloud.Made, 1, 3);

        // One that ends holding a task, whose lease lasts for minutes; and the death of the node that looks after the pool.
        site.Cloud.Each = TimeSpan.FromSeconds(3);
        var run = await site.StartRunAsync(others[0], flow, at: others[1]);
        await Site.UntilAsync(async () => (await others[0].Scheduler.ListWorkersAsync(default)).Count(worker => worker.Leases > 0 && site.Cloud.Live.Contains(worker.Worker)) == 3, "Three machines at work");
        site.Cloud.End(site.Cloud.Live[0]);
        await Site.UntilAsync(async () => (await others[0].Store.ReadModel.ReadHistoryAsync(Site.Ns, run, 0, 10_000, default)).Any(each => each.Entry.Event is TaskLost lost && lost.Reason.Contains("has ended, on which it ran", StringComparison.Ordinal)), "The loss of what it ran");
        await keeper.KillAsync();
        await site.LeaveAsync(keeper);
        await site.EndAsync(others[0]);
        Assert.InRange(site.Cloud.Most, 1, 3);

        await others[1].Scheduler.DeletePoolAsync(new DeletePool("ann", "burst"), default);
        await Site.UntilAsync(async () => site.Cloud.Live.Count == 0 && await others[0].Store.ReadModel.GetPoolAsync("burst", default) is null, "The end of the pool");
        await site.CheckAsync(flow);
    }
}
