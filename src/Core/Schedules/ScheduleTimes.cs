using Fanfare.Contracts;
using NodaTime;
using NodaTime.Text;

namespace Fanfare.Core;

/// <summary>Times that people write with regard to a schedule.</summary>
public static class ScheduleTimes
{
    private static readonly LocalDateTimePattern[] _local = [LocalDateTimePattern.ExtendedIso, LocalDateTimePattern.CreateWithInvariantCulture("uuuu-MM-dd'T'HH:mm")];

    /// <summary>A time with an offset or <c>Z</c>, or without one in the schedule's time zone; a date is the beginning of that day there. A local time that a change of clocks leaves out is as much later, and of one
    /// that comes twice the first is meant. Null when it is none of these.</summary>
    public static DateTimeOffset? Read(string text, ScheduleSpec spec)
    {
        if (OffsetDateTimePattern.Rfc3339.Parse(text) is { Success: true, Value: var exact }) return exact.ToInstant().ToDateTimeOffset();
        var zone = ZoneNames.Find(spec.TimeZone, out _) ?? throw new JournalFormatException($"There is no time zone '{spec.TimeZone}'.");
        if (LocalDatePattern.Iso.Parse(text) is { Success: true, Value: var date }) return zone.AtStartOfDay(date).ToInstant().ToDateTimeOffset();
        foreach (var pattern in _local)
            if (pattern.Parse(text) is { Success: true, Value: var local }) return zone.AtLeniently(local).ToInstant().ToDateTimeOffset();
        return null;
    }
}
