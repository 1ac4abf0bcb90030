using Fanfare.Chaos.Sites;

namespace Fanfare.Chaos.Faults;

/// <summary>Does to a site what the lanes drew, each lane beside the others, until told to stop; then nothing is left broken.</summary>
internal sealed class Saboteur(ChaosSite site, int seed, FaultLog log)
{
    private static readonly FaultKind[] LinkKinds = [FaultKind.Cut, FaultKind.Delay, FaultKind.HalfOpen, FaultKind.ResetReplies];

    public async Task RunAsync(CancellationToken stop)
    {
        var lanes = new List<Task>
        {
            RunAsync(new FaultLane("server", seed, ChaosSite.LeaseTerm, 5, ServerKinds()), (fault, end) => ToServerAsync(site.Server, fault, end), stop),
            RunAsync(new FaultLane("client", seed + 1, ChaosSite.LeaseTerm, 15, LinkKinds), (fault, end) => ToLinkAsync(site.ClientLink, fault, end), stop),
        };
        if (site.Standby is { } standby)
        {
            FaultKind[] kinds = [FaultKind.KillServer, FaultKind.FreezeServer, FaultKind.FreezeServerPastLease, FaultKind.DrainServer];
            lanes.Add(RunAsync(new FaultLane("standby", seed + 20, ChaosSite.LeaseTerm, 6, kinds), (fault, end) => ToServerAsync(standby, fault, end), stop));
        }
        if (site.Store.Faults.Count > 0) lanes.Add(RunAsync(new FaultLane("store", seed + 21, ChaosSite.LeaseTerm, 12, site.Store.Faults), ToStoreAsync, stop));
        FaultKind[][] beyond = [[FaultKind.FreezeWorkerPastLease], [FaultKind.CutPastLease], []];
        foreach (var (at, (worker, link)) in site.Workers.Index())
        {
            FaultKind[] kinds = [FaultKind.KillWorker, FaultKind.FreezeWorker, FaultKind.DrainWorker, .. beyond[at % beyond.Length], .. LinkKinds];
            lanes.Add(RunAsync(new FaultLane(worker.Name, seed + 2 + at, ChaosSite.LeaseTerm, 6, kinds), (fault, end) => ToWorkerAsync(worker, link, fault, end), stop));
        }
        await Task.WhenAll(lanes);
        site.Clock?.Set(0);
    }

    private FaultKind[] ServerKinds()
    {
        var kinds = new List<FaultKind> { FaultKind.KillServer, FaultKind.KillAll, FaultKind.FreezeServer, FaultKind.FreezeServerPastLease, FaultKind.DrainServer };
        if (site.Store.DiskRefusal is null) kinds.Add(FaultKind.FillDisk);
        // In every other campaign: what a moved clock excuses stays under test in the rest.
        if (site.Clock is not null && seed % 2 == 1) kinds.Add(FaultKind.StepClock);
        return [.. kinds];
    }

    private async Task RunAsync(FaultLane lane, Func<Fault, CancellationToken, Task<(double From, double To)>> does, CancellationToken stop)
    {
        while (true)
        {
            var fault = lane.Next();
            await Task.Delay(fault.After, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested) return;
            var (from, to) = await does(fault, stop);
            log.Add(new FaultWindow(fault.Kind, lane.Target, from, to));
        }
    }

    private async Task<(double From, double To)> ToStoreAsync(Fault fault, CancellationToken end)
    {
        var from = SystemTime.Now;
        await site.Store.StrikeAsync(fault, end);
        return (from, SystemTime.Now);
    }

    private async Task<(double From, double To)> ToServerAsync(Supervised server, Fault fault, CancellationToken end)
    {
        var from = SystemTime.Now;
        switch (fault.Kind)
        {
            case FaultKind.KillServer:
                await server.KillAsync(fault.Hold);
                break;
            case FaultKind.DrainServer:
                await server.DrainAsync(fault.Hold);
                break;
            case FaultKind.KillAll:
                await Task.WhenAll(site.Workers.Select(w => w.Worker.KillAsync(fault.Hold)).Append(site.Server.KillAsync(fault.Hold)));
                break;
            case FaultKind.FreezeServer or FaultKind.FreezeServerPastLease:
                return await server.FreezeAsync(fault.Hold, end);
            case FaultKind.FillDisk:
                site.Store.Fill();
                await HoldAsync(fault, end);
                site.Store.Free();
                break;
            case FaultKind.StepClock:
                site.Clock!.Set(fault.Amount);
                break;
            default:
                throw new InvalidOperationException($"{fault.Kind} is no fault of a server.");
        }
        return (from, SystemTime.Now);
    }

    private static async Task<(double From, double To)> ToWorkerAsync(Supervised worker, FaultyLink link, Fault fault, CancellationToken end)
    {
        var from = SystemTime.Now;
        switch (fault.Kind)
        {
            case FaultKind.KillWorker:
                await worker.KillAsync(fault.Hold);
                break;
            case FaultKind.DrainWorker:
                await worker.DrainAsync(fault.Hold);
                break;
            case FaultKind.FreezeWorker or FaultKind.FreezeWorkerPastLease:
                return await worker.FreezeAsync(fault.Hold, end);
            default:
                return await ToLinkAsync(link, fault, end);
        }
        return (from, SystemTime.Now);
    }

    private static async Task<(double From, double To)> ToLinkAsync(FaultyLink link, Fault fault, CancellationToken end)
    {
        var from = SystemTime.Now;
        switch (fault.Kind)
        {
            case FaultKind.Cut or FaultKind.CutPastLease:
                link.Cut();
                break;
            case FaultKind.Delay:
                link.Delay(fault.Amount);
                break;
            case FaultKind.HalfOpen:
                link.HalfOpen();
                break;
            case FaultKind.ResetReplies:
                link.ResetReplies(fault.Amount);
                break;
            default:
                throw new InvalidOperationException($"{fault.Kind} is no fault of a link.");
        }
        await HoldAsync(fault, end);
        link.Heal();
        return (from, SystemTime.Now);
    }

    private static async Task HoldAsync(Fault fault, CancellationToken end) => await Task.Delay(fault.Hold, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
