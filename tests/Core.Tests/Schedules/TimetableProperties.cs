using System.Globalization;
using Fanfare.Contracts;
using FsCheck;
using FsCheck.Fluent;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>What holds for every schedule at every time.</summary>
public sealed class TimetableProperties
{
    private static readonly string[] Zones =
        ["UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe", "Pacific/Apia", "Africa/Casablanca", "Asia/Tehran", "Antarctica/Troll", "America/St_Johns", "Asia/Manila", "Pacific/Kwajalein", "Africa/Monrovia"];

    private static readonly Gen<DateTimeOffset> Times =
        from day in Gen.Choose(0, 60_000)
        from millisecond in Gen.Choose(0, 86_399_999)
        from whole in Gen.Elements(true, false)
        select Due.Time("1935-01-01T00:00:00Z").AddDays(day).AddMilliseconds(whole ? millisecond / 60_000 * 60_000 : millisecond);

    private static readonly Gen<ScheduleSpec> Crons =
        from expression in Gen.OneOf(
            CronGrowth.Unix.Select(t => (t, CronDialect.Unix)),
            CronGrowth.EventBridge.Select(t => (t, CronDialect.EventBridge)),
            CronGrowth.Quartz.Select(t => (t, CronDialect.Quartz)))
        from zone in Gen.Elements(Zones)
        from gap in Gen.Elements(Enum.GetValues<CronGap>())
        from repeat in Gen.Elements<CronRepeat?>(null, CronRepeat.First, CronRepeat.Second, CronRepeat.Both)
        select new ScheduleSpec { Name = "s", Cron = expression.t, Dialect = expression.Item2, TimeZone = zone, Gap = gap, Repeat = repeat };

    private static readonly Gen<ScheduleSpec> Intervals =
        from seconds in Gen.Choose(1, 1_000_000)
        from milliseconds in Gen.Choose(0, 999)
        from start in Times
        from hasStart in Gen.Elements(true, false)
        select new ScheduleSpec { Name = "s", Every = TimeSpan.FromSeconds(seconds) + TimeSpan.FromMilliseconds(milliseconds), Start = hasStart ? start : null };

    private static readonly Gen<ScheduleSpec> Specs =
        from spec in Gen.Frequency((5, Crons), (1, Intervals))
        from end in Times
        from hasEnd in Gen.Frequency((4, Gen.Constant(false)), (1, Gen.Constant(true)))
        where Timetable.Compile(spec with { End = hasEnd ? end : null }, out _) is not null
        select spec with { End = hasEnd ? end : null };

    [Fact]
    public void NextIsAfter_PreviousIsBefore_AndNothingIsBetween() => ForAll((timetable, spec, time) =>
    {
        if (timetable.Next(time) is { } next)
        {
            Assert.True(next > time && next.Offset == TimeSpan.Zero);
            var between = timetable.Previous(next);
            Assert.True(between is null || between <= time || between < spec.Start, $"{between:O} is between {time:O} and {next:O}");
            Assert.Equal(next, timetable.Next(next.AddTicks(-1)));
            Assert.Equal(next, timetable.Previous(next.AddTicks(1)));
        }
        if (timetable.Previous(time) is { } previous)
        {
            Assert.True(previous < time && previous.Offset == TimeSpan.Zero);
            Assert.Equal(previous, timetable.Previous(previous.AddTicks(1)));
        }
    });

    [Fact]
    public void FromBefore_NextLeadsToNowOrLater() => ForAll((timetable, spec, time) =>
    {
        if (timetable.Previous(time) is not { } previous) return;
        var next = timetable.Next(previous);
        Assert.True(next is null || next >= time || next == spec.Start, $"{next:O} follows {previous:O} and is before {time:O}");
        if (spec.Start is null || previous >= spec.Start) Assert.Equal(previous, timetable.Next(previous.AddTicks(-1)));
    });

    [Fact]
    public void ALaterTime_HasNoEarlierNext() => ForAll((timetable, spec, time) =>
    {
        var next = timetable.Next(time);
        for (var hours = 1; hours < 5000; hours *= 7)
        {
            var later = timetable.Next(time.AddHours(hours));
            Assert.True(later is null || later >= next, $"{later:O} is after {time.AddHours(hours):O}, and {next:O} after {time:O}");
            Assert.False(next > time.AddHours(hours) && later != next, $"{next:O} is after {time.AddHours(hours):O}, too, and not {later:O}");
        }
        if (next is { } due) Assert.True(!(due < spec.Start) && !(due >= spec.End));
    });

    [Fact]
    public void BackAndForth_TheTimesAreTheSame() => ForAll((timetable, spec, time) =>
    {
        if (spec.Start is not null) return;
        var forwards = Due.From(timetable, time, 20).ToList();
        if (forwards.Count < 2) return;
        var backwards = new List<DateTimeOffset> { forwards[^1] };
        while (backwards.Count < forwards.Count) backwards.Add(timetable.Previous(backwards[^1])!.Value);
        backwards.Reverse();
        Assert.Equal(forwards, backwards);
    });

    private static void ForAll(Action<Timetable, ScheduleSpec, DateTimeOffset> holds)
    {
        var cases = from spec in Specs from time in Times select (spec, time);
        Check.One(Config.QuickThrowOnFailure.WithMaxTest(2000), Prop.ForAll(cases.ToArbitrary(), c =>
        {
            try
            {
                holds(Due.Compiled(c.spec), c.spec, c.time);
            }
            catch (Xunit.Sdk.XunitException e)
            {
                throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture, $"{c.spec} at {c.time:O}: {e.Message}"), e);
            }
        }));
    }
}
