using Fanfare.Contracts;
using FsCheck;
using FsCheck.Fluent;
using Quartz;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>Random expressions, against another library's reading of them.</summary>
public sealed class QuartzOracleTests
{
    private const int Expressions = 1500;
    private const int Times = 8;

    [Fact]
    public void Quartz_IsReadAsQuartzDoes() => Compare(CronGrowth.Quartz, CronDialect.Quartz, text => (text, CronFormat.Quartz));

    [Fact]
    public void EventBridge_IsReadAsQuartzDoes_WithSeconds() => Compare(CronGrowth.EventBridge, CronDialect.EventBridge, text => ("0 " + text, CronFormat.Quartz));

    /// <summary>Where the libraries differ on what restricts the days, <see cref="PlainCronTests"/> say who is right.</summary>
    [Fact]
    public void Unix_IsReadAsQuartzDoes() => Compare(CronGrowth.Unix.Where(t => !new PlainCron(t).HasOddStar), CronDialect.Unix, text => (text, CronFormat.Unix));

    private static void Compare(Gen<string> texts, CronDialect dialect, Func<string, (string Text, CronFormat Format)> asQuartz)
    {
        var (compared, refused) = (0, 0);
        var start = Due.Time("2024-01-01T00:00:00Z");
        var cases = from text in texts from hours in Gen.Choose(0, 100_000) select (text, start.AddHours(hours));
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(Expressions), Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var (text, after) = c;
            var (quartzText, format) = asQuartz(text);
            var ours = Fanfare.Core.CronExpression.Parse(text, dialect, out var error);
            if (!Quartz.CronExpression.TryParse(quartzText, format, out var theirs))
            {
                refused++;
                return;
            }
            theirs = theirs!.WithTimeZone(TimeZoneInfo.Utc);
            if (ours is null)
            {
                Assert.True(error!.Message.Contains("never due", StringComparison.Ordinal) && theirs.GetNextValidTimeAfter(after) is null, $"'{text}' is good for Quartz: {error}");
                return;
            }
            var timetable = Due.Compiled(new ScheduleSpec { Name = "s", Cron = text, Dialect = dialect });
            Assert.Equal((text, string.Join(", ", Walk(theirs.GetNextValidTimeAfter, after))), (text, string.Join(", ", Walk(timetable.Next, after))));
            compared++;
        }));
        Assert.True(compared > Expressions / 2, $"Quartz refused {refused} of {Expressions}: too little was compared.");
    }

    private static IEnumerable<DateTimeOffset?> Walk(Func<DateTimeOffset, DateTimeOffset?> next, DateTimeOffset after)
    {
        // Quartz looks no further than a hundred years from today.
        var beyond = Due.Time("2110-01-01T00:00:00Z");
        var at = next(after);
        for (var i = 0; i < Times && at < beyond; i++)
        {
            yield return at;
            at = next(at.Value);
        }
    }
}
