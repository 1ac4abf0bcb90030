using System.Globalization;

namespace Fanfare.Core;

/// <summary>Reads one field of a cron expression: values, ranges, steps and lists of these, in capitals.</summary>
/// <param name="Name">As errors call it.</param>
internal sealed record CronField(string Name, int Low, int High)
{
    private static readonly string[] MonthNames = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] DayNames = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    public static readonly CronField Second = new("second", 0, 59);
    public static readonly CronField Minute = new("minute", 0, 59);
    public static readonly CronField Hour = new("hour", 0, 23);
    public static readonly CronField DayOfMonth = new("day of month", 1, 31);
    public static readonly CronField Month = new("month", 1, 12) { Names = MonthNames };
    public static readonly CronField Year = new("year", 1970, 2199) { Turns = false };

    /// <summary>Sunday is 0, and 7 as well.</summary>
    public static readonly CronField UnixDayOfWeek = new("day of week", 0, 7) { Names = DayNames, Last = 6 };

    /// <summary>Sunday is 1.</summary>
    public static readonly CronField DayOfWeek = new("day of week", 1, 7) { Names = DayNames };

    /// <summary>Names of the values from <see cref="Low"/> on.</summary>
    public IReadOnlyList<string> Names { get; private init; } = [];

    /// <summary>The last value of <c>*</c>, and of a step without an end.</summary>
    private int Last { get; init; } = High;

    /// <summary>Whether the value after the last is the first again, so that a range may go on there.</summary>
    private bool Turns { get; init; } = true;

    /// <summary>Adds the values of one element of the field's list.</summary>
    /// <param name="set">By value less <see cref="Low"/>.</param>
    /// <param name="mayTurn">Whether a range may end before it begins, as in <c>22-2</c>.</param>
    public CronFault? Read(string element, bool[] set, bool mayTurn)
    {
        var slash = element.IndexOf('/', StringComparison.Ordinal);
        var range = slash < 0 ? element : element[..slash];
        var step = 1;
        if (slash >= 0 && ReadStep(element, element[(slash + 1)..], out step) is { } wrongStep) return wrongStep;

        if (ReadRange(element, range, slash >= 0, out var from, out var to) is { } wrong) return wrong;
        if (from > to && !(mayTurn && Turns)) return Backwards(element, range);
        var size = Last - Low + 1;
        if (from > to) to += size;
        for (var value = from; value <= to; value += step) set[value > High ? value - size - Low : value - Low] = true;
        return null;
    }

    /// <summary>Reads a number or name.</summary>
    /// <param name="element">What errors quote: the part of the field that it stands in.</param>
    public CronFault? ReadValue(string element, string text, out int value)
    {
        for (var i = 0; i < Names.Count; i++)
            if (Names[i] == text)
            {
                value = Low + i;
                return null;
            }
        if (!IsNumber(text, out value))
            return new CronFault($"The {Name} '{element}' cannot be read: '{text}' is no {Name}.", NearestName.Of(text, Names) is { } near ? $"Did you mean {near}?" : Allowed);
        return value >= Low && value <= High ? null : new CronFault($"The {Name} '{element}' has {value}, which is not within {Low} to {High}.", Allowed);
    }

    public static bool IsNumber(string text, out int number)
    {
        number = 0;
        return text.Length is > 0 and <= 4 && text.All(char.IsAsciiDigit) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out number);
    }

    /// <summary>The values as bits, the lowest for <see cref="Low"/>.</summary>
    public static ulong Bits(bool[] set)
    {
        var bits = 0UL;
        for (var i = 0; i < set.Length; i++)
            if (set[i]) bits |= 1UL << i;
        return bits;
    }

    public bool[] EmptySet() => new bool[High - Low + 1];

    private string Allowed => Names.Count == 0
        ? $"Write numbers from {Low} to {High}, as '{Low}', '{Low},{Low + 2}', '{Low}-{Low + 4}', '*' or '*/2'."
        : $"Write numbers from {Low} to {High} or names from {Names[0]} to {Names[^1]}, as '{Names[1]}', '{Names[1]},{Names[3]}', '{Names[1]}-{Names[5]}' or '*'.";

    private CronFault? ReadStep(string element, string text, out int step)
    {
        var most = Last - Low + 1;
        if (IsNumber(text, out step) && step >= 1 && step <= most) return null;
        return new CronFault($"The {Name} '{element}' has the step '{text}', which is not a number from 1 to {most}.",
            step > most ? $"A step counts anew in each round of the field, so a longer one cannot be said here; 'every' can." : $"Write a step as in '*/{Math.Min(5, most)}'.");
    }

    private CronFault? ReadRange(string element, string range, bool hasStep, out int from, out int to)
    {
        (from, to) = (Low, Last);
        if (range == "*") return null;
        var dash = range.IndexOf('-', StringComparison.Ordinal);
        if (ReadValue(element, dash < 0 ? range : range[..dash], out from) is { } wrongStart) return wrongStart;
        if (dash < 0)
        {
            to = hasStep ? Math.Max(from, Last) : from;
            return null;
        }
        if (ReadValue(element, range[(dash + 1)..], out to) is { } wrongEnd) return wrongEnd;
        // Sunday ends a Unix week as well as it begins one: FRI-SUN, 5-0, 7-2.
        if (Last < High && from > to && to == Low) to = High;
        if (Last < High && from > to && from == High) from = Low;
        return null;
    }

    private CronFault Backwards(string element, string range)
    {
        var dash = range.IndexOf('-', StringComparison.Ordinal);
        var (start, end) = (range[..dash], range[(dash + 1)..]);
        var (first, last) = Names.Count > 0 && Names.Contains(start) ? (Names[0], Names[^1]) : ($"{Low}", $"{Last}");
        return new CronFault($"The {Name} '{element}' has the range '{range}', which ends before it begins.",
            Turns ? $"Write two ranges: '{start}-{last},{first}-{end}'." : "Write the earlier one first.");
    }
}
