namespace Fanfare.Storage.Sqlite;

/// <summary>Times as the database keeps them: microseconds since 1970-01-01 UTC. Finer digits are cut off.</summary>
internal static class Instant
{
    public static long ToMicroseconds(DateTimeOffset time) =>
        // Floor division, so that times before 1970 are cut in the same direction.
        (long)Math.Floor((time.UtcTicks - DateTimeOffset.UnixEpoch.UtcTicks) / (decimal)TimeSpan.TicksPerMicrosecond);

    public static long? ToMicroseconds(DateTimeOffset? time) => time is { } value ? ToMicroseconds(value) : null;

    public static DateTimeOffset FromMicroseconds(long microseconds) =>
        new(DateTimeOffset.UnixEpoch.UtcTicks + (microseconds * TimeSpan.TicksPerMicrosecond), TimeSpan.Zero);

    public static DateTimeOffset? FromMicroseconds(long? microseconds) => microseconds is { } value ? FromMicroseconds(value) : null;
}
