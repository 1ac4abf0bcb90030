using System.Globalization;

namespace Fanfare.Gateway;

/// <summary>Reads a lease, or a task, from the query of the workers' routes.</summary>
internal static class LeaseQuery
{
    public static HeldLease Lease(HttpContext http) => new(Task(http), Q.Token.Read(http)!);

    public static TaskRef Task(HttpContext http)
    {
        var text = Q.LeaseTask.Read(http)!;
        var split = (int)Q.Split.Read(http)!.Value;
        return Parse(text) is { } stream
            ? new TaskRef(stream.Namespace, stream.Run, stream.Key, split)
            : throw ApiFault.Field(Q.LeaseTask.Name, "is not the stream of a step", "Give namespace/step/run/frames:key, as in the lease.");
    }

    public static string ArtifactName(HttpContext http)
    {
        var name = Q.ArtifactName.Read(http)!;
        return IsArtifactName(name)
            ? name
            : throw ApiFault.Field(Q.ArtifactName.Name, "is not a relative path", "Give segments separated by '/', without '.', '..', '\\' and empty ones.");
    }

    /// <summary>The lease's attempt, when it is the task's current one.</summary>
    /// <exception cref="ApiFault">The lease is void.</exception>
    public static async Task<int> CheckAsync(IScheduler scheduler, HeldLease lease, CancellationToken cancellationToken) =>
        await scheduler.CheckLeaseAsync(lease, cancellationToken)
        ?? throw new ApiFault(ErrorCodes.StaleLease, "The token is not that of the task's current lease; the attempt was lost, replaced or settled.");

    // The number of frames sizes an array, so it is bounded before the key is read.
    private static (string Namespace, string Run, StepKey Key)? Parse(string text)
    {
        var parts = text.Split('/', 4);
        if (parts is not [var ns, "step", var run, var rest] || !Names.IsValid(ns) || !RunIds.IsPossible(run)) return null;
        var colon = rest.IndexOf(':', StringComparison.Ordinal);
        return colon > 0
            && int.TryParse(rest.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var frames)
            && frames <= Limits.MaxNesting + 1
            && StepKey.TryParse(rest[(colon + 1)..], frames, out var key)
            && key.Loops.Length == frames
            ? (ns, run, key)
            : null;
    }

    internal static bool IsArtifactName(string name) =>
        !name.Contains('\\', StringComparison.Ordinal) && name.Split('/').All(s => s.Length is > 0 and <= 255 && s is not ("." or ".."));
}
