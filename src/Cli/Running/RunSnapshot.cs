namespace Fanfare.Cli.Running;

/// <summary>All openings of one step, together.</summary>
internal sealed record StepProgress(
    string Step, StepStatus Status, int Openings, int Total, int Waiting, int Running, int Backoff, int Succeeded, int Failed, int Cancelled,
    DateTimeOffset OpenedAt, DateTimeOffset? EndedAt)
{
    public int Done => Succeeded + Failed + Cancelled;

    public static IReadOnlyList<StepProgress> Of(IEnumerable<StepView> openings) =>
        [.. openings.GroupBy(o => o.Step).Select(g => new StepProgress(
            g.Key, Together([.. g.Select(o => o.Status)]), g.Count(), g.Sum(o => o.Total), g.Sum(o => o.Waiting), g.Sum(o => o.Running), g.Sum(o => o.Backoff),
            g.Sum(o => o.Succeeded), g.Sum(o => o.Failed), g.Sum(o => o.Cancelled), g.Min(o => o.OpenedAt),
            g.All(o => o.EndedAt is not null) ? g.Max(o => o.EndedAt) : null))];

    private static StepStatus Together(IReadOnlyCollection<StepStatus> statuses)
    {
        // The first of these that any opening is in: what is under way, then the worst outcome.
        foreach (var status in (StepStatus[])[StepStatus.Open, StepStatus.Paused, StepStatus.Failed, StepStatus.Cancelled])
            if (statuses.Contains(status)) return status;
        return StepStatus.Succeeded;
    }
}

/// <summary>A run as it was at one moment.</summary>
internal sealed record RunSnapshot(RunView Run, IReadOnlyList<StepView> Openings)
{
    public IReadOnlyList<StepProgress> Steps { get; } = StepProgress.Of(Openings);

    public TimeSpan Elapsed(DateTimeOffset now) => (Run.EndedAt ?? now) - Run.CreatedAt;
}
