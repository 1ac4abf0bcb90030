using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Splits;

public sealed class SplitSetTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void ItDoesWhatAHashSetDoes(int seed)
    {
        var random = new Random(seed);
        var (set, model) = (new SplitSet(), new HashSet<int>());
        for (var i = 0; i < 4000; i++)
        {
            var split = random.Next(200);
            var end = split + random.Next(20);
            switch (random.Next(6))
            {
                case 0 or 1:
                    Assert.Equal(model.Add(split), set.Add(split));
                    break;
                case 2 or 3:
                    Assert.Equal(model.Remove(split), set.Remove(split));
                    break;
                case 4:
                    set.AddRange(split, end);
                    for (var s = split; s < end; s++) model.Add(s);
                    break;
                default:
                    var other = SplitRanges.Of(Enumerable.Range(0, random.Next(5)).Select(_ => random.Next(200)));
                    set.AddAll(other);
                    model.UnionWith(other);
                    break;
            }
            Assert.Equal(model.Count, set.Count);
            Assert.Equal(model.Contains(split), set.Contains(split));
            if (i % 20 == 0) Assert.Equal(model.Order(), set.Splits());
            if (i % 20 == 0) AssertTidy(set);
            if (model.Count > 0) Assert.Equal(model.Min(), set.First);
        }
    }

    [Fact]
    public void AMillionConsecutiveSplits_TakeOneRange()
    {
        var set = new SplitSet();
        for (var split = 0; split < 1_000_000; split++) set.Add(split);

        Assert.Equal((1, 1_000_000), (set.Fragments, set.Count));
    }

    // Ascending, not empty, and not touching each other.
    private static void AssertTidy(SplitSet set)
    {
        var before = -1;
        foreach (var (start, end) in set.ToRanges().Ranges)
        {
            Assert.True(start > before && end > start, set.ToRanges().ToString());
            before = end;
        }
    }
}
