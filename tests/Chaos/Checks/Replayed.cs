namespace Fanfare.Chaos.Checks;

/// <summary>Whether what a replay says of a task is what its row says.</summary>
internal static class Replayed
{
    public static bool Agrees(string state, TaskStatus row) => row switch
    {
        TaskStatus.Succeeded or TaskStatus.Caught or TaskStatus.Skipped => state is "succeeded" or "caught" or "skipped",
        TaskStatus.Running => state == "running",
        TaskStatus.Failed => state == "failed",
        TaskStatus.Cancelled => state == "cancelled",
        // A task that waited when its step was cancelled keeps its row: cancelling a million waiting tasks writes one.
        _ => state is "waiting" or "backoff" or "cancelled",
    };
}
