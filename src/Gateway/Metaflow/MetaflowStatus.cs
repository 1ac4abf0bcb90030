namespace Fanfare.Gateway;

/// <summary>Whether a run goes on, as Metaflow's own service and UI reckon it: by what the last step says, and without that by the run's heartbeat.</summary>
internal static class MetaflowStatus
{
    private const string Running = "running", Completed = "completed", Failed = "failed";

    public static readonly IReadOnlyCollection<string> All = [Running, Completed, Failed];

    /// <summary>A run that has been silent for so long is taken for failed.</summary>
    private static readonly TimeSpan _longestSilence = TimeSpan.FromMinutes(6);

    /// <summary>Texts that PostgreSQL takes for true; whoever writes the field may be of any release.</summary>
    private static readonly HashSet<string> _true = new(["true", "t", "yes", "y", "on", "1"], StringComparer.OrdinalIgnoreCase);

    public static string Of(MetaflowRun run, DateTimeOffset now)
    {
        if (run.End is { Ok: { } ok } end)
        {
            if (_true.Contains(ok)) return Completed;
            return end.AttemptMs > end.OkMs ? Running : Failed;
        }
        return run.HeartbeatS is { } beat && (now - DateTimeOffset.FromUnixTimeSeconds(beat)).Duration() <= _longestSilence ? Running : Failed;
    }
}
