using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Schedules;

public sealed class TimetableTests
{
    private static readonly ScheduleSpec Daily = new() { Name = "s", Cron = "30 6 * * *" };
    private static readonly ScheduleSpec Every90s = new() { Name = "s", Every = TimeSpan.FromSeconds(90) };

    [Theory]
    [InlineData("2026-01-01T06:29:59.999Z", "2026-01-01 06:30")]
    [InlineData("2026-01-01T06:30:00Z", "2026-01-02 06:30")]
    [InlineData("2026-01-01T06:30:00.001Z", "2026-01-02 06:30")]
    [InlineData("2026-01-01T08:00:00+02:00", "2026-01-01 06:30")]
    public void Next_IsStrictlyAfter(string after, string expected) => Assert.Equal(expected, Due.Text(Daily, after, 1));

    [Theory]
    [InlineData("2026-01-01T06:30:00Z", "2025-12-31T06:30:00Z")]
    [InlineData("2026-01-01T06:30:00.001Z", "2026-01-01T06:30:00Z")]
    public void Previous_IsStrictlyBefore(string before, string expected) => Assert.Equal(Due.Time(expected), Due.Compiled(Daily).Previous(Due.Time(before)));

    [Fact]
    public void AnInterval_CountsFrom1970()
    {
        Assert.Equal("2026-01-01 00:01:30, 2026-01-01 00:03", Due.Text(Every90s, "2026-01-01T00:00:00Z", 2));
        Assert.Equal(Due.Time("2025-12-31T23:58:30Z"), Due.Compiled(Every90s).Previous(Due.Time("2026-01-01T00:00:00Z")));
        Assert.Equal(Due.Time("1969-12-31T23:58:30Z"), Due.Compiled(Every90s).Previous(Due.Time("1970-01-01T00:00:00Z")));
        Assert.Equal("1970-01-01 00:00", Due.Text(Every90s, "1969-12-31T23:59:59Z", 1));
    }

    [Fact]
    public void AnInterval_CountsFromItsStart_WhichIsItsFirstTime()
    {
        var timetable = Due.Compiled(Every90s with { Start = Due.Time("2026-01-01T00:00:07Z") });

        Assert.Equal(Due.Time("2026-01-01T00:00:07Z"), timetable.Next(Due.Time("2020-01-01T00:00:00Z")));
        Assert.Equal(Due.Time("2026-01-01T00:01:37Z"), timetable.Next(Due.Time("2026-01-01T00:00:07Z")));
        Assert.Equal(Due.Time("2025-12-31T23:58:37Z"), timetable.Previous(Due.Time("2026-01-01T00:00:07Z")));
    }

    [Fact]
    public void NothingIsDueBeforeTheStart_ButAnIntervalMayBeginThere()
    {
        var timetable = Due.Compiled(Daily with { Start = Due.Time("2026-05-01T06:30:00Z") });

        Assert.Equal(Due.Time("2026-05-01T06:30:00Z"), timetable.Next(Due.Time("2026-01-01T00:00:00Z")));
        Assert.Equal(Due.Time("2026-04-30T06:30:00Z"), timetable.Previous(Due.Time("2026-05-01T06:30:00Z")));
        Assert.Equal(Due.Time("2026-05-02T06:30:00Z"), Due.Compiled(Daily with { Start = Due.Time("2026-05-01T06:30:00.5Z") }).Next(Due.Time("2026-01-01T00:00:00Z")));
    }

    [Fact]
    public void NothingIsDueAtTheEnd_OrAfter()
    {
        foreach (var spec in new[] { Daily, new ScheduleSpec { Name = "s", Every = TimeSpan.FromDays(1), Start = Due.Time("2020-01-01T06:30:00Z") } })
        {
            var timetable = Due.Compiled(spec with { End = Due.Time("2026-05-02T06:30:00Z") });

            Assert.Equal(Due.Time("2026-05-01T06:30:00Z"), timetable.Next(Due.Time("2026-05-01T00:00:00Z")));
            Assert.Null(timetable.Next(Due.Time("2026-05-01T06:30:00Z")));
            Assert.Equal(Due.Time("2026-05-01T06:30:00Z"), timetable.Previous(Due.Time("2027-01-01T00:00:00Z")));
        }
    }

    [Fact]
    public void TheEndsOfTime_AreNoErrors()
    {
        foreach (var timetable in new[] { Daily, Every90s, Every90s with { Every = TimeSpan.MaxValue }, Daily with { TimeZone = "Pacific/Kiritimati" }, Daily with { TimeZone = "Pacific/Niue" } }.Select(Due.Compiled))
        {
            Assert.Null(timetable.Next(DateTimeOffset.MaxValue));
            Assert.Null(timetable.Previous(DateTimeOffset.MinValue));
            Assert.True(timetable.Next(DateTimeOffset.MinValue) > DateTimeOffset.MinValue);
            Assert.True(timetable.Previous(DateTimeOffset.MaxValue) < DateTimeOffset.MaxValue);
        }
    }

    [Fact]
    public void WithoutJitter_NothingIsPutOff() => Assert.Equal(TimeSpan.Zero, Due.Compiled(Daily).JitterOf("default/flow/a", Due.Time("2026-01-01T00:00:00Z")));

    [Fact]
    public void Jitter_IsTheSameForEver()
    {
        var timetable = Due.Compiled(Daily with { Jitter = TimeSpan.FromMinutes(10) });

        Assert.Equal("550541 47587 252308", string.Join(" ", new[] { "a", "b", "größe" }.Select(s => timetable.JitterOf(s, Due.Time("2026-01-01T06:30:00Z")).TotalMilliseconds)));
    }

    [Fact]
    public void Jitter_IsSpreadEvenly_BelowItsBound()
    {
        var timetable = Due.Compiled(Daily with { Jitter = TimeSpan.FromSeconds(10) });
        var start = Due.Time("2026-01-01T00:00:00Z");

        var delays = Enumerable.Range(0, 20_000).Select(i => timetable.JitterOf($"default/flow/{i % 7}", start.AddMinutes(i))).ToList();

        Assert.All(delays, d => Assert.InRange(d, TimeSpan.Zero, TimeSpan.FromSeconds(10) - TimeSpan.FromMilliseconds(1)));
        Assert.All(delays.GroupBy(d => (int)d.TotalSeconds), g => Assert.InRange(g.Count(), 1800, 2200));
    }
}
