using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>What expressions mean, dialect by dialect. 2026-01-01 is a Thursday.</summary>
public sealed class DialectTests
{
    [Theory]
    [InlineData("30 6 * * *", "2026-01-01 06:30, 2026-01-02 06:30, 2026-01-03 06:30")]
    [InlineData("*/20 * * * *", "2026-01-01 00:20, 2026-01-01 00:40, 2026-01-01 01:00")]
    [InlineData("5/20 * * * *", "2026-01-01 00:05, 2026-01-01 00:25, 2026-01-01 00:45")]
    [InlineData("10-30/10,55 1 * * *", "2026-01-01 01:10, 2026-01-01 01:20, 2026-01-01 01:30, 2026-01-01 01:55")]
    [InlineData("0 0 * * MON-FRI", "2026-01-02 00:00, 2026-01-05 00:00")]
    [InlineData("0 0 * * mon-fri", "2026-01-02 00:00, 2026-01-05 00:00")]
    [InlineData("0 0 * * 0", "2026-01-04 00:00, 2026-01-11 00:00")]
    [InlineData("0 0 * * 7", "2026-01-04 00:00, 2026-01-11 00:00")]
    [InlineData("0 0 * * FRI-SUN", "2026-01-02 00:00, 2026-01-03 00:00, 2026-01-04 00:00, 2026-01-09 00:00")]
    [InlineData("0 0 * * 5-7", "2026-01-02 00:00, 2026-01-03 00:00, 2026-01-04 00:00, 2026-01-09 00:00")]
    [InlineData("0 0 * * 7-2", "2026-01-04 00:00, 2026-01-05 00:00, 2026-01-06 00:00, 2026-01-11 00:00")]
    [InlineData("0 0 * * SUN-TUE", "2026-01-04 00:00, 2026-01-05 00:00, 2026-01-06 00:00, 2026-01-11 00:00")]
    [InlineData("0 0 1 MAR,jun *", "2026-03-01 00:00, 2026-06-01 00:00, 2027-03-01 00:00")]
    [InlineData("0 0 31 * *", "2026-01-31 00:00, 2026-03-31 00:00, 2026-05-31 00:00")]
    [InlineData("0 0 29 2 *", "2028-02-29 00:00, 2032-02-29 00:00")]
    [InlineData("  0\t0   1 1 * ", "2027-01-01 00:00")]
    public void Unix(string text, string expected) => Expect(text, null, expected);

    [Fact]
    public void Unix_WithBothDaysRestricted_EitherWillDo() =>
        Expect("0 0 10 * FRI", null, "2026-01-02 00:00, 2026-01-09 00:00, 2026-01-10 00:00, 2026-01-16 00:00");

    [Theory]
    [InlineData("0 0 */10 * FRI", "2026-05-01 00:00, 2026-07-31 00:00, 2026-08-21 00:00")]
    [InlineData("0 0 10 * */6", "2026-01-10 00:00, 2026-05-10 00:00, 2026-10-10 00:00")]
    public void Unix_WhereADayBeginsWithAStar_BothMustHold(string text, string expected) => Expect(text, null, expected);

    [Theory]
    [InlineData("@hourly", "2026-01-01 01:00, 2026-01-01 02:00")]
    [InlineData("@daily", "2026-01-02 00:00, 2026-01-03 00:00")]
    [InlineData("@Midnight", "2026-01-02 00:00, 2026-01-03 00:00")]
    [InlineData("@weekly", "2026-01-04 00:00, 2026-01-11 00:00")]
    [InlineData("@monthly", "2026-02-01 00:00, 2026-03-01 00:00")]
    [InlineData("@yearly", "2027-01-01 00:00, 2028-01-01 00:00")]
    [InlineData("@annually", "2027-01-01 00:00, 2028-01-01 00:00")]
    public void Unix_Aliases(string text, string expected) => Expect(text, CronDialect.Unix, expected);

