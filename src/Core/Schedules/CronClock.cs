using Fanfare.Contracts;
using NodaTime;
using NodaTime.TimeZones;

namespace Fanfare.Core;

/// <summary>Brings the local times of an expression to the points in time at which they are due, across changes of the zone's offset. Points in time are seconds since 1970 in UTC.
/// It goes by stretches of one offset: within a stretch local and universal time run alike, and only where two of them meet is there a gap or a repeat.</summary>
internal sealed class CronClock
{
    /// <summary>More than any zone is away from UTC, and than any local time comes twice.</summary>
    private const long Margin = 48 * 3600;

    /// <summary>The calendar and the zones' rules have come round by then: an expression whose times all fall into gaps that are skipped is not sought for ever.</summary>
    private const long Horizon = 401L * 366 * 86_400;

    private readonly CronExpression _cron;
    private readonly DateTimeZone _zone;
    private readonly CronGap _gap;
    private readonly CronRepeat _repeat;

    public CronClock(CronExpression cron, DateTimeZone zone, CronGap gap, CronRepeat? repeat)
    {
        (_cron, _zone, _gap) = (cron, zone, gap);
        _repeat = repeat ?? (cron.NamesEveryHour ? CronRepeat.Both : CronRepeat.First);
    }

    /// <summary>Nothing is due before this, nor after <see cref="Latest"/>: their local times are in the expression's calendar in every zone.</summary>
    public static long Earliest { get; } = new DateTimeOffset(1900, 1, 2, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();

    public static long Latest { get; } = new DateTimeOffset(9998, 12, 30, 0, 0, 0, TimeSpan.Zero).ToUnixTimeSeconds();

    /// <summary>The first that is due at or after a point in time.</summary>
    public long? NextFrom(long from)
    {
        from = Math.Max(from, Earliest);
        var last = Math.Min(Latest, from + Horizon);
        while (from <= last)
        {
            var stretch = new Stretch(_zone, from);
            if (stretch.Start >= from && IsDueAfterGap(stretch)) return stretch.Start;

            var (lowest, beyond) = Mine(stretch);
            var local = Math.Max(Math.Max(from, stretch.Start) + stretch.Offset, lowest);
            var next = _cron.NextFrom(local);
            if (next < beyond) return next - stretch.Offset is var due && due <= Latest ? due : null;
            // What the expression names next lies far ahead, or nowhere: no need to look at each stretch until then. Only close to the
            // end of this one may local time go back behind where the search began.
            if (local > stretch.LocalEnd - Margin) from = stretch.End;
            else if (next is null) return null;
            else from = Math.Max(stretch.End, next.Value - Margin);
        }
        return null;
    }

    /// <summary>The last that is due at or before a point in time.</summary>
    public long? PreviousFrom(long to)
    {
        to = Math.Min(to, Latest);
        var first = Math.Max(Earliest, to - Horizon);
        while (to >= first)
        {
            var stretch = new Stretch(_zone, to);
            var (lowest, beyond) = Mine(stretch);
            var local = Math.Min(Math.Min(to, stretch.End - 1) + stretch.Offset, beyond - 1);
            var previous = _cron.PreviousFrom(local);
            if (previous >= lowest) return previous - stretch.Offset is var due && due >= Earliest ? due : null;
            if (IsDueAfterGap(stretch)) return stretch.Start;
            if (local < stretch.LocalStart + Margin) to = stretch.Start - 1;
            else if (previous is null) return null;
            else to = Math.Min(stretch.Start - 1, previous.Value + Margin);
        }
        return null;
    }

    /// <summary>The local times that are due in this stretch; of those that it has in common with a neighbour, only if they are this one's.</summary>
    private (long Lowest, long Beyond) Mine(Stretch stretch)
    {
        var lowest = stretch.LocalStart;
        var beyond = stretch.LocalEnd;
        if (_repeat == CronRepeat.First && stretch.Before is { } before) lowest = Math.Max(lowest, stretch.Start + before);
        if (_repeat == CronRepeat.Second && stretch.After is { } after) beyond = Math.Min(beyond, stretch.End + after);
        return (lowest, beyond);
    }

    private bool IsDueAfterGap(Stretch stretch) =>
        _gap == CronGap.After && stretch.Before is { } before && before < stretch.Offset && _cron.NextFrom(stretch.Start + before) < stretch.LocalStart;

    /// <summary>A stretch of one offset, in seconds. What has no start or end has one far beyond what is looked at.</summary>
    private readonly struct Stretch
    {
        private const long Forever = long.MaxValue / 4;
        private readonly DateTimeZone _zone;
        private readonly bool _hasStart;
        private readonly bool _hasEnd;

        public Stretch(DateTimeZone zone, long at)
        {
            _zone = zone;
            var interval = zone.GetZoneInterval(Instant.FromUnixTimeSeconds(at));
            (_hasStart, _hasEnd) = (interval.HasStart, interval.HasEnd);
            Offset = interval.WallOffset.Seconds;
            Start = _hasStart ? interval.Start.ToUnixTimeSeconds() : -Forever;
            End = _hasEnd ? interval.End.ToUnixTimeSeconds() : Forever;
        }

        public long Offset { get; }

        public long Start { get; }

        /// <summary>The first point in time that is no longer in it.</summary>
        public long End { get; }

        public long LocalStart => Start + Offset;

        public long LocalEnd => End + Offset;

        /// <summary>The offset before; null when it was always this one.</summary>
        public long? Before => _hasStart ? OffsetAt(Start - 1) : null;

        public long? After => _hasEnd ? OffsetAt(End) : null;

        private long OffsetAt(long at) => _zone.GetUtcOffset(Instant.FromUnixTimeSeconds(at)).Seconds;
    }
}
