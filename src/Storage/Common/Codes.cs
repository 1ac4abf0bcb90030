using Fanfare.Contracts;
using TaskStatus = Fanfare.Contracts.TaskStatus;

namespace Fanfare.Storage.Common;

/// <summary>Statuses as the database keeps them. A code's meaning never changes, whatever becomes of the enums; the indexes and
/// CHECKs of the schema name some of them.</summary>
internal static class Codes
{
    private static readonly RunStatus[] _run =
    [
        RunStatus.Running, RunStatus.Paused, RunStatus.Cancelling, RunStatus.Failing, RunStatus.Finishing,
        RunStatus.Succeeded, RunStatus.Failed, RunStatus.Cancelled,
    ];

    private static readonly StepStatus[] _step = [StepStatus.Open, StepStatus.Paused, StepStatus.Succeeded, StepStatus.Failed, StepStatus.Cancelled];

    private static readonly TaskStatus[] _task =
    [
        TaskStatus.Waiting, TaskStatus.Running, TaskStatus.Backoff, TaskStatus.Succeeded, TaskStatus.Caught, TaskStatus.Skipped,
        TaskStatus.Failed, TaskStatus.Cancelled,
    ];

    private static readonly AttemptStatus[] _attempt =
        [AttemptStatus.Running, AttemptStatus.Succeeded, AttemptStatus.Failed, AttemptStatus.Lost, AttemptStatus.Cancelled];

    private static readonly EventKind[] _events = [EventKind.Event, EventKind.RunEnd];

    /// <summary>Of runs that have not ended, by their codes.</summary>
    public static IReadOnlyList<RunStatus> ActiveRuns { get; } = _run[..5];

    public static int Of(EventKind kind) => Find(_events, kind);

    public static EventKind Event(int code) => _events[code];

    public static int Of(RunStatus status) => Find(_run, status);

    public static int Of(StepStatus status) => Find(_step, status);

    public static int Of(TaskStatus status) => Find(_task, status);

    public static int Of(AttemptStatus status) => Find(_attempt, status);

    public static RunStatus Run(int code) => _run[code];

    public static StepStatus Step(int code) => _step[code];

    public static TaskStatus Task(int code) => _task[code];

    public static AttemptStatus Attempt(int code) => _attempt[code];

    private static int Find<T>(T[] codes, T status)
    {
        var code = Array.IndexOf(codes, status);
        return code >= 0 ? code : throw new ArgumentOutOfRangeException(nameof(status), status, "This status has no code in the database; give it one in Codes.cs.");
    }
}
