namespace Fanfare.Contracts;

/// <summary>The run's first event.</summary>
/// <param name="Parameters">JSON object of all parameters, defaults filled in.</param>
/// <param name="Cause">Null for one that somebody started.</param>
public sealed record RunStarted(
    string Flow, int Deployment, string Parameters, IReadOnlyList<string> Tags, int Priority, string? IdempotencyKey, RunCause? Cause = null) : Event;

/// <summary>A step that was cancelled has nothing running any more.</summary>
/// <param name="Cancels">How many cancels the step has had in its life. One that was sent since is still awaited.</param>
public sealed record StepReported(StepKey Step, int FailedTasks, int CancelledTasks, int Cancels) : ReceivedEvent;

/// <summary>Steps that another step (or the run itself) is about to open. The run keeps count of them, so that it can
/// reach each for a cancel and knows when nothing is left.</summary>
/// <param name="Halted">True when they may open paused, so each has to be told what holds now.</param>
public sealed record StepsAnnounced(IReadOnlyList<StepKey> Steps, bool? Halted = null) : ReceivedEvent;

/// <summary>A step that was told to pause starts nothing more, and every opening that it announced before is known.</summary>
/// <param name="Pauses">How many pauses the step has been told of in its life. One that was sent since is still awaited.</param>
public sealed record StepPauseReported(StepKey Step, int Pauses) : ReceivedEvent;

/// <summary>A task failed for good where no catch and no join tolerates it.</summary>
public sealed record RunFailureSeen(StepKey Step, int Split, TaskError Error) : ReceivedEvent;

/// <summary>A last step of the flow is done.</summary>
public sealed record RunEndReached(StepKey Step) : ReceivedEvent;

/// <summary>A join with policy <c>any</c> has what it needs: what still runs in its split is cancelled.</summary>
/// <param name="Opener">The step that opened the split.</param>
public sealed record RunScopeCancelled(StepKey Opener, int Split) : ReceivedEvent;

public sealed record RunPaused : Event;

public sealed record RunResumed : Event;

public sealed record RunCancelRequested(string Reason) : Event;

public sealed record RunTimedOut : Event;

/// <summary>A step of <c>on_failure</c> or <c>finally</c> was started.</summary>
public sealed record RunHandlerStarted(StepKey Step) : Event;

/// <param name="Announced">True when somebody listened for it: then an event tells of it. Null otherwise.</param>
public sealed record RunEnded(RunStatus Status, TaskError? Error, bool? Announced = null) : Event;

/// <summary>An operator reopened a run that had failed or was cancelled: its unsuccessful tasks run again, or, with
/// <paramref name="FromStep"/>, that step and all after it. Opens a new generation of the run.</summary>
public sealed record RunRetried(int Generation, string? FromStep) : Event;

public enum RunStatus
{
    Running,
    Paused,

    /// <summary>Being cancelled: waits for what runs to end.</summary>
    Cancelling,

    /// <summary>Failed: waits for what runs to end, then runs on_failure and finally.</summary>
    Failing,

    /// <summary>The last step is done: waits for what is left, then runs finally.</summary>
    Finishing,
    Succeeded,
    Failed,
    Cancelled,
}

public static class RunStatuses
{
    public static bool IsTerminal(this RunStatus status) => status is RunStatus.Succeeded or RunStatus.Failed or RunStatus.Cancelled;
}
