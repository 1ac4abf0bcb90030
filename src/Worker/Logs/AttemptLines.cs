using Fanfare.Contracts;
using Fanfare.Contracts.Api;

namespace Fanfare.Worker.Logs;

/// <summary>What the worker's log says of attempts.</summary>
internal static class AttemptLines
{
    /// <summary>"Attempt 0 of work[1] in run r …", in the words that the server's log has for it.</summary>
    /// <param name="what">How the sentence goes on, with its full stop.</param>
    public static void Of(this IWorkerLog log, LogSeverity level, Lease lease, string what)
    {
        if (log.TakesAttempts(level)) log.Write(level, lease, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"Attempt {lease.Attempt} of {lease.Name} in run {lease.Task.Run} {what}"));
    }

    /// <summary>It is told to end.</summary>
    public static void IsToEnd(this IWorkerLog log, TaskAssignment assignment) =>
        log.Of(LevelOf(assignment.Reason), assignment.Lease, $"is to end: {assignment.ReasonText.TrimEnd('.')}.");

    /// <summary>It is over.</summary>
    /// <param name="after">How long the worker had to do with it, from the first look at its inputs to the end of its uploads.</param>
    public static void Ended(this IWorkerLog log, TaskAssignment assignment, FinishedAttempt end, TimeSpan after)
    {
        var level = end.Outcome == AttemptOutcome.Lost ? LevelOf(assignment.Reason) : LogSeverity.Debug;
        if (!log.TakesAttempts(level)) return;
        var error = end.Error;
        var how = end.Outcome switch
        {
            AttemptOutcome.Succeeded => "succeeded",
            AttemptOutcome.Failed => "failed",
            AttemptOutcome.Cancelled => "was cancelled",
            _ => "was lost",
        };
        // The words of a failure may be pages of the task's output, and stand in the server's log.
        var why = error is null || end.Outcome == AttemptOutcome.Cancelled ? "."
            : end.Outcome == AttemptOutcome.Failed ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $": {error.Type}{(error.ExitCode is { } code ? $", exit code {code}" : "")}.")
            : $": {error.Type}. {error.Message}";
        log.Of(level, assignment.Lease, string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{how} after {after.TotalSeconds:0.###} s{why}"));
    }

    /// <summary>It was never started, and goes back to the server.</summary>
    public static void HandedBack(this IWorkerLog log, Lease lease, FinishedAttempt end)
    {
        var level = end switch
        {
            { Outcome: AttemptOutcome.Cancelled } => LogSeverity.Debug,
            { Error.Type: "lease_void" or "lease_expired" } => LogSeverity.Warning,
            _ => LogSeverity.Information,
        };
        log.Of(level, lease, $"was handed back before it was started: {end.Error!.Type}. {end.Error.Message}");
    }

    // A cancel is a person's doing, and a worker that leaves is one event, whatever it runs; a lease that is lost is trouble.
    private static LogSeverity LevelOf(StopReason? reason) => reason switch
    {
        StopReason.Cancelled => LogSeverity.Debug,
        StopReason.Shutdown or StopReason.Interrupted => LogSeverity.Information,
        _ => LogSeverity.Warning,
    };
}
