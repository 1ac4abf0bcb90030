using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>What is refused, with what words.</summary>
public sealed class ScheduleErrorTests
{
    private static readonly ScheduleSpec Daily = new() { Name = "s", Cron = "30 6 * * *" };

    [Theory]
    [InlineData("", null, "empty")]
    [InlineData("* * * *", null, "has 4 fields")]
    [InlineData("hourly", null, "has 1 field;")]
    [InlineData("* * * * * * * *", null, "has 8 fields")]
    [InlineData("0 0 1 1 * *", null, "no '?' tells")]
    [InlineData("0 0 ? ? * *", null, "no '?' tells")]
    [InlineData("0 0 1 1 *", CronDialect.Quartz, "the Quartz dialect has 6 or 7")]
    [InlineData("0 0 1 1 *", CronDialect.EventBridge, "the EventBridge dialect has 6")]
    [InlineData("0 0 1 1 * ?", CronDialect.Unix, "the Unix dialect has 5")]
    [InlineData("60 * * * *", null, "minute '60' has 60, which is not within 0 to 59")]
    [InlineData("* 24 * * *", null, "hour '24' has 24, which is not within 0 to 23")]
    [InlineData("* * 0 * *", null, "day of month '0'")]
    [InlineData("* * 1,32 * *", null, "day of month '32'")]
    [InlineData("* * * 13 *", null, "month '13'")]
    [InlineData("* * * * 8", null, "day of week '8' has 8, which is not within 0 to 7")]
    [InlineData("* * * JUM *", null, "Did you mean JUN?")]
    [InlineData("* * * * MOO", null, "Did you mean MON?")]
    [InlineData("* * * * MONDAY", null, "names from SUN to SAT")]
    [InlineData("-5 * * * *", null, "minute '-5' cannot be read")]
    [InlineData("1,,2 * * * *", null, "minute '' cannot be read")]
    [InlineData("1.5 * * * *", null, "minute '1.5' cannot be read")]
    [InlineData("٣ * * * *", null, "minute '٣' cannot be read")]
    [InlineData("*/0 * * * *", null, "the step '0', which is not a number from 1 to 60")]
    [InlineData("*/ * * * *", null, "the step ''")]
    [InlineData("*/90 * * * *", null, "'every' can")]
    [InlineData("*/5/5 * * * *", null, "the step '5/5'")]
    [InlineData("* 22-2 * * *", null, "Write two ranges: '22-23,0-2'.")]
    [InlineData("* * * * SAT-TUE", null, "Write two ranges: 'SAT-SAT,SUN-TUE'.")]
    [InlineData("* * * NOV-FEB *", null, "Write two ranges: 'NOV-DEC,JAN-FEB'.")]
    [InlineData("* * ? * *", null, "Set the dialect to eventbridge or quartz")]
    [InlineData("* * L * *", null, "Set the dialect to eventbridge or quartz")]
    [InlineData("* * 15W * *", null, "Set the dialect to eventbridge or quartz")]
    [InlineData("* * * * FRI#2", null, "Set the dialect to eventbridge or quartz")]
    [InlineData("* * * * FRIL", null, "Set the dialect to eventbridge or quartz")]
    [InlineData("0 0 30 2 *", null, "never due")]
    [InlineData("0 0 31 4,6,9,11 *", null, "never due")]
    [InlineData("0 0 0 29 2 ? 2026,2027", null, "never due")]
    [InlineData("0 0 0 L-30 2 ?", null, "never due")]
    [InlineData("@dayly", null, "Did you mean @daily?")]
    [InlineData("@every 5m", null, "'every' instead of 'cron'")]
    [InlineData("@reboot", null, "names no time")]
    [InlineData("@daily", CronDialect.Quartz, "alias of the Unix dialect")]
    [InlineData("cron(0 0 * * *)", null, "the EventBridge dialect has 6")]
    [InlineData("cron(0 0 * * ? *)", CronDialect.Quartz, "is of the EventBridge dialect")]
    [InlineData("rate(5 minutes)", CronDialect.Unix, "is of the EventBridge dialect")]
    [InlineData("rate(0 minutes)", null, "'rate(5 minutes)'")]
    [InlineData("rate(5 weeks)", null, "'rate(5 minutes)'")]
    [InlineData("rate(minutes)", null, "'rate(5 minutes)'")]
    [InlineData("at(2026-01-01T00:00:00)", null, "one point in time")]
    [InlineData("0 0 1 * 2 *", CronDialect.EventBridge, "Write '?' for the one that does not matter")]
    [InlineData("0 0 ? * ? *", CronDialect.EventBridge, "Both days are '?'")]
    [InlineData("0 0 1 ? 1 *", CronDialect.EventBridge, "month '?'")]
    [InlineData("0 0 0 32W * ?", null, "day of month '32W'")]
    [InlineData("0 0 0 1-5W * ?", null, "'W' follows one day")]
    [InlineData("0 0 0 W * ?", null, "'W' follows one day")]
    [InlineData("0 0 0 L-31 * ?", null, "from 'L-1' to 'L-30'")]
    [InlineData("0 0 0 LX * ?", null, "'LW' for the last weekday")]
    [InlineData("0 0 0 ? * 0", null, "day of week '0' has 0, which is not within 1 to 7")]
    [InlineData("0 0 0 ? * 8L", null, "day of week '8L'")]
    [InlineData("0 0 0 ? * 6#6", null, "from 1 to 5")]
    [InlineData("0 0 0 ? * #1", null, "day of week '#1'")]
    [InlineData("0 0 0 1 1 ? 1969", null, "year '1969'")]
    [InlineData("0 0 0 1 1 ? 2030-2029", null, "Write the earlier one first")]
    public void AnExpressionThatCannotBe_IsRefused(string text, CronDialect? dialect, string words)
    {
        Assert.Null(CronExpression.Recognize(text, dialect, out var error));

        Assert.NotNull(error);
        Assert.Equal("cron", error.Path);
        Assert.Contains(words, error.ToString(), StringComparison.Ordinal);
        Assert.EndsWith(".", error.Message, StringComparison.Ordinal);
        Assert.Matches("[.?]$", error.Remedy);
    }

