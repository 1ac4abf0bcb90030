using System.Globalization;
using System.Text;
using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>When a schedule is due: a pure function of its spec, which answers the same on every node.</summary>
public sealed class Timetable
{
    private const int MostParallel = 10_000;
    private const int MostQueue = 10_000;
    private static readonly TimeSpan LeastEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan MostJitter = TimeSpan.FromDays(1);

    private readonly ScheduleSpec _spec;

    /// <summary>Null for an interval.</summary>
    private readonly CronClock? _clock;

    private Timetable(ScheduleSpec spec, CronClock? clock) => (_spec, _clock) = (spec, clock);

    /// <summary>Checks what a spec says of times.</summary>
    /// <param name="errors">All of them, with paths that are relative to the schedule, such as <c>cron</c>; empty when there are none.</param>
    /// <returns>Null when there are errors.</returns>
    public static Timetable? Compile(ScheduleSpec spec, out IReadOnlyList<SpecError> errors)
    {
        var found = new List<SpecError>();
        errors = found;
        void Error(string path, string message, string remedy) => found.Add(new SpecError(0, 0, path, message, remedy));

        CronExpression? cron = null;
        if (spec.Cron is { } text)
        {
            cron = CronExpression.Parse(text, spec.Dialect, out var wrong);
            if (wrong is not null) found.Add(wrong);
            if (spec.Every is not null) Error("every", "A schedule has either 'cron' or 'every', and this one has both.", "Take one of them out.");
        }
        else if (spec.Every is { } every)
        {
            if (every < LeastEvery) Error("every", $"The interval is {Seconds(every)} s; the least is 1 s.", "Write a longer one.");
        }
        else
        {
            Error("cron", "Nothing says when the schedule is due.", "Write 'cron' (as '30 6 * * *') or 'every' (as '10m').");
        }

        var zone = ZoneNames.Find(spec.TimeZone, out var suggestion);
        if (zone is null) Error("timezone", $"There is no time zone '{spec.TimeZone}'.", suggestion is null ? "Write a name of the IANA database, as 'UTC' or 'Europe/Berlin'." : $"Did you mean '{suggestion}'?");
        if (spec.End <= spec.Start) Error("end", "The schedule ends before it starts, or when it does.", "Set 'end' after 'start', or leave one out.");
        if (spec.Jitter < TimeSpan.Zero || spec.Jitter > MostJitter) Error("jitter", $"The jitter is {Seconds(spec.Jitter)} s, which is not within 0 s and 1 day.", "Write one within them.");
        if (spec.Missed == MissedKind.Within && !(spec.MissedWithin > TimeSpan.Zero)) Error("missed", "Nothing says within what time missed starts are made up for.", "Write a time above 0, as '6h'.");
        if (spec.Missed != MissedKind.Within && spec.MissedWithin is not null) Error("missed", "A time within which missed starts are made up for is given, and they are not chosen by time.", "Leave the time out, or choose by it.");
        if (spec.Parallel is < 1 or > MostParallel) Error("parallel", $"{spec.Parallel} runs at a time are not within 1 to {MostParallel}.", "Write a number within them.");
        if (spec.Queue is < 1 or > MostQueue) Error("queue", $"{spec.Queue} times that may wait are not within 1 to {MostQueue}.", "Write a number within them.");
        if (found.Count > 0) return null;
        return new Timetable(spec, cron is null ? null : new CronClock(cron, zone!, spec.Gap, spec.Repeat));
    }

    /// <summary>The first time after another at which the schedule is due, in UTC; null when none comes. Not before its start, nor at or after its end.</summary>
    public DateTimeOffset? Next(DateTimeOffset after)
    {
        DateTimeOffset? next;
        if (_clock is null)
        {
            // The interval that 'after' lies in may have begun before the schedule starts, whose first time is its start.
            next = AfterRounds(after < _spec.Start ? 0 : Rounds(after, down: true) + 1);
        }
        else
        {
            var from = after.ToUnixTimeSeconds() + 1;
            if (_spec.Start is { } start) from = Math.Max(from, SecondFrom(start));
            next = At(_clock.NextFrom(from));
        }
        return next >= _spec.End ? null : next;
    }

    /// <summary>The last time before another at which the schedule was due, in UTC; null when there was none. It goes back behind the schedule's start, as if
    /// there had been none, so that its first run has an interval like all others; not to times at or after its end.</summary>
    public DateTimeOffset? Previous(DateTimeOffset before)
    {
        if (_spec.End < before) before = _spec.End.Value;
        return _clock is null ? AfterRounds(Rounds(before, down: false) - 1) : At(_clock.PreviousFrom(SecondFrom(before) - 1));
    }

    /// <summary>What the run is about that is due at a time: from the time before it.</summary>
    public DataInterval IntervalOf(DateTimeOffset time) => new(Previous(time) ?? _spec.Start ?? time, time);

    /// <summary>By how much a start is put off: from zero to below the schedule's jitter, in whole milliseconds. It follows from the arguments alone, on
    /// every node and in every release: journals hold times that were made with it.</summary>
    /// <param name="stream">Stream of the entity that the schedule is of, so that schedules of the same time part.</param>
    public TimeSpan JitterOf(string stream, DateTimeOffset time)
    {
        // FNV-1a of 64 bits (Fowler, Noll, Vo), since the runtime's hash of a text differs from process to process.
        var hash = 0xCBF29CE484222325UL;
        foreach (var octet in Encoding.UTF8.GetBytes(stream)) hash = (hash ^ octet) * 0x100000001B3UL;
        var mixed = Backoff.Mix(hash ^ (ulong)time.UtcTicks, 0);
        // The upper half of the product is a fraction of the jitter, without the rounding of floating point.
        var ticks = (long)Math.BigMul(mixed, (ulong)_spec.Jitter.Ticks, out _);
        return TimeSpan.FromTicks(ticks - (ticks % TimeSpan.TicksPerMillisecond));
    }

    private long Anchor => (_spec.Start ?? DateTimeOffset.UnixEpoch).UtcTicks;

    /// <summary>Whole intervals from the anchor to a time, rounded down or up.</summary>
    private Int128 Rounds(DateTimeOffset time, bool down)
    {
        Int128 elapsed = time.UtcTicks - Anchor, every = _spec.Every!.Value.Ticks;
        var (rounds, rest) = (elapsed / every, elapsed % every);
        if (down && rest < 0) rounds--;
        if (!down && rest > 0) rounds++;
        return rounds;
    }

    private DateTimeOffset? AfterRounds(Int128 rounds)
    {
        var ticks = Anchor + (rounds * _spec.Every!.Value.Ticks);
        return ticks < 0 || ticks > DateTimeOffset.MaxValue.Ticks ? null : new DateTimeOffset((long)ticks, TimeSpan.Zero);
    }

    private static DateTimeOffset? At(long? second) => second is { } s ? DateTimeOffset.FromUnixTimeSeconds(s) : null;

    /// <summary>The first whole second at or after a time.</summary>
    private static long SecondFrom(DateTimeOffset time) => time.ToUnixTimeSeconds() + (time.UtcTicks % TimeSpan.TicksPerSecond == 0 ? 0 : 1);

    private static string Seconds(TimeSpan time) => time.TotalSeconds.ToString(CultureInfo.InvariantCulture);
}
