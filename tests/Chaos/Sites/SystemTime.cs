using System.Globalization;

namespace Fanfare.Chaos.Sites;

/// <summary>Seconds since the machine's boot: what tasks write beside their lines, and what no clock fault moves.</summary>
internal static class SystemTime
{
    public static double Now => Parse(File.ReadAllText("/proc/uptime"));

    /// <summary>When the machine was booted, by the clock of the tests.</summary>
    public static DateTimeOffset ZeroAt => DateTimeOffset.UtcNow - TimeSpan.FromSeconds(Now);

    public static double Parse(string uptime) => double.Parse(uptime.AsSpan(0, uptime.IndexOf(' ', StringComparison.Ordinal) is var end and >= 0 ? end : uptime.Length), CultureInfo.InvariantCulture);
}
