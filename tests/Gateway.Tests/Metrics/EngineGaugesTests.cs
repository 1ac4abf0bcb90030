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

        gauges.Take(Enumerable.Range(0, EngineGauges.MostQueues + 50).Select(i => new EntityInMemory(StreamKind.Step, OfferOf($"bounded-{i}"), null)), default, [], null, TimeSpan.Zero);
        listened.Look();

        var queues = listened.Values[("fanfare.queue.tasks", Telemetry.Queue)].Keys;
        Assert.Contains(EngineGauges.OtherQueues, queues);
        Assert.Contains("bounded-99", queues);
        Assert.DoesNotContain("bounded-100", queues);
    }

    [Fact]
    public void AFlowFails_FromItsThirdFailureInARow_UntilOneOfItsRunsSucceeds()
    {
        var flows = new FailingFlows();
        void End(string flow, RunStatus status) => flows.Ended("default", flow, status, TimeSpan.Zero);

        for (var i = 0; i < 5; i++) End("broken", RunStatus.Failed);
        foreach (var status in (RunStatus[])[RunStatus.Failed, RunStatus.Failed, RunStatus.Succeeded, RunStatus.Failed, RunStatus.Cancelled, RunStatus.Failed]) End("flaky", status);
        Assert.Equal([("broken", 5)], flows.Tell(TimeSpan.Zero));

        End("flaky", RunStatus.Failed);
        Assert.Equal([("broken", 5), ("flaky", 3)], flows.Tell(TimeSpan.Zero));

        End("broken", RunStatus.Succeeded);
        Assert.Equal([("flaky", 3)], flows.Tell(TimeSpan.FromDays(8)));
        // Whoever has not failed for so long is forgotten.
        Assert.Empty(flows.Tell(TimeSpan.FromDays(8) + TimeSpan.FromTicks(1)));
    }

    [Fact]
    public void BeyondSoManyFlowsThatFail_TheRestIsOne()
    {
        var flows = new FailingFlows();
        for (var i = 0; i < FailingFlows.MostTold + 50; i++)
            for (var failures = 0; failures < 3 + (i % 2); failures++) flows.Ended("default", $"broken-{i}", RunStatus.Failed, TimeSpan.Zero);

        var told = flows.Tell(TimeSpan.Zero);

        Assert.Equal(FailingFlows.MostTold + 1, told.Count);
        Assert.Equal((FailingFlows.OtherFlows, 3), told[^1]);
        Assert.Equal(75, told.Count(flow => flow.Failures == 4));
    }

    private static Offer OfferOf(string queue) => new(StreamId.Step("default", "r", World.Key("start")), queue, 0, new ResourceSpec(1, 0, 0, 0), Ready: 2, Running: 1);
}
