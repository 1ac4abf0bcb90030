namespace Fanfare.Core;

/// <summary>Reads the two day fields, which have more to say than ranges: <c>?</c>, <c>L</c>, <c>W</c> and <c>#</c>, outside of Unix.</summary>
internal static class CronDayReader
{
    private const int Nths = 5;
    private const string NotUnix = "In the Unix dialect days are numbers, names, lists, ranges and steps. Set the dialect to eventbridge or quartz for '?', 'L', 'W' and '#'; a day that does not matter is '*' here.";

    /// <param name="unix">Whether the dialect is Unix; the others are alike.</param>
    public static CronFault? Read(string dates, string weekdays, bool unix, out CronDays days)
    {
        days = new CronDays();
        if (unix && (dates == "?" || weekdays == "?")) return Special(dates == "?" ? CronField.DayOfMonth : CronField.UnixDayOfWeek, "?");
        if (!unix && (dates == "?") == (weekdays == "?"))
            return new CronFault(dates == "?"
                ? "Both days are '?', so nothing says which days are meant."
                : $"Neither the day of month '{dates}' nor the day of week '{weekdays}' is '?'; this dialect has one of them say which days are meant.",
                dates == "?" ? "Write '*' in one of them for every day." : "Write '?' for the one that does not matter.");
        if (dates != "?" && ReadDates(dates, unix, ref days) is { } wrongDate) return wrongDate;
        if (weekdays != "?" && ReadWeekdays(weekdays, unix, ref days) is { } wrongWeekday) return wrongWeekday;
        // Vixie cron takes the fields for unrestricted by their first character: '*/2' in one and a value in the other must both hold.
        days = days with { Either = unix && dates[0] != '*' && weekdays[0] != '*' };
        return null;
    }

    private static CronFault? ReadDates(string text, bool unix, ref CronDays days)
    {
        var set = CronField.DayOfMonth.EmptySet();
        uint fromLast = 0, nearest = 0, nearestFromLast = 0;
        foreach (var element in text.Split(','))
        {
            if (element.Length > 0 && (element[0] == 'L' || element[^1] == 'W'))
            {
                if (unix) return Special(CronField.DayOfMonth, element);
                var weekday = element[^1] == 'W';
                var day = weekday ? element[..^1] : element;
                if (day.StartsWith('L'))
                {
                    var back = 0;
                    if (day != "L" && !(day.StartsWith("L-", StringComparison.Ordinal) && CronField.IsNumber(day[2..], out back) && back is >= 1 and <= 30))
                        return new CronFault($"The day of month '{element}' cannot be read.", "Write 'L' for the last day, 'L-3' for the third before it, from 'L-1' to 'L-30', and 'LW' for the last weekday.");
                    if (weekday) nearestFromLast |= 1u << back;
                    else fromLast |= 1u << back;
                }
                else if (CronField.DayOfMonth.ReadValue(element, day, out var date) is { } wrong)
                {
                    return day.Contains('-', StringComparison.Ordinal) || day.Length == 0
                        ? new CronFault($"The day of month '{element}' cannot be read: 'W' follows one day.", "Write it as in '15W': the weekday nearest to the 15th.")
                        : wrong;
                }
                else
                {
                    nearest |= 1u << date;
                }
            }
            else if (CronField.DayOfMonth.Read(element, set, mayTurn: !unix) is { } wrong)
            {
                return wrong;
            }
        }
        days = days with { Dates = (uint)(CronField.Bits(set) << 1), FromLast = fromLast, Nearest = nearest, NearestFromLast = nearestFromLast };
        return null;
    }

    private static CronFault? ReadWeekdays(string text, bool unix, ref CronDays days)
    {
        var field = unix ? CronField.UnixDayOfWeek : CronField.DayOfWeek;
        var set = field.EmptySet();
        byte last = 0;
        var nth = 0UL;
        foreach (var element in text.Split(','))
        {
            var number = element.IndexOf('#', StringComparison.Ordinal);
            var isLast = element.EndsWith('L');
            if (unix && (number >= 0 || isLast)) return Special(field, element);
            if (number >= 0)
            {
                if (field.ReadValue(element, element[..number], out var day) is { } wrongDay) return wrongDay;
                if (!CronField.IsNumber(element[(number + 1)..], out var week) || week is < 1 or > Nths)
                    return new CronFault($"The day of week '{element}' has '{element[(number + 1)..]}' behind its '#', which is not a number from 1 to {Nths}.", "Write it as in 'FRI#3': the third Friday of the month.");
                nth |= 1UL << (((week - 1) * 7) + day - field.Low);
            }
            else if (element == "L")
            {
                // As in Quartz: alone it is the last day of the week, not of the month.
                set[^1] = true;
            }
            else if (isLast)
            {
                if (field.ReadValue(element, element[..^1], out var day) is { } wrongDay) return wrongDay;
                last |= (byte)(1 << (day - field.Low));
            }
            else if (field.Read(element, set, mayTurn: !unix) is { } wrong)
            {
                return wrong;
            }
        }
        var bits = CronField.Bits(set);
        // Bit 7 is there in Unix only, and Sunday.
        days = days with { Weekdays = (byte)((bits | (bits >> 7)) & 0x7F), LastWeekdays = last, NthWeekdays = nth };
        return null;
    }

    private static CronFault Special(CronField field, string element) => new($"The {field.Name} '{element}' cannot be read.", NotUnix);
}
