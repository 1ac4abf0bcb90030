using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Queues;

public sealed class ReadyQueueTests
{
    private static readonly ResourceSpec s_roomy = new(1000, 0, 0, 0), s_gpus = new(1000, 0, 8, 0);

    [Fact]
    public void PriorityGoesFirst_ButNobodyStarves()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("low", 0, 1_000_000));
        queue.Put(Offer("high", 10, 1_000_000));

        var picks = Enumerable.Range(0, 64).Select(_ => queue.Pick(s_roomy, 1)!.Value.Step.Name).ToList();

        Assert.Equal("high", picks[0]);
        Assert.True(picks.Count(p => p == "high") > 48);
        Assert.True(picks.Count(p => p == "low") >= 2);
    }

    [Fact]
    public void EqualsTakeTurns_AFewTasksEach()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("a", 0, 1000));
        queue.Put(Offer("b", 0, 1000));

        Assert.Equal([("a", 64), ("b", 64), ("a", 64)], Enumerable.Range(0, 3).Select(_ => queue.Pick(s_roomy, 500)!.Value).Select(p => (p.Step.Name, p.Count)));
    }

    [Fact]
    public void AStepWhoseNextTaskWasLost_GoesBeforeItsEquals_WhateverTheyNeed_AndNotBeforeAHigherPriority()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("small", 0, 1000));
        queue.Put(Offer("large", 0, 10) with { Resources = new ResourceSpec(8, 0, 1, 0) });
        queue.Put(Offer("high", 1, 1));
        Assert.Equal("high", queue.Pick(s_gpus, 1)!.Value.Step.Name);
        Assert.Equal("small", queue.Pick(s_gpus, 1)!.Value.Step.Name);

        queue.Put(Offer("high", 1, 1));
        queue.Put(Offer("large", 0, 11) with { Resources = new ResourceSpec(8, 0, 1, 0), IsReturned = true });

        Assert.Equal(1, queue.Before(Offer("large", 0, 1).Step, 0));
        Assert.Equal(1 + 11, queue.Before(Offer("small", 0, 1).Step, 0));
        Assert.Equal("high", queue.Pick(s_gpus, 1)!.Value.Step.Name);
        Assert.Equal("large", queue.Pick(s_gpus, 1)!.Value.Step.Name);

        // It was taken: the step's other tasks wait as they did.
        queue.Put(Offer("large", 0, 10) with { Resources = new ResourceSpec(8, 0, 1, 0) });

        Assert.Equal("small", queue.Pick(s_gpus, 1)!.Value.Step.Name);
    }

    [Fact]
    public void AStepThatLosesTaskAfterTask_StarvesNobody()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("waits", 0, 1000));
        var picks = new List<string>();
        for (var i = 0; i < 64; i++)
        {
            queue.Put(Offer("loses", 0, 1) with { IsReturned = true });
            picks.Add(queue.Pick(s_roomy, 1)!.Value.Step.Name);
        }

        Assert.InRange(picks.Count(p => p == "waits"), 2, 16);
    }

    [Fact]
    public void WhatGoesBeforeATask_IsWhatHasPriority_AndTheTurnsOfTheOthers()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("high", 10, 500));
        queue.Put(Offer("own", 0, 1000));
        queue.Put(Offer("other", 0, 1000));
        queue.Put(Offer("few", 0, 7));
        queue.Put(Offer("low", -1, 1000));

        Assert.Equal(500 + 0 + 64 + 7, queue.Before(Offer("own", 0, 1).Step, 0));
        Assert.Equal(500 + 130 + (3 * 64) + 7, queue.Before(Offer("own", 0, 1).Step, 130));
        Assert.Equal(3, queue.Before(Offer("unknown", 0, 1).Step, 3));
    }

    [Fact]
    public void TheRateOfAQueue_IsThatOfTheLastMinute()
    {
        var rate = new LeaseRate();
        TimeSpan At(double seconds) => TimeSpan.FromSeconds(seconds);
        Assert.Equal(0, rate.PerSecond(At(5000)));
        for (var second = 5000; second < 5300; second++) rate.Add(3, At(second));
        Assert.InRange(rate.PerSecond(At(5300)), 2.8, 3.2);
        // A minute in which nothing starts.
        Assert.InRange(rate.PerSecond(At(5330)), 1.2, 1.8);
        Assert.Equal(0, rate.PerSecond(At(5365)));
        rate.Add(10, At(5366));
        Assert.InRange(rate.PerSecond(At(5370)), 0.1, 3);
        Assert.Equal(0, rate.PerSecond(At(99_999)));
    }

    [Fact]
    public void WhatDoesNotFit_LetsOthersPass()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("large", 5, 1) with { Resources = new ResourceSpec(16, 0, 0, 0) });
        queue.Put(Offer("small", 0, 1));

        Assert.Equal("small", queue.Pick(new ResourceSpec(2, 0, 0, 0), 10)!.Value.Step.Name);
        Assert.Null(queue.Pick(new ResourceSpec(2, 0, 0, 0), 10));
    }

    [Fact]
    public void NoMoreIsPickedThanFits()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("a", 0, 50) with { Resources = new ResourceSpec(0.5, 100, 0, 0) });

        Assert.Equal(3, queue.Pick(new ResourceSpec(8, 350, 0, 0), 10)!.Value.Count);
    }

    [Fact]
    public void AnOfferOfNothing_WithdrawsTheStep()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("a", 0, 5));
        queue.Put(Offer("a", 0, 0));

        Assert.Null(queue.Pick(s_roomy, 1));
        Assert.Equal((0, 0L), (queue.Count, queue.ReadyTasks));
    }

    [Fact]
    public void WhatWasPicked_IsNotPickedAgain_UntilItIsOfferedAgain()
    {
        var queue = new ReadyQueue();
        queue.Put(Offer("a", 0, 3));

        Assert.Equal(2, queue.Pick(s_roomy, 2)!.Value.Count);
        Assert.Equal(1, queue.Pick(s_roomy, 2)!.Value.Count);
        Assert.Null(queue.Pick(s_roomy, 2));
        queue.Put(Offer("a", 0, 1));
        Assert.Equal(1, queue.Pick(s_roomy, 2)!.Value.Count);
    }

    private static Offer Offer(string step, int priority, int ready) =>
        new(new StreamId("default", StreamKind.Step, step), "default", priority, ResourceSpec.Default, ready, 0);
}