    [Theory]
    [InlineData("0 10 * * ? *", "2026-01-01 10:00, 2026-01-02 10:00")]
    [InlineData("cron(15 12 * * ? *)", "2026-01-01 12:15, 2026-01-02 12:15")]
    [InlineData("0 18 ? * MON-FRI *", "2026-01-01 18:00, 2026-01-02 18:00, 2026-01-05 18:00")]
    [InlineData("0 8 ? * 1 *", "2026-01-04 08:00, 2026-01-11 08:00")]
    [InlineData("0 8 ? * L *", "2026-01-03 08:00, 2026-01-10 08:00")]
    [InlineData("0 8 L * ? *", "2026-01-31 08:00, 2026-02-28 08:00")]
    [InlineData("0 8 3W * ? *", "2026-01-02 08:00, 2026-02-03 08:00, 2026-03-03 08:00")]
    [InlineData("0 8 ? * 3#2 *", "2026-01-13 08:00, 2026-02-10 08:00")]
    [InlineData("0/15 8 ? * 6L *", "2026-01-30 08:00, 2026-01-30 08:15")]
    [InlineData("0 0 1 1 ? 2030-2040/5", "2030-01-01 00:00, 2035-01-01 00:00, 2040-01-01 00:00")]
    [InlineData("0 0 1 1 ? 2020,2028", "2028-01-01 00:00")]
    [InlineData("0 0 1 1 ? 2020", "")]
    public void EventBridge(string text, string expected) => Expect(text, CronDialect.EventBridge, expected);

    [Theory]
    [InlineData("0 0 12 * * ?", "2026-01-01 12:00, 2026-01-02 12:00")]
    [InlineData("*/25 30 10 ? * FRI", "2026-01-02 10:30, 2026-01-02 10:30:25, 2026-01-02 10:30:50, 2026-01-09 10:30")]
    [InlineData("0 0 22-2/2 1 * ?", "2026-01-01 02:00, 2026-01-01 22:00, 2026-02-01 00:00")]
    [InlineData("0 0 0 ? * FRI-MON", "2026-01-02 00:00, 2026-01-03 00:00, 2026-01-04 00:00, 2026-01-05 00:00, 2026-01-09 00:00")]
    [InlineData("0 0 0 1 NOV-JAN ?", "2026-11-01 00:00, 2026-12-01 00:00, 2027-01-01 00:00")]
    [InlineData("0 0 0 L-3 * ?", "2026-01-28 00:00, 2026-02-25 00:00")]
    [InlineData("0 0 0 L-30 * ?", "2026-03-01 00:00, 2026-05-01 00:00")]
    [InlineData("0 0 0 LW * ?", "2026-01-30 00:00, 2026-02-27 00:00, 2026-03-31 00:00")]
    [InlineData("0 0 0 L-6W * ?", "2026-01-26 00:00, 2026-02-23 00:00")]
    [InlineData("0 0 0 15W * ?", "2026-01-15 00:00, 2026-02-16 00:00, 2026-03-16 00:00")]
    [InlineData("0 0 0 1W 8 ?", "2026-08-03 00:00, 2027-08-02 00:00")]
    [InlineData("0 0 0 31W 1 ?", "2026-01-30 00:00, 2027-01-29 00:00")]
    [InlineData("0 0 0 31W 5 ?", "2026-05-29 00:00, 2027-05-31 00:00")]
    [InlineData("0 0 0 30W 2,3 ?", "2026-02-27 00:00, 2026-03-30 00:00")]
    [InlineData("0 0 0 1,10W,L * ?", "2026-01-09 00:00, 2026-01-31 00:00, 2026-02-01 00:00, 2026-02-10 00:00")]
    [InlineData("0 0 0 ? * 6L", "2026-01-30 00:00, 2026-02-27 00:00")]
    [InlineData("0 0 0 ? * FRIL", "2026-01-30 00:00, 2026-02-27 00:00")]
    [InlineData("0 0 0 ? * 6#3", "2026-01-16 00:00, 2026-02-20 00:00")]
    [InlineData("0 0 0 ? * THU#5", "2026-01-29 00:00, 2026-04-30 00:00")]
    [InlineData("0 0 0 ? * SUN,TUE#1,5L", "2026-01-04 00:00, 2026-01-06 00:00, 2026-01-11 00:00, 2026-01-18 00:00, 2026-01-25 00:00, 2026-01-29 00:00")]
    [InlineData("0 0 0 29 2 ? 2026-2035", "2028-02-29 00:00, 2032-02-29 00:00")]
    [InlineData("0 0 0 ? 2 MON#5", "2044-02-29 00:00, 2072-02-29 00:00, 2112-02-29 00:00")]
    public void Quartz(string text, string expected) => Expect(text, CronDialect.Quartz, expected);

