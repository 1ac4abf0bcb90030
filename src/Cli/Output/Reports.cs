using Fanfare.Cli.Api;

namespace Fanfare.Cli.Output;

// What commands put out under --json where the API has no such document.

/// <summary>A command that changes something, and what it left.</summary>
internal sealed record CommandOutcome(string Run, string Command, RunStatus? Status = null, string? Task = null, string? Page = null);

/// <summary><c>fanfare version</c>.</summary>
/// <param name="Server">Null when none answers.</param>
internal sealed record VersionReport(string Version, string Runtime, Uri ServerUrl, VersionView? Server);

/// <summary><c>fanfare show</c>.</summary>
internal sealed record RunDetails(RunView Run, IReadOnlyList<StepView> Steps, IReadOnlyList<TaskView> FailedTasks);

/// <summary>A line of <c>fanfare logs</c>.</summary>
internal sealed record TaskLogLine(string Task, DateTimeOffset At, string Stream, string Text);

/// <summary>A failure under <c>--json</c>, on standard error.</summary>
internal sealed record ErrorReport(string Error, string? Detail, string? Remedy, string? Page, IReadOnlyList<FieldError> Errors, int ExitCode)
{
    public static ErrorReport Of(Problem problem, int exitCode) =>
        new(problem.Title, problem.Detail, null, problem.Type, problem.Errors, exitCode);
}

/// <summary><c>fanfare validate</c>.</summary>
internal sealed record ValidationReport(string File, bool Valid, IReadOnlyList<SpecError> Errors);

/// <summary><c>fanfare receiver check</c>.</summary>
internal sealed record ReceiversReport(string File, IReadOnlyList<ReceiverReport> Receivers);

internal sealed record ReceiverReport(string Name, string Kind);

/// <summary><c>fanfare receiver test</c>.</summary>
/// <param name="Reason">Empty when it arrived.</param>
/// <param name="AfterS">Seconds that the receiver asked to wait.</param>
internal sealed record ReceiverTestReport(string Receiver, NoticeOutcome Outcome, string Reason, double? AfterS);

/// <summary><c>fanfare serve</c>, once it answers requests.</summary>
/// <param name="Blobs">Null when they are in the data directory.</param>
internal sealed record ServingReport(Uri Url, string DataDirectory, string? Blobs, int ProcessId);

internal sealed record DatabaseReport(string Database, int SchemaVersion, int KnownVersion);
