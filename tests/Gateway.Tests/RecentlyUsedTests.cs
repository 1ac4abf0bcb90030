using Fanfare.Engine;

namespace Fanfare.Gateway.Tests;

public sealed class RecentlyUsedTests
{
    [Fact]
    public void WhatWasUsedAmongTheLastHalf_IsThere_AndNeverMoreThanAll()
    {
        var known = new RecentlyUsed<int, string>(10);
        for (var i = 0; i < 1000; i++)
        {
            known.Set(i, $"{i}");
            // Used again and again, so it stays.
            Assert.Equal("0", known.Find(0));
            Assert.InRange(known.Count, 1, 10);
            for (var before = Math.Max(0, i - 3); before <= i; before++) Assert.True(known.TryGet(before, out _), $"{before} is gone after {i}");
        }
        Assert.Null(known.Find(500));
        Assert.Equal(known.Count, known.Keys.Distinct().Count());
    }

    [Fact]
    public void WhatIsRemovedOrSetAnew_IsSo_WhereverItLay()
    {
        var known = new RecentlyUsed<int, string>(4);
        known.Set(1, "a");
        known.Set(2, "a");
        known.Set(3, "a");
        known.Set(1, "b");
        known.Set(3, "b");
        known.Remove(2);

        Assert.Equal(("b", null, "b"), (known.Find(1), known.Find(2), known.Find(3)));
        known.Remove(1);
        Assert.Null(known.Find(1));
    }
}
