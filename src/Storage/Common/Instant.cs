using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>Times as the database keeps them: microseconds since 1970-01-01 UTC. Finer digits are cut off.</summary>
internal static class Instant
{
    private static readonly long _first = ToMicroseconds(DateTimeOffset.MinValue), _last = ToMicroseconds(DateTimeOffset.MaxValue);

    // Ticks count from the year 1 and are never negative, so that times before 1970 are cut in the same direction.
    public static long ToMicroseconds(DateTimeOffset time) => (time.UtcTicks / TimeSpan.TicksPerMicrosecond) - (DateTimeOffset.UnixEpoch.UtcTicks / TimeSpan.TicksPerMicrosecond);

    public static long? ToMicroseconds(DateTimeOffset? time) => time is { } value ? ToMicroseconds(value) : null;

    /// <exception cref="JournalFormatException">It is no time that was ever written.</exception>
    public static DateTimeOffset FromMicroseconds(long microseconds) => microseconds >= _first && microseconds <= _last
        ? new(DateTimeOffset.UnixEpoch.UtcTicks + (microseconds * TimeSpan.TicksPerMicrosecond), TimeSpan.Zero)
        : throw new JournalFormatException($"The journal holds the time {microseconds} µs, which is beyond all years. It is damaged; restore the data directory from a backup.");

    public static DateTimeOffset? FromMicroseconds(long? microseconds) => microseconds is { } value ? FromMicroseconds(value) : null;
}
