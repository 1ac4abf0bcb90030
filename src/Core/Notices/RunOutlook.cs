using Fanfare.Contracts;

namespace Fanfare.Core;

/// <summary>When a run is expected to end, by how long those before it took.</summary>
/// <param name="IsOver">Whether it has ended.</param>
/// <param name="Expected">Null where nothing is known.</param>
public sealed record RunOutlook(bool IsOver, DateTimeOffset? Expected)
{
    /// <summary>Share of a step's tasks that must have ended before their speed says anything.</summary>
    private const double TellingShare = 0.1;

    private static readonly TimeSpan _shortestWait = TimeSpan.FromSeconds(1);

    // What ended a moment ago is about to say so itself.
    private static readonly TimeSpan _patience = TimeSpan.FromMinutes(1);

    /// <summary>What is expected of a run that goes on: of the steps that are open now, each takes as long as it usually takes from its opening to the end of the run, and no less than what usually comes after it and its own tasks at their present speed; the longest of
    /// them counts. Medians, so that one strange run does not matter.</summary>
    /// <param name="steps">All openings of its steps.</param>
    public static RunOutlook Of(RunRow run, IReadOnlyList<StepRow> steps, RunHistory history, DateTimeOffset now)
    {
        if (run.EndedAt is not null) return new RunOutlook(IsOver: true, null);
        TimeSpan? longest = null;
        foreach (var step in steps)
        {
            if (step.EndedAt is not null || history.Of(step.Key.Step) is not { } usual) continue;
            var elapsed = now - step.OpenedAt;
            var ended = step.Succeeded + step.Failed + step.Cancelled;
            var own = ended > 0 && ended >= step.Total * TellingShare ? elapsed * ((double)(step.Total - ended) / ended) : TimeSpan.Zero;
            var left = Longer(usual.FromOpening - elapsed, usual.AfterEnd + own);
            longest = longest is { } known ? Longer(known, left) : left;
        }
        longest ??= history.Duration - (now - run.CreatedAt);
        return new RunOutlook(IsOver: false, longest is { } remaining ? now + Longer(remaining, TimeSpan.Zero) : null);
    }

    /// <summary>Whether it will not have ended by a time, or has not.</summary>
    public bool IsLate(DateTimeOffset now, DateTimeOffset deadline) => !IsOver && (now >= deadline || Expected > deadline);

    /// <summary>When to look again: what it has to spare cannot be used up before.</summary>
    public DateTimeOffset NextLook(DateTimeOffset now, DateTimeOffset from, DateTimeOffset deadline)
    {
        if (IsOver) return now + _patience;
        if (Expected is not { } expected) return deadline;
        var wait = Longer(deadline - expected, Longer((deadline - from) / 100, _shortestWait));
        return now + wait < deadline ? now + wait : deadline;
    }

    private static TimeSpan Longer(TimeSpan one, TimeSpan other) => one > other ? one : other;
}

/// <summary>How long runs of a flow took that succeeded.</summary>
public sealed class RunHistory
{
    /// <summary>Runs that are looked back at.</summary>
    public const int Runs = 20;

    private readonly Dictionary<string, StepHistory> _steps = [];

    /// <param name="past">Runs that have ended, each with all openings of its steps.</param>
    public RunHistory(IEnumerable<(RunRow Run, IReadOnlyList<StepRow> Steps)> past)
    {
        var durations = new List<TimeSpan>();
        var steps = new Dictionary<string, (List<TimeSpan> FromOpening, List<TimeSpan> AfterEnd)>();
        foreach (var (run, openings) in past)
        {
            if (run.EndedAt is not { } ended) continue;
            durations.Add(ended - run.CreatedAt);
            foreach (var step in openings.Where(opening => opening.EndedAt is not null).GroupBy(opening => opening.Key.Step))
            {
                if (!steps.TryGetValue(step.Key, out var times)) steps[step.Key] = times = ([], []);
                times.FromOpening.Add(ended - step.Min(opening => opening.OpenedAt));
                times.AfterEnd.Add(ended - step.Max(opening => opening.EndedAt!.Value));
            }
        }
        (Count, Duration) = (durations.Count, Median(durations));
        foreach (var (name, times) in steps) _steps[name] = new StepHistory(Median(times.FromOpening)!.Value, Median(times.AfterEnd)!.Value);
    }

    /// <summary>How many runs it is of.</summary>
    public int Count { get; }

    /// <summary>From the start of a run to its end; null where there was none.</summary>
    public TimeSpan? Duration { get; }

    /// <summary>Null for a step that none of the runs had.</summary>
    public StepHistory? Of(string step) => _steps.GetValueOrDefault(step);

    private static TimeSpan? Median(List<TimeSpan> times)
    {
        if (times.Count == 0) return null;
        times.Sort();
        return times[times.Count / 2];
    }
}

/// <param name="FromOpening">From the step's first opening to the end of the run.</param>
/// <param name="AfterEnd">From the end of its last opening to the end of the run.</param>
public sealed record StepHistory(TimeSpan FromOpening, TimeSpan AfterEnd);
