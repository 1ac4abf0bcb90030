using System.Numerics;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>A cron expression: which seconds of local time it names. It knows no time zone; a local time is a number of seconds since 1970-01-01T00:00:00 on the same clock.</summary>
public sealed partial class CronExpression
{
    /// <summary>Characters of an expression.</summary>
    private const int MostCharacters = 256;

    private const int FirstYear = 1900;
    private const int LastYear = 9998;

    /// <summary>After this many years the calendar repeats itself, weekdays and all, so what was not found by then never comes.</summary>
    private const int CalendarYears = 400;

    private const int DaySeconds = 86_400;
    private const ulong EveryHourOfDay = (1UL << 24) - 1;
    private static readonly int EpochDay = new DateOnly(1970, 1, 1).DayNumber;

    private readonly ulong _seconds;
    private readonly ulong _minutes;
    private readonly ulong _hours;
    private readonly ulong _months;
    private readonly CronDays _days;

    /// <summary>By year less the field's lowest; null for all, those before and after the field's range as well.</summary>
    private readonly bool[]? _years;

    private CronExpression(string text, CronDialect dialect, ulong[] bits, CronDays days, bool[]? years)
    {
        (Text, Dialect, _days, _years) = (text, dialect, days, years);
        (_seconds, _minutes, _hours, _months) = (bits[0], bits[1], bits[2], bits[3] << 1);
    }

    /// <summary>The fields in capitals with one space between them.</summary>
    public string Text { get; }

    public CronDialect Dialect { get; }

    /// <summary>Whether it names all hours of the day.</summary>
    public bool NamesEveryHour => _hours == EveryHourOfDay;

    /// <summary>Reads an expression of a dialect.</summary>
    /// <param name="error">Its path is <c>cron</c>; null when there is none.</param>
    public static CronExpression? Parse(string text, CronDialect dialect, out SpecError? error)
    {
        var expression = Parse(text, dialect, out CronFault? fault);
        error = ErrorOf(fault);
        return expression;
    }

    /// <summary>The first time at or after a time; null when none comes.</summary>
    public long? NextFrom(long time)
    {
        var day = Math.DivRem(time, DaySeconds, out var second);
        if (second < 0) (day, second) = (day - 1, second + DaySeconds);
        if (DateOf(day) is not { } date)
        {
            if (day > 0) return null;
            (date, second) = (new DateOnly(FirstYear, 1, 1), 0);
        }
        if (Names(date))
        {
            var at = TimeFrom((int)second);
            if (at >= 0) return Local(date, at);
        }
        return NextDate(date) is { } next ? Local(next, TimeFrom(0)) : null;
    }

    /// <summary>The last time at or before a time; null when there was none.</summary>
    public long? PreviousFrom(long time)
    {
        var day = Math.DivRem(time, DaySeconds, out var second);
        if (second < 0) (day, second) = (day - 1, second + DaySeconds);
        if (DateOf(day) is not { } date)
        {
            if (day < 0) return null;
            (date, second) = (new DateOnly(LastYear, 12, 31), DaySeconds - 1);
        }
        if (Names(date))
        {
            var at = TimeBackFrom((int)second);
            if (at >= 0) return Local(date, at);
        }
        return PreviousDate(date) is { } previous ? Local(previous, TimeBackFrom(DaySeconds - 1)) : null;
    }

    private static DateOnly? DateOf(long day)
    {
        var number = day + EpochDay;
        if (number < DateOnly.MinValue.DayNumber || number > DateOnly.MaxValue.DayNumber) return null;
        var date = DateOnly.FromDayNumber((int)number);
        return date.Year is >= FirstYear and <= LastYear ? date : null;
    }

    private static long Local(DateOnly date, int second) => ((date.DayNumber - EpochDay) * (long)DaySeconds) + second;

    private bool Names(DateOnly date) => Has(_months, date.Month) && NamesYear(date.Year) && ((_days.Of(date.Year, date.Month) >> date.Day) & 1) != 0;

    private bool NamesYear(int year)
    {
        if (_years is null) return true;
        var at = year - CronField.Year.Low;
        return at >= 0 && at < _years.Length && _years[at];
    }

    private DateOnly? NextDate(DateOnly after)
    {
        var (month, from) = (after.Month, after.Day + 1);
        for (var year = after.Year; year <= Math.Min(LastYear, after.Year + CalendarYears); (year, month, from) = (year + 1, 1, 1))
        {
            if (!NamesYear(year)) continue;
            var start = month;
            for (month = FirstAt(_months, start); month >= 0; month = FirstAt(_months, month + 1))
            {
                var days = (ulong)_days.Of(year, month);
                if (month == start) days &= ulong.MaxValue << from;
                if (days != 0) return new DateOnly(year, month, BitOperations.TrailingZeroCount(days));
            }
        }
        return null;
    }

    private DateOnly? PreviousDate(DateOnly before)
    {
        var (month, below) = (before.Month, before.Day);
        for (var year = before.Year; year >= Math.Max(FirstYear, before.Year - CalendarYears); (year, month, below) = (year - 1, 12, 32))
        {
            if (!NamesYear(year)) continue;
            var start = month;
            for (month = LastAt(_months, start); month >= 0; month = LastAt(_months, month - 1))
            {
                var days = (ulong)_days.Of(year, month);
                if (month == start) days &= (1UL << below) - 1;
                if (days != 0) return new DateOnly(year, month, BitOperations.Log2(days));
            }
        }
        return null;
    }

    /// <summary>The first second of a day at or after one; -1 for none.</summary>
    private int TimeFrom(int from)
    {
        var (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        if (Has(_hours, hour))
        {
            if (Has(_minutes, minute) && FirstAt(_seconds, second) is >= 0 and var inMinute) return (hour * 3600) + (minute * 60) + inMinute;
            if (FirstAt(_minutes, minute + 1) is >= 0 and var inHour) return (hour * 3600) + (inHour * 60) + FirstAt(_seconds, 0);
        }
        return FirstAt(_hours, hour + 1) is >= 0 and var later ? (later * 3600) + (FirstAt(_minutes, 0) * 60) + FirstAt(_seconds, 0) : -1;
    }

    /// <summary>The last second of a day at or before one; -1 for none.</summary>
    private int TimeBackFrom(int from)
    {
        var (hour, minute, second) = (from / 3600, from / 60 % 60, from % 60);
        if (Has(_hours, hour))
        {
            if (Has(_minutes, minute) && LastAt(_seconds, second) is >= 0 and var inMinute) return (hour * 3600) + (minute * 60) + inMinute;
            if (LastAt(_minutes, minute - 1) is >= 0 and var inHour) return (hour * 3600) + (inHour * 60) + LastAt(_seconds, 59);
        }
        return LastAt(_hours, hour - 1) is >= 0 and var earlier ? (earlier * 3600) + (LastAt(_minutes, 59) * 60) + LastAt(_seconds, 59) : -1;
    }

    private static bool Has(ulong bits, int at) => ((bits >> at) & 1) != 0;

    /// <summary>The lowest bit at or above one below 64; -1 for none.</summary>
    private static int FirstAt(ulong bits, int from)
    {
        var rest = bits & (ulong.MaxValue << from);
        return rest == 0 ? -1 : BitOperations.TrailingZeroCount(rest);
    }

    /// <summary>The highest bit at or below one below 64; -1 for none, and below 0.</summary>
    private static int LastAt(ulong bits, int from)
    {
        if (from < 0) return -1;
        var rest = bits & (ulong.MaxValue >> (63 - from));
        return rest == 0 ? -1 : BitOperations.Log2(rest);
    }
}
