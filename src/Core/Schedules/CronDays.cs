using System.Numerics;

namespace Fanfare.Core;

/// <summary>The two day fields of a cron expression: which days of a month they name.</summary>
internal sealed record CronDays
{
    private const uint EveryDate = 0xFFFF_FFFE;
    private const byte EveryWeekday = 0x7F;

    /// <summary>Days of the month, bit 1 for the first.</summary>
    public uint Dates { get; init; } = EveryDate;

    /// <summary>Days back from the last of the month, bit 0 for itself (<c>L</c>, <c>L-3</c>).</summary>
    public uint FromLast { get; init; }

    /// <summary>Days whose nearest weekday, Monday to Friday of the same month, is meant (<c>15W</c>); in a month that has no such day, the one nearest to its last, as in Quartz.</summary>
    public uint Nearest { get; init; }

    /// <summary>As <see cref="FromLast"/>, but the nearest weekday (<c>LW</c>).</summary>
    public uint NearestFromLast { get; init; }

    /// <summary>Days of the week, bit 0 for Sunday.</summary>
    public byte Weekdays { get; init; } = EveryWeekday;

    /// <summary>Days of the week whose last in the month is meant (<c>6L</c>).</summary>
    public byte LastWeekdays { get; init; }

    /// <summary>Days of the week whose nth in the month is meant (<c>6#3</c>): seven bits for the first, seven for the second, and so on.</summary>
    public ulong NthWeekdays { get; init; }

    /// <summary>Whether one of the fields is enough; else both must name the day.</summary>
    public bool Either { get; init; }

    /// <summary>The days of a month, bit 1 for the first.</summary>
    public uint Of(int year, int month)
    {
        var length = DateTime.DaysInMonth(year, month);
        var first = (int)new DateTime(year, month, 1).DayOfWeek;
        var byDate = ByDate(length, first);
        var byWeek = ByWeek(length, first);
        return (Either ? byDate | byWeek : byDate & byWeek) & Through(length);
    }

    private uint ByDate(int length, int first)
    {
        var days = Dates;
        for (var rest = FromLast; rest != 0; rest &= rest - 1) days |= Bit(length - BitOperations.TrailingZeroCount(rest));
        for (var rest = Nearest; rest != 0; rest &= rest - 1) days |= NearestWeekday(Math.Min(BitOperations.TrailingZeroCount(rest), length), length, first);
        for (var rest = NearestFromLast; rest != 0; rest &= rest - 1) days |= NearestWeekday(length - BitOperations.TrailingZeroCount(rest), length, first);
        return days;
    }

    private uint ByWeek(int length, int first)
    {
        var days = Each(Weekdays, first);
        if (LastWeekdays != 0) days |= Each(LastWeekdays, first) & ~Through(length - 7);
        for (var (rest, week) = (NthWeekdays, 0); rest != 0; rest >>= 7, week++)
            days |= Each((byte)(rest & EveryWeekday), first) & Through((week + 1) * 7) & ~Through(week * 7);
        return days;
    }

    /// <summary>All days that fall on one of the weekdays, in a month whose first day falls on <paramref name="first"/>.</summary>
    private static uint Each(byte weekdays, int first)
    {
        const ulong weeks = 1UL | (1UL << 7) | (1UL << 14) | (1UL << 21) | (1UL << 28);
        var week = ((uint)weekdays >> first) | (((uint)weekdays << (7 - first)) & EveryWeekday);
        return (uint)((week * weeks) << 1);
    }

    private static uint NearestWeekday(int day, int length, int first)
    {
        if (day < 1) return 0;
        var nearest = ((first + day - 1) % 7) switch
        {
            0 => day == length ? day - 2 : day + 1,
            6 => day == 1 ? day + 2 : day - 1,
            _ => day,
        };
        return Bit(nearest);
    }

    private static uint Bit(int day) => day < 1 ? 0 : 1u << day;

    /// <summary>Days 1 to <paramref name="day"/>; from 31 on all.</summary>
    private static uint Through(int day) => day >= 31 ? EveryDate : ((1u << day) - 1) << 1;
}
