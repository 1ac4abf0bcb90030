using Fanfare.Contracts;

namespace Fanfare.Storage.Common;

/// <summary>The bounds of numbers in events, which the types do not have. The engine keeps to them; what lies beyond was damaged, and
/// would cost it time and memory without end.</summary>
internal static class EventBounds
{
    /// <summary>What is out of bounds, as a sentence; null when nothing is.</summary>
    public static string? Finding(Event e) => e switch
    {
        SplitsArrived arrived => Of(0, 0, 0, arrived.Items),
        ForeachOpened opened => Of(opened.OpenerSplit, 0, opened.Count, opened.Items),
        MembersArrived arrived => Of(arrived.Split, 0, 0, arrived.Items),
        MembersExpected expected => Of(expected.Split, 0, expected.Count, expected.Items),
        TaskLeased leased => Of(leased.Split, leased.Attempt, 0, null),
        TaskSucceeded succeeded => Of(succeeded.Split, succeeded.Attempt, succeeded.Count, succeeded.Items) ?? NoNulls("artifacts", succeeded.Artifacts),
        // A task that never started ends as attempt -1.
        TaskFailed failed => Of(failed.Split, failed.Attempt + 1, 0, null),
        TaskCancelled cancelled => Of(cancelled.Split, cancelled.Attempt + 1, 0, null),
        TaskLost lost => Of(lost.Split, lost.Attempt, 0, null),
        TaskKillRequested killed => Of(killed.Split, killed.Attempt, 0, null),
        TaskRetried retried => Of(retried.Split, 0, 0, null),
        TaskSkipped skipped => Of(skipped.Split, 0, skipped.Count, skipped.Items),
        ResultRefused => null,
        StepCancelled { Split: { } split } => Of(split, 0, 0, null),
        StepRetried retried => NoNulls("reset", retried.Reset),
        RunStarted started => NoNulls("tags", started.Tags),
        _ => null,
    };

    private static string? Of(int split, int attempt, int count, ForeachItems? items)
    {
        if (split is < 0 or >= Limits.Splits) return $"there is no split {split}.";
        if (attempt < 0) return "an attempt's number is negative.";
        if (count is < 0 or > Limits.Splits) return $"{count} is no number of splits.";
        return items is FileItems { LinesPerChunk: < 1 } ? "a file's chunks have no lines." : null;
    }

    private static string? NoNulls<T>(string member, IReadOnlyList<T>? list)
        where T : class => list?.Any(item => item is null) == true ? $"'{member}' holds a null." : null;
}
