namespace Fanfare.Contracts;

/// <summary>Of which outcomes of a flow whom to tell, and in what words.</summary>
public sealed record NotifySpec
{
    /// <summary>Of what; at least one.</summary>
    public required IReadOnlyList<NoticeKind> On { get; init; }

    /// <summary>Names of the server's receivers; at least one. Each is told on its own.</summary>
    public required IReadOnlyList<string> To { get; init; }

    /// <summary>With <see cref="NoticeKind.Late"/>: how long after its start, or after the end of its schedule's interval, a run is to have ended.</summary>
    public TimeSpan? Within { get; init; }

    /// <summary>Template of the title, in Liquid; null for the receiver's.</summary>
    public string? Title { get; init; }

    /// <summary>Template of the text, in Liquid; null for the receiver's.</summary>
    public string? Text { get; init; }
}

/// <summary>What somebody is told of.</summary>
public enum NoticeKind
{
    /// <summary>A run has succeeded.</summary>
    Succeeded,

    /// <summary>A run has failed.</summary>
    Failed,

    /// <summary>A run was cancelled.</summary>
    Cancelled,

    /// <summary>A run will not have ended in time, or has not.</summary>
    Late,

    /// <summary>An interval of a schedule has had no run, and will not have one by itself.</summary>
    Skipped,
}
