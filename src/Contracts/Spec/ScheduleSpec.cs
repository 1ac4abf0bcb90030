namespace Fanfare.Contracts;

/// <summary>When a flow starts by itself, and what is done when a time was missed or the run before still goes on. Exactly one of <see cref="Cron"/> and <see cref="Every"/> is set.</summary>
public sealed record ScheduleSpec
{
    /// <summary>Unique in its flow.</summary>
    public required string Name { get; init; }

    /// <summary>An expression of <see cref="Dialect"/>, without the alias or the wrapper that its author may have written.</summary>
    public string? Cron { get; init; }

    public CronDialect Dialect { get; init; }

    /// <summary>Elapsed time from one start to the next, counted from <see cref="Start"/>, or from 1970-01-01T00:00:00Z without one. At least 1 s.</summary>
    public TimeSpan? Every { get; init; }

    /// <summary>Name in the IANA database of time zones; the fields of <see cref="Cron"/> are local time there.</summary>
    public string TimeZone { get; init; } = "UTC";

    /// <summary>What becomes of a local time that the clock jumps over in spring.</summary>
    public CronGap Gap { get; init; } = CronGap.After;

    /// <summary>What becomes of a local time that the clock shows twice in autumn; null: both when the expression names every hour, else the first.</summary>
    public CronRepeat? Repeat { get; init; }

    /// <summary>Nothing is due before this.</summary>
    public DateTimeOffset? Start { get; init; }

    /// <summary>Nothing is due at or after this.</summary>
    public DateTimeOffset? End { get; init; }

    /// <summary>Each start is put off by a part of this, which follows from the schedule's name and the time and is the same whenever it is asked for.</summary>
    public TimeSpan Jitter { get; init; }

    /// <summary>What is done about times that passed while nobody could start a run.</summary>
    public MissedKind Missed { get; init; } = MissedKind.Last;

    /// <summary>With <see cref="MissedKind.Within"/>: how long ago a time may be.</summary>
    public TimeSpan? MissedWithin { get; init; }

    /// <summary>What is done at a time at which <see cref="Parallel"/> runs of the schedule still go on.</summary>
    public OverlapPolicy Overlap { get; init; } = OverlapPolicy.QueueOne;

    /// <summary>Runs of the schedule that may go on at a time. Default: 1.</summary>
    public int Parallel { get; init; } = 1;

    /// <summary>With <see cref="OverlapPolicy.QueueAll"/>: times that may wait; a further one is skipped. Default: 100.</summary>
    public int Queue { get; init; } = 100;

    /// <summary>JSON object of the parameters that its runs are given.</summary>
    public string Parameters { get; init; } = "{}";

    /// <summary>Parameter that is given the start of the run's data interval, as RFC 3339 in UTC; null for none.</summary>
    public string? IntervalStart { get; init; }

    /// <summary>Parameter that is given the end of the run's data interval, the time for which it was started; null for none.</summary>
    public string? IntervalEnd { get; init; }

    /// <summary>Of its runs. -100 to 100, default 0.</summary>
    public int Priority { get; init; }

    /// <summary>Tags of its runs, beside those of the flow.</summary>
    public IReadOnlyList<string> Tags { get; init; } = [];
}

/// <summary>How a cron expression is written.</summary>
public enum CronDialect
{
    /// <summary>Minute, hour, day of month, month, day of week (0 or 7 is Sunday). When both days are restricted, either will do.</summary>
    Unix,

    /// <summary>AWS EventBridge: minute, hour, day of month, month, day of week (1 is Sunday), year; one of the days is <c>?</c>.</summary>
    EventBridge,

    /// <summary>Quartz: second, minute, hour, day of month, month, day of week (1 is Sunday), and a year that may be left out; one of the days is <c>?</c>.</summary>
    Quartz,
}

public enum CronGap
{
    /// <summary>It is due when the gap is over; together with others of the same moment, once.</summary>
    After,
    Skip,
}

public enum CronRepeat
{
    First,
    Second,
    Both,
}

public enum MissedKind
{
    /// <summary>They are left out.</summary>
    None,

    /// <summary>The last of them is made up for.</summary>
    Last,

    /// <summary>All are made up for, oldest first.</summary>
    All,

    /// <summary>Those of the last <see cref="ScheduleSpec.MissedWithin"/> are made up for, oldest first.</summary>
    Within,
}

public enum OverlapPolicy
{
    /// <summary>The run starts all the same, however many go on.</summary>
    Allow,

    /// <summary>The time is left out.</summary>
    Skip,

    /// <summary>The newest time waits for a run to end; an older one that waits is left out.</summary>
    QueueOne,

    /// <summary>All wait, oldest first.</summary>
    QueueAll,

    /// <summary>The oldest run is cancelled, and the newest time waits for its end.</summary>
    Cancel,

    /// <summary>As <see cref="Cancel"/>, without steps of on_failure and finally.</summary>
    Terminate,
}
