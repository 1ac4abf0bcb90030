namespace Fanfare.Core.Tests.Schedules;

/// <summary>A theory that needs the operating system's time zones, to hold ours against them; skipped by name where it has none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SystemZonesTheoryAttribute : TheoryAttribute
{
    public SystemZonesTheoryAttribute()
    {
        if (!TimeZoneInfo.TryFindSystemTimeZoneById("Pacific/Apia", out _)) Skip = "The system has no database of time zones (tzdata).";
    }
}
