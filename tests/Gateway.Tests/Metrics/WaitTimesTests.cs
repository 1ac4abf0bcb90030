using Fanfare.Engine;

namespace Fanfare.Gateway.Tests.Metrics;

public sealed class WaitTimesTests
{
    private readonly WaitTimes _waits = new();

    [Fact]
    public void TheOldest_IsTheOneThatHasWaitedLongest_UntilItIsLeased()
    {
        Change(ready: 2, leased: 0, second: 1);
        Change(ready: 5, leased: 0, second: 10);
        Assert.Equal(TimeSpan.FromSeconds(1), _waits.Oldest);

        Change(ready: 4, leased: 1, second: 20);
        Assert.Equal(TimeSpan.FromSeconds(1), _waits.Oldest);

        Change(ready: 3, leased: 1, second: 21);
        Assert.Equal(TimeSpan.FromSeconds(10), _waits.Oldest);

        Change(ready: 0, leased: 3, second: 22);
        Assert.Null(_waits.Oldest);
    }

    [Fact]
    public void WhatIsReadyAndLeasedInOneBatch_NeverWaits()
    {
        Change(ready: 0, leased: 7, second: 1);

        Assert.Null(_waits.Oldest);
    }

    [Fact]
    public void TasksThatArePaused_DoNotWait_AndWaitAnewWhenTheyAreResumed()
    {
        Change(ready: 3, leased: 0, second: 1);
        Change(ready: 0, leased: 0, second: 5);
        Assert.Null(_waits.Oldest);

        Change(ready: 3, leased: 0, second: 9);
        Assert.Equal(TimeSpan.FromSeconds(9), _waits.Oldest);
    }

    [Fact]
    public void ArrivalsBeyondWhatIsKeptApart_AreStillCounted()
    {
        for (var i = 1; i <= 1000; i++) Change(ready: i, leased: 0, second: i);
        for (var left = 999; left > 0; left--)
        {
            Change(ready: left, leased: 1, second: 2000);
            Assert.NotNull(_waits.Oldest);
        }
        Change(ready: 0, leased: 1, second: 2000);

        Assert.Null(_waits.Oldest);
    }

    private void Change(int ready, int leased, int second) => _waits.Change(ready, leased, TimeSpan.FromSeconds(second), TimeSpan.FromSeconds(second));
}
