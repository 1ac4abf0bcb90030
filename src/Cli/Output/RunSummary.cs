using Fanfare.Cli.Api;
using Fanfare.Cli.Running;

namespace Fanfare.Cli.Output;

/// <summary>The end of a run, for people.</summary>
internal static class RunSummary
{
    private const int OutputChars = 2000;

    public static void Write(Screen screen, RunReport report, DateTimeOffset now)
    {
        var run = report.Run;
        var took = (run.EndedAt ?? now) - run.CreatedAt;
        screen.Say("");
        screen.SayMarkup($"Run [bold]{Screen.Escape(run.Run)}[/] {Paint.Status(run.Status)} after {Words.Duration(took)}: {Tasks(report.Steps)}");
        if (run.Error is { } error)
            foreach (var line in error.Message.Trim().Split('\n')) screen.Say($"  {Words.Printable(line.TrimEnd('\r'))}");
        Failures(screen, report);
        if (report.Outputs is { } outputs)
        {
            screen.Say($"Outputs of {report.OutputsOf}:");
            var json = ApiJson.Show(outputs);
            screen.Say("  " + (json.Length > OutputChars ? json[..OutputChars] + "\n…" : json).Replace("\n", "\n  ", StringComparison.Ordinal));
        }
        if (report.Artifacts.Count > 0)
        {
            screen.Say("Artifacts:");
            foreach (var artifact in report.Artifacts)
                screen.Say($"  {Words.Printable(artifact.Name)} ({Words.Bytes(artifact.Bytes)}, {artifact.Task})  {artifact.File ?? artifact.Url}");
        }
        screen.Say($"See {report.Url}");
    }

    public static void Failures(Screen screen, RunReport report)
    {
        if (report.FailedTasks.Count == 0) return;
        var failed = report.Steps.Sum(s => s.Failed);
        screen.SayMarkup($"[red]Failed {(failed == 1 ? "task" : "tasks")}:[/]");
        foreach (var task in report.FailedTasks)
        {
            screen.SayMarkup($"  [bold]{Screen.Escape(task.Task)}[/] {Screen.Escape(Words.Brief(task.Error?.Message ?? "no reason was given", 200))}");
            screen.SayMarkup($"    [dim]fanfare logs {Screen.Escape(report.Run.Run)} {Screen.Escape(Shell(task.Task))}[/]");
        }
        if (failed > report.FailedTasks.Count) screen.Say($"  and {failed - report.FailedTasks.Count} more");
        if (report.Run.Status == RunStatus.Failed)
            screen.SayMarkup($"  [dim]After a correction: fanfare retry {Screen.Escape(report.Run.Run)} (what succeeded is not run again)[/]");
    }

    // Brackets are globs to a shell.
    private static string Shell(string task) => task.Contains('[', StringComparison.Ordinal) ? $"'{task}'" : task;

    private static string Tasks(IReadOnlyList<StepView> steps)
    {
        var parts = new List<string> { $"{Words.Count(steps.Select(s => s.Step).Distinct().Count(), "step")}, {Words.Count(steps.Sum(s => s.Total), "task")}" };
        if (steps.Sum(s => s.Failed) is > 0 and var failed) parts.Add($"{failed} failed");
        if (steps.Sum(s => s.Cancelled) is > 0 and var cancelled) parts.Add($"{cancelled} cancelled");
        return string.Join(", ", parts);
    }
}
