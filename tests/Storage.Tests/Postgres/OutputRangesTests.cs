using Fanfare.Contracts;
using Fanfare.Storage.Postgres.Read;

namespace Fanfare.Storage.Tests.Postgres;

public sealed class OutputRangesTests
{
    [Fact]
    public void NarrowRanges_AreAskedForTogether_AndAWideOneAlone()
    {
        var left = new OutputRanges(SplitRanges.FromRanges([(0, 1), (3, 5), (7, 8), (10, 1000), (2000, 2003)]));

        Assert.Equal([[(0, 1), (3, 5), (7, 8)], [(10, 1000)], [(2000, 2003)]], Portions(left, most: 4));
    }

    [Fact]
    public void NoRanges_AreNoPortion() => Assert.False(new OutputRanges(SplitRanges.Empty).Next(10));

    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(500)]
    [InlineData(999)]
    [InlineData(2002)]
    public void AfterAPortionThatWasCutShort_TheRestFollows_AndNothingTwice(int last)
    {
        var asked = SplitRanges.FromRanges([(0, 1), (3, 5), (7, 8), (10, 1000), (2000, 2003)]);
        var left = new OutputRanges(asked);
        do Assert.True(left.Next(4));
        while (left.Ends[^1] <= last);
        left.GoOnAfter(last);

        Assert.Equal(asked.Where(split => split > last), Portions(left, most: 4).SelectMany(p => p).SelectMany(r => Enumerable.Range(r.Start, r.End - r.Start)));
    }

    private static List<(int Start, int End)[]> Portions(OutputRanges left, int most)
    {
        var portions = new List<(int, int)[]>();
        while (left.Next(most)) portions.Add([.. left.Starts.Zip(left.Ends)]);
        return portions;
    }
}
