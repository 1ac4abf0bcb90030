using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>What the documentation says of gaps and repeats. In Berlin the clock goes from 02:00 to 03:00 on 2026-03-29 at 01:00 UTC, and from 03:00 back to 02:00 on 2026-10-25 at 01:00 UTC.</summary>
public sealed class OffsetChangeTests
{
    private const string BeforeGap = "2026-03-28T12:00:00Z";
    private const string BeforeRepeat = "2026-10-24T12:00:00Z";

    [Theory]
    [InlineData(CronGap.After, "2026-03-29 01:00, 2026-03-30 00:30")]
    [InlineData(CronGap.Skip, "2026-03-30 00:30, 2026-03-31 00:30")]
    public void ATimeInAGap_IsDueAfterIt_OrLeftOut(CronGap gap, string expected) => Assert.Equal(expected, Due.Text(Berlin("30 2 * * *") with { Gap = gap }, BeforeGap, 2));

    [Fact]
    public void TimesThatFallTogetherAfterAGap_AreDueOnce() =>
        Assert.Equal("2026-03-29 00:40, 2026-03-29 01:00, 2026-03-29 01:20", Due.Text(Berlin("*/20 * * * *"), "2026-03-29T00:20:00Z", 3));

    [Theory]
    [InlineData(null, "2026-10-25 00:30, 2026-10-26 01:30")]
    [InlineData(CronRepeat.First, "2026-10-25 00:30, 2026-10-26 01:30")]
    [InlineData(CronRepeat.Second, "2026-10-25 01:30, 2026-10-26 01:30")]
    [InlineData(CronRepeat.Both, "2026-10-25 00:30, 2026-10-25 01:30")]
    public void ATimeThatComesTwice_IsDueOnce_UnlessBothAreAskedFor(CronRepeat? repeat, string expected) =>
        Assert.Equal(expected, Due.Text(Berlin("30 2 * * *") with { Repeat = repeat }, BeforeRepeat, 2));

    [Theory]
    [InlineData("30 * * * *", null, "2026-10-24 23:30, 2026-10-25 00:30, 2026-10-25 01:30, 2026-10-25 02:30")]
    [InlineData("30 */1 * * *", null, "2026-10-24 23:30, 2026-10-25 00:30, 2026-10-25 01:30, 2026-10-25 02:30")]
    [InlineData("30 * * * *", CronRepeat.First, "2026-10-24 23:30, 2026-10-25 00:30, 2026-10-25 02:30, 2026-10-25 03:30")]
    [InlineData("30 0-22 * * *", null, "2026-10-24 23:30, 2026-10-25 00:30, 2026-10-25 02:30, 2026-10-25 03:30")]
    public void WhereEveryHourIsNamed_ARepeatedOneCountsTwice(string text, CronRepeat? repeat, string expected) =>
        Assert.Equal(expected, Due.Text(Berlin(text) with { Repeat = repeat }, "2026-10-24T23:00:00Z", 4));

    [Fact]
    public void ADayThatACalendarSkips_IsAGap()
    {
        // Samoa went from the 29th of December 2011 to the 31st, at 10:00 UTC.
        var spec = Due.Cron("0 9 * * *", "Pacific/Apia");

        Assert.Equal("2011-12-29 19:00, 2011-12-30 10:00, 2011-12-30 19:00", Due.Text(spec, "2011-12-29T12:00:00Z", 3));
        Assert.Equal("2011-12-29 19:00, 2011-12-30 19:00", Due.Text(spec with { Gap = CronGap.Skip }, "2011-12-29T12:00:00Z", 2));
    }

    [Fact]
    public void ARepeatedTimeOfTheLastYear_IsFound_ThoughNothingComesAfterIt()
    {
        var spec = Berlin("30 2 25 10 ? 2026") with { Repeat = CronRepeat.Both };

        Assert.Equal("2026-10-25 00:30, 2026-10-25 01:30", Due.Text(spec, BeforeRepeat, 3));
        Assert.Equal(Due.Time("2026-10-25T00:30:00Z"), Due.Compiled(spec).Previous(Due.Time("2026-10-25T01:30:00Z")));
    }

    [Fact]
    public void ATimeThatIsInAGapEveryYear_NeverComes_WhereGapsAreSkipped()
    {
        var spec = Due.Cron("30 2 ? 3 SUN#2 *", "America/New_York");

        Assert.Equal("2026-03-08 07:00", Due.Text(spec, "2026-01-01T00:00:00Z", 1));
        Assert.Null(Due.Compiled(spec with { Gap = CronGap.Skip }).Next(Due.Time("2026-01-01T00:00:00Z")));
        Assert.Equal(Due.Time("2006-03-12T07:30:00Z"), Due.Compiled(spec with { Gap = CronGap.Skip }).Previous(Due.Time("2026-01-01T00:00:00Z")));
    }

    [Fact]
    public void AnInterval_KnowsNoZone() =>
        Assert.Equal("2026-03-29 00:00, 2026-03-29 06:00", Due.Text(new ScheduleSpec { Name = "s", Every = TimeSpan.FromHours(6), TimeZone = "Europe/Berlin" }, "2026-03-28T23:00:00Z", 2));

    private static ScheduleSpec Berlin(string text) => Due.Cron(text, "Europe/Berlin");
}
