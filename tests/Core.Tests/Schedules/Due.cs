using System.Globalization;
using Fanfare.Contracts;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>Timetables from few words, and the times that they name.</summary>
internal static class Due
{
    public static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);

    public static ScheduleSpec Cron(string text, string zone = "UTC", CronDialect? dialect = null)
    {
        var recognized = CronExpression.Recognize(text, dialect, out var error);
        Assert.True(error is null, error?.ToString());
        return new ScheduleSpec { Name = "s", Cron = recognized!.Cron, Every = recognized.Every, Dialect = recognized.Dialect, TimeZone = zone };
    }

    public static Timetable Compiled(ScheduleSpec spec)
    {
        var timetable = Timetable.Compile(spec, out var errors);
        Assert.Empty(errors);
        return timetable!;
    }

    /// <summary>The times after another, at most so many.</summary>
    public static IEnumerable<DateTimeOffset> From(Timetable timetable, DateTimeOffset after, int most)
    {
        for (var next = timetable.Next(after); next is { } time && most-- > 0; next = timetable.Next(time)) yield return time;
    }

    /// <summary>The next times in UTC, as <c>2026-03-01 06:30</c> (with seconds if there are any), with commas between them.</summary>
    public static string Text(ScheduleSpec spec, string after, int most) =>
        string.Join(", ", From(Compiled(spec), Time(after), most).Select(t => t.ToString(t.Second == 0 ? "yyyy-MM-dd HH:mm" : "yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)));
}
