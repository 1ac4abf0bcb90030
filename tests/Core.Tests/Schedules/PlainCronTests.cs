using FsCheck;
using FsCheck.Fluent;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>Random Unix expressions, minute by minute.</summary>
public sealed class PlainCronTests
{
    private const int Days = 6;

    [Fact]
    public void WhatIsDue_IsWhatMatches()
    {
        var cases = from text in CronGrowth.Unix from day in Gen.Choose(0, 20_000) select (text, Due.Time("1990-01-01T00:00:00Z").AddDays(day));
        var due = 0;
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(600), Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var (text, start) = c;
            if (CronExpression.Parse(text, Fanfare.Contracts.CronDialect.Unix, out _) is null) return;
            var plain = new PlainCron(text);

            var expected = Enumerable.Range(0, Days * 1440).Select(m => start.AddMinutes(m)).Where(t => plain.Matches(t.DateTime)).ToList();

            Assert.Equal(expected, Due.From(Due.Compiled(Due.Cron(text)), start.AddTicks(-1), int.MaxValue).TakeWhile(t => t < start.AddDays(Days)));
            if (expected.Count > 0) due++;
        }));
        Assert.True(due > 60, $"Only {due} expressions were due.");
    }
}
