using System.Globalization;

namespace Fanfare.Core.Tests.Schedules;

/// <summary>Unix expressions read and matched in the plainest way, a minute at a time: what the real thing is held against.</summary>
internal sealed class PlainCron
{
    private static readonly string[] Months = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    private static readonly string[] Weekdays = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

    private readonly string[] _fields;
    private readonly HashSet<int>[] _sets;

    public PlainCron(string text)
    {
        text = text.ToUpperInvariant();
        for (var i = 0; i < Months.Length; i++) text = text.Replace(Months[i], $"{i + 1}", StringComparison.Ordinal);
        for (var i = 0; i < Weekdays.Length; i++) text = text.Replace(Weekdays[i], $"{i}", StringComparison.Ordinal);
        _fields = text.Split(' ');
        _sets = [Values(_fields[0], 0, 59), Values(_fields[1], 0, 23), Values(_fields[2], 1, 31), Values(_fields[3], 1, 12), Values(_fields[4], 0, 6)];
    }

    public bool NamesEveryHour => _sets[1].Count == 24;

    /// <summary>Whether a day field begins with a star or names all days, and is not just <c>*</c>: there Quartz and Vixie cron differ on whether it is a restriction.</summary>
    public bool HasOddStar => IsOddStar(_fields[2], _sets[2].Count == 31) || IsOddStar(_fields[4], _sets[4].Count == 7);

    public bool Matches(DateTime local)
    {
        if (!_sets[0].Contains(local.Minute) || !_sets[1].Contains(local.Hour) || !_sets[3].Contains(local.Month)) return false;
        var date = _sets[2].Contains(local.Day);
        var weekday = _sets[4].Contains((int)local.DayOfWeek);
        return _fields[2].StartsWith('*') || _fields[4].StartsWith('*') ? date && weekday : date || weekday;
    }

    private static bool IsOddStar(string field, bool isFull) => field != "*" && (isFull || field.StartsWith('*'));

    private static HashSet<int> Values(string field, int low, int high)
    {
        var values = new HashSet<int>();
        foreach (var element in field.Split(','))
        {
            var parts = element.Split('/');
            var ends = parts[0].Split('-');
            var first = parts[0] == "*" ? low : Number(ends[0]);
            var last = ends.Length == 2 ? Number(ends[1]) : parts[0] == "*" || parts.Length == 2 ? high : first;
            for (var value = first; value <= last; value += parts.Length == 2 ? Number(parts[1]) : 1) values.Add(value == 7 && high == 6 ? 0 : value);
        }
        return values;
    }

    private static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
