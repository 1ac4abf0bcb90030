using Fanfare.Contracts;
using Fanfare.Simulation.Kernel;

namespace Fanfare.Simulation.Cluster;

/// <summary>The way between two entities, as it is when they live on different nodes: messages are lost, late, doubled and overtaken, and so are receipts.</summary>
internal sealed class SimCarrier(VirtualProcess process, Faults faults)
{
    public async Task CarryAsync(StreamId target, Func<Task> deliver)
    {
        var share = faults.MessageFaultShare;
        if (faults.At("message lost", process.Name, share) is not null) throw new IOException("the other node did not answer");
        if (faults.At("message late", process.Name, share) is { } late) await WaitAsync(late.Chance.Span(10, late.Chance.Roll(0.3) ? 30_000 : 1_000));
        if (faults.At("message doubled", process.Name, share) is { } doubled) _ = AgainAsync(deliver, doubled.Chance.Span(0, 5_000));
        await deliver();
        if (faults.At("receipt lost", process.Name, share) is not null) throw new IOException("the other node did not answer");
    }

    private async Task AgainAsync(Func<Task> deliver, TimeSpan delay)
    {
        await WaitAsync(delay);
        try
        {
            await deliver();
        }
        catch (Exception)
        {
            // A copy that nobody waits for: what becomes of it, nobody hears.
        }
    }

    private Task WaitAsync(TimeSpan time) => Task.Delay(time, process.Clock);
}