    /// <summary>The examples of the documentation.</summary>
    [Theory]
    [InlineData("30 6 * * MON-FRI", "2026-01-01 06:30, 2026-01-02 06:30, 2026-01-05 06:30")]
    [InlineData("*/15 8-17 * * *", "2026-01-01 08:00, 2026-01-01 08:15, 2026-01-01 08:30")]
    [InlineData("0 0 1 */3 *", "2026-04-01 00:00, 2026-07-01 00:00, 2026-10-01 00:00, 2027-01-01 00:00")]
    [InlineData("0 0 13 * FRI", "2026-01-02 00:00, 2026-01-09 00:00, 2026-01-13 00:00")]
    [InlineData("0 0 */2 * FRI", "2026-01-09 00:00, 2026-01-23 00:00, 2026-02-13 00:00")]
    [InlineData("*/25 * * * *", "2026-01-01 00:25, 2026-01-01 00:50, 2026-01-01 01:00")]
    [InlineData("cron(15 10 ? * 6L 2027-2029)", "2027-01-29 10:15, 2027-02-26 10:15")]
    [InlineData("0 18 ? * MON-FRI *", "2026-01-01 18:00, 2026-01-02 18:00, 2026-01-05 18:00")]
    [InlineData("rate(5 minutes)", "2026-01-01 00:05, 2026-01-01 00:10")]
    [InlineData("*/10 * * * * ?", "2026-01-01 00:00:10, 2026-01-01 00:00:20")]
    [InlineData("0 30 9 LW * ?", "2026-01-30 09:30, 2026-02-27 09:30, 2026-03-31 09:30")]
    [InlineData("0 0 12 ? * 2#1 2027", "2027-01-04 12:00, 2027-02-01 12:00")]
    public void Examples(string text, string expected) => Expect(text, null, expected);

    /// <summary>Many years away, and sought by minutes this would take that many seconds.</summary>
    [Fact]
    public void WhatIsDecadesAway_IsFoundAtOnce()
    {
        var timetable = Due.Compiled(Due.Cron("0 0 0 ? 2 MON#5", "Europe/Berlin"));
        var clock = System.Diagnostics.Stopwatch.StartNew();

        for (var day = 0; day < 1000; day++)
        {
            var time = Due.Time("2016-03-01T00:00:00Z").AddDays(day);
            Assert.Equal(Due.Time("2044-02-28T23:00:00Z"), timetable.Next(time));
            Assert.Equal(Due.Time("2016-02-28T23:00:00Z"), timetable.Previous(time));
        }

        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"2000 answers took {clock.Elapsed}.");
    }

    [Theory]
    [InlineData("rate(1 minute)", 60)]
    [InlineData("rate(5 minutes)", 300)]
    [InlineData("rate( 2  hours )", 7200)]
    [InlineData("rate(7 days)", 604_800)]
    public void EventBridgesRate_IsAnInterval(string text, int seconds)
    {
        var recognized = CronExpression.Recognize(text, null, out var error);

        Assert.Null(error);
        Assert.Equal(new RecognizedCron(CronDialect.EventBridge, null, TimeSpan.FromSeconds(seconds)), recognized);
    }

    [Theory]
    [InlineData("30 6 * * mon", CronDialect.Unix, "30 6 * * MON")]
    [InlineData("@daily", CronDialect.Unix, "0 0 * * *")]
    [InlineData("0 10 * * ? *", CronDialect.EventBridge, "0 10 * * ? *")]
    [InlineData("0  10 ? * 2 *", CronDialect.EventBridge, "0 10 ? * 2 *")]
    [InlineData(" cron( 0 10 ? * 2 * ) ", CronDialect.EventBridge, "0 10 ? * 2 *")]
    [InlineData("0 0 10 * * ?", CronDialect.Quartz, "0 0 10 * * ?")]
    [InlineData("0 0 10 ? * fri", CronDialect.Quartz, "0 0 10 ? * FRI")]
    [InlineData("0 0 10 ? * FRI 2027", CronDialect.Quartz, "0 0 10 ? * FRI 2027")]
    public void TheDialect_IsTold_AndTheExpressionBroughtToOneForm(string text, CronDialect dialect, string cron)
    {
        var recognized = CronExpression.Recognize(text, null, out var error);

        Assert.Null(error);
        Assert.Equal(new RecognizedCron(dialect, cron, null), recognized);
        Assert.Equal(recognized, CronExpression.Recognize(cron, dialect, out _));
    }

    private static void Expect(string text, CronDialect? dialect, string expected) =>
        Assert.Equal(expected, Due.Text(Due.Cron(text, dialect: dialect), "2026-01-01T00:00:00Z", Math.Max(1, expected.Split(',').Length)));
}
