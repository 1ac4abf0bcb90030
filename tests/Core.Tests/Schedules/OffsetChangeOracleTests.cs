using System.Globalization;
using Fanfare.Contracts;
using NodaTime;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>Around every change of a zone's offset in twenty years, each minute by the operating system's clock rules, against <see cref="Timetable"/>. The years end where the
/// zones' latest reforms begin, which not every system knows yet.</summary>
public sealed class OffsetChangeOracleTests
{
    private const int FirstYear = 2006;
    private const int LastYear = 2025;

    /// <summary>Minutes on each side of a change in which all that is due is compared; and as much again of them is looked at, so that no repeat is cut in two.</summary>
    private const int Half = 11 * 60;

    private const int Margin = 4 * 60;

    private static readonly string[] Fixed =
        ["30 2 * * *", "*/13 * * * *", "0 * * * *", "15,45 0-3 * * *", "0 0 * * *", "0 */2 * * *", "59 23 * * *", "*/7 2 * * *", "30 1 * 3,4,10,11 0", "0 9 30 12 *", "0 12 29-31 * 6", "10-40/10 0/3 1-15 * 1-5"];

    [SystemZonesTheory]
    [InlineData("Europe/Berlin", 40)]
    [InlineData("America/New_York", 40)]
    [InlineData("America/Sao_Paulo", 27)]
    [InlineData("Australia/Lord_Howe", 40)]
    [InlineData("Asia/Kolkata", 0)]
    [InlineData("Pacific/Apia", 20)]
    [InlineData("Africa/Casablanca", 49)]
    [InlineData("America/Havana", 39)]
    [InlineData("Asia/Tehran", 30)]
    [InlineData("Europe/Dublin", 40)]
    [InlineData("Antarctica/Troll", 40)]
    [InlineData("Pacific/Chatham", 40)]
    [InlineData("Africa/Cairo", 20)]
    [InlineData("Asia/Pyongyang", 2)]
    [InlineData("America/Caracas", 2)]
    [InlineData("America/Nuuk", 38)]
    public void WhatIsDueAroundAChange_IsWhatTheMinutesSay(string zone, int changes)
    {
        var system = TimeZoneInfo.FindSystemTimeZoneById(zone);
        var found = Changes(system).ToList();
        Assert.InRange(found.Count, changes * 9 / 10, (changes * 11 / 10) + 1);
        // A day on which nothing changes is for zones that never do.
        var random = new Random(zone.Length + changes);
        foreach (var change in found.Append(new DateTime(2020, 6, 1, 0, 0, 0, DateTimeKind.Utc)))
        {
            var minutes = new Minutes(system, change);
            minutes.AssertAgrees(zone);
            foreach (var text in Fixed.Append(RandomExpression(random)).Append(RandomExpression(random)))
            {
                var matches = minutes.Matching(new PlainCron(text));
                foreach (var gap in Enum.GetValues<CronGap>())
                    foreach (var repeat in new CronRepeat?[] { null, CronRepeat.First, CronRepeat.Second, CronRepeat.Both })
                        Compare(minutes, matches, Due.Cron(text, zone) with { Gap = gap, Repeat = repeat }, new PlainCron(text).NamesEveryHour);
            }
        }
    }

    private static void Compare(Minutes minutes, (List<int>, List<int>) matches, ScheduleSpec spec, bool everyHour)
    {
        var timetable = Due.Compiled(spec);
        var expected = minutes.Due(matches, spec.Gap, spec.Repeat ?? (everyHour ? CronRepeat.Both : CronRepeat.First));
        var (first, last) = (minutes.Time(Margin), minutes.Time(Margin + (2 * Half)));

        var forwards = Walk(timetable.Next, first.AddTicks(-1), t => t < last);
        var backwards = Walk(timetable.Previous, last, t => t >= first);
        backwards.Reverse();

        Assert.True(expected.SequenceEqual(forwards), Difference("Next", spec, expected, forwards));
        Assert.True(expected.SequenceEqual(backwards), Difference("Previous", spec, expected, backwards));
    }

    private static List<DateTimeOffset> Walk(Func<DateTimeOffset, DateTimeOffset?> step, DateTimeOffset from, Func<DateTimeOffset, bool> goesOn)
    {
        var walked = new List<DateTimeOffset>();
        for (var at = step(from); at is { } time && goesOn(time); at = step(time)) walked.Add(time);
        return walked;
    }

