using System.Globalization;

namespace Fanfare.Contracts;

/// <summary>The order of a worker's starts. A poll of a former boot may be long on its way, and must not pass for the present one's; a node
/// that was just started knows neither. So boot ids carry their order: UUIDs of version 7 (RFC 9562), which sort by time.</summary>
public static class BootId
{
    private const int TimeDigits = 12;

    /// <summary>Whether <paramref name="boot"/> was certainly before <paramref name="other"/>, both of one worker. Ids of any other form have no order:
    /// among them the latest to be heard of counts.</summary>
    public static bool IsBefore(string boot, string? other) =>
        other is not null && TimeOf(boot) is { } time && TimeOf(other) is { } otherTime
        && (time < otherTime || (time == otherTime && string.CompareOrdinal(boot, other) < 0));

    // The version is the thirteenth digit: xxxxxxxx-xxxx-7xxx or, without hyphens, xxxxxxxxxxxx7xxx.
    private static long? TimeOf(string boot)
    {
        var digits = boot.Length == 32 ? boot : boot.Length == 36 ? boot.Replace("-", "", StringComparison.Ordinal) : "";
        return digits.Length == 32 && digits[TimeDigits] == '7'
            && long.TryParse(digits.AsSpan(0, TimeDigits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var time) ? time : null;
    }
}