    [Fact]
    public void AnExpressionHasABound() =>
        Assert.Contains("256 are the most", Refused(string.Join(',', Enumerable.Repeat("1", 200)) + " * * * *"), StringComparison.Ordinal);

    [Fact]
    public void ExactlyOneOfCronAndEvery_IsSet()
    {
        Expect(Daily with { Cron = null }, "cron", "Nothing says when");
        Expect(Daily with { Every = TimeSpan.FromHours(1) }, "every", "has both");
    }

    [Fact]
    public void AnExpression_IsOfItsDialect() => Expect(Daily with { Dialect = CronDialect.Quartz }, "cron", "has 5 fields");

    [Theory]
    [InlineData(0)]
    [InlineData(0.999)]
    [InlineData(-60)]
    public void AnInterval_IsASecondAtLeast(double seconds) => Expect(new ScheduleSpec { Name = "s", Every = TimeSpan.FromSeconds(seconds) }, "every", "the least is 1 s");

    [Theory]
    [InlineData("Europe/Berln", "Did you mean 'Europe/Berlin'?")]
    [InlineData("europe/berlin", "Did you mean 'Europe/Berlin'?")]
    [InlineData("Berlin", "Did you mean 'Europe/Berlin'?")]
    [InlineData("New York", "Did you mean 'America/New_York'?")]
    [InlineData("W. Europe Standard Time", "Did you mean 'Europe/Berlin'?")]
    [InlineData("UTC+02:00", "Write a name of the IANA database")]
    [InlineData("", "Write a name of the IANA database")]
    public void AZone_IsNamedAsInTheDatabase(string name, string words) => Expect(Daily with { TimeZone = name }, "timezone", words);

    [Fact]
    public void TheEnd_IsAfterTheStart()
    {
        var start = Due.Time("2026-01-01T00:00:00Z");
        Expect(Daily with { Start = start, End = start }, "end", "Set 'end' after 'start'");
        Assert.NotNull(Timetable.Compile(Daily with { Start = start, End = start.AddTicks(1) }, out _));
    }

    [Fact]
    public void NumbersHaveBounds()
    {
        Expect(Daily with { Jitter = TimeSpan.FromTicks(-1) }, "jitter", "not within 0 s and 1 day");
        Expect(Daily with { Jitter = TimeSpan.FromDays(1) + TimeSpan.FromTicks(1) }, "jitter", "not within 0 s and 1 day");
        Expect(Daily with { Parallel = 0 }, "parallel", "1 to 10000");
        Expect(Daily with { Parallel = 10_001 }, "parallel", "1 to 10000");
        Expect(Daily with { Queue = 0 }, "queue", "1 to 10000");
        Expect(Daily with { Queue = 10_001 }, "queue", "1 to 10000");
        Assert.NotNull(Timetable.Compile(Daily with { Jitter = TimeSpan.FromDays(1), Parallel = 10_000, Queue = 10_000 }, out _));
    }

    [Fact]
    public void TimesThatAreMadeUpForByAge_HaveAnAge()
    {
        Expect(Daily with { Missed = MissedKind.Within }, "missed", "Nothing says within what time");
        Expect(Daily with { Missed = MissedKind.Within, MissedWithin = TimeSpan.Zero }, "missed", "Nothing says within what time");
        Expect(Daily with { MissedWithin = TimeSpan.FromHours(1) }, "missed", "not chosen by time");
    }

    [Fact]
    public void AllErrors_AreToldAtOnce()
    {
        Assert.Null(Timetable.Compile(new ScheduleSpec { Name = "s", Cron = "61 * * * *", TimeZone = "Nowhere", Parallel = 0 }, out var errors));

        Assert.Equal(["cron", "timezone", "parallel"], errors.Select(e => e.Path));
    }

    private static string Refused(string text)
    {
        Assert.Null(CronExpression.Recognize(text, null, out var error));
        return error!.ToString();
    }

    private static void Expect(ScheduleSpec spec, string path, string words)
    {
        Assert.Null(Timetable.Compile(spec, out var errors));

        var error = Assert.Single(errors);
        Assert.Equal(path, error.Path);
        Assert.Contains(words, error.ToString(), StringComparison.Ordinal);
    }
}