    private static string Difference(string what, ScheduleSpec spec, IEnumerable<DateTimeOffset> expected, IEnumerable<DateTimeOffset> actual) =>
        $"{what} of '{spec.Cron}' in {spec.TimeZone} (gap {spec.Gap}, repeat {spec.Repeat?.ToString() ?? "by the expression"}):{Environment.NewLine}expected {Texts(expected)}{Environment.NewLine}but was  {Texts(actual)}";

    private static string Texts(IEnumerable<DateTimeOffset> times) => string.Join(", ", times.Select(t => t.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture)));

    private static string RandomExpression(Random random)
    {
        var minute = random.Next(3) switch { 0 => $"{random.Next(60)}", 1 => $"{random.Next(30)},{random.Next(30, 60)}", _ => $"*/{random.Next(5, 61)}" };
        var hour = random.Next(4) switch { 0 => "*", 1 => $"{random.Next(4)}", 2 => $"{random.Next(3)}-{random.Next(3, 24)}", _ => $"{random.Next(3)}/{random.Next(1, 5)}" };
        return $"{minute} {hour} {(random.Next(3) == 0 ? $"{random.Next(1, 15)}-{random.Next(15, 32)}" : "*")} * {(random.Next(3) == 0 ? "0,6" : "*")}";
    }

    private static IEnumerable<DateTime> Changes(TimeZoneInfo zone)
    {
        var step = TimeSpan.FromMinutes(30);
        for (var at = new DateTime(FirstYear, 1, 1, 0, 0, 0, DateTimeKind.Utc); at.Year <= LastYear; at += step)
            if (zone.GetUtcOffset(at) != zone.GetUtcOffset(at + step)) yield return at + step;
    }

    /// <summary>The minutes around a change, and what a clock on the wall shows at each.</summary>
    private sealed class Minutes
    {
        private readonly DateTime _start;
        private readonly DateTime[] _local;

        /// <summary>Local times that no minute shows, and the minute in whose place they would be.</summary>
        private readonly List<(DateTime Local, int After)> _skipped = [];

        private readonly bool[] _isFirst;
        private readonly bool[] _isLast;

        public Minutes(TimeZoneInfo zone, DateTime change)
        {
            _start = change.AddMinutes(-Half - Margin);
            _local = [.. Enumerable.Range(0, 2 * (Half + Margin)).Select(m => DateTime.SpecifyKind(_start.AddMinutes(m) + zone.GetUtcOffset(_start.AddMinutes(m)), DateTimeKind.Unspecified))];
            for (var minute = 1; minute < _local.Length; minute++)
                for (var missing = _local[minute - 1].AddMinutes(1); missing < _local[minute]; missing = missing.AddMinutes(1)) _skipped.Add((missing, minute));
            var shown = Enumerable.Range(0, _local.Length).ToLookup(m => _local[m]);
            _isFirst = [.. _local.Select((local, minute) => shown[local].First() == minute)];
            _isLast = [.. _local.Select((local, minute) => shown[local].Last() == minute)];
        }

        public DateTimeOffset Time(int minute) => new(_start.AddMinutes(minute));

        public void AssertAgrees(string zone)
        {
            var ours = DateTimeZoneProviders.Tzdb[zone];
            for (var minute = 0; minute < _local.Length; minute += 15)
                Assert.True(Instant.FromDateTimeUtc(_start.AddMinutes(minute)).InZone(ours).ToDateTimeUnspecified() == _local[minute],
                    $"The system's database of time zones and NodaTime's differ about {zone} at {_start.AddMinutes(minute):u}: one of them is old, or history was rewritten. Compare other years here.");
        }

        /// <summary>What matches: minutes by the local time they show, and local times that are skipped.</summary>
        public (List<int> Shown, List<int> AfterSkipped) Matching(PlainCron cron) =>
            ([.. Enumerable.Range(0, _local.Length).Where(m => cron.Matches(_local[m]))], [.. _skipped.Where(s => cron.Matches(s.Local)).Select(s => s.After)]);

        /// <summary>Of those matches the ones that are due, in the part that is compared.</summary>
        public List<DateTimeOffset> Due((List<int> Shown, List<int> AfterSkipped) matches, CronGap gap, CronRepeat repeat)
        {
            var due = matches.Shown.Where(m => repeat switch { CronRepeat.First => _isFirst[m], CronRepeat.Second => _isLast[m], _ => true });
            if (gap == CronGap.After) due = due.Concat(matches.AfterSkipped);
            return [.. due.Where(m => m is >= Margin and < Margin + (2 * Half)).Distinct().Order().Select(Time)];
        }
    }
}
