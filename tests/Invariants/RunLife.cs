using Fanfare.Contracts;

namespace Fanfare.Invariants;

/// <summary>What the history says of one run so far.</summary>
public sealed class RunLife
{
    public RunStarted? Started { get; set; }

    public FlowSpec Spec { get; set; } = new() { Name = "none", Steps = [] };

    public RunEnded? Ended { get; set; }

    public DateTimeOffset EndedAt { get; set; }

    public int Generation { get; set; }

    public bool CancelRequested { get; set; }

    public DateTimeOffset? CancelledAt { get; set; }

    public bool Paused { get; set; }

    /// <summary>Somebody was told that the run is paused, and it has been since.</summary>
    public bool PauseAnswered { get; set; }

    /// <summary>How often it was resumed or retried.</summary>
    public int Resumes { get; set; }

    /// <summary>An operator did something that may change the outcome.</summary>
    public bool Interfered { get; set; }

    public bool Skipped { get; set; }

    public List<(int Generation, string Step)> Handlers { get; } = [];
}
