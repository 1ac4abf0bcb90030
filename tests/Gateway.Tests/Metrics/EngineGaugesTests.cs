using Fanfare.Core;
using Fanfare.Engine;

namespace Fanfare.Gateway.Tests.Metrics;

public sealed class EngineGaugesTests
{
    [Fact]
    public void BeyondSoManyQueues_TheRestIsOne()
    {
        using var listened = new Listened();
        using var gauges = new EngineGauges();

        gauges.Take(Enumerable.Range(0, EngineGauges.MostQueues + 50).Select(i => new EntityInMemory(StreamKind.Step, OfferOf($"bounded-{i}"), null)), default, null, TimeSpan.Zero);
        listened.Look();

        var queues = listened.Values[("fanfare.queue.tasks", Telemetry.Queue)].Keys;
        Assert.Contains(EngineGauges.OtherQueues, queues);
        Assert.Contains("bounded-99", queues);
        Assert.DoesNotContain("bounded-100", queues);
    }

    private static Offer OfferOf(string queue) => new(StreamId.Step("default", "r", World.Key("start")), queue, 0, new ResourceSpec(1, 0, 0, 0), Ready: 2, Running: 1);
}
