using System.CommandLine;
using Fanfare.Cli.Output;
using Fanfare.Cli.Running;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare show</c>: a run with its steps and what failed in it.</summary>
internal static class ShowCommand
{
    private const int FailedShown = 20;

    public static Command Create(GlobalOptions global)
    {
        var run = Arguments.Run(global);
        var command = new Command("show", "Show a run: its steps, counts, times, and the tasks that failed") { run };
        ExampleHelp.Add(command, "fanfare show last", "fanfare show RUN --json");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var id = await Arguments.RunIdAsync(session, parsed.GetRequiredValue(run), cancel);
            var view = await session.Api.GetRunAsync(id, cancel);
            var steps = await session.Api.ListStepsAsync(id, cancel);
            var failed = steps.Any(s => s.Failed > 0)
                ? (await session.Api.ListTasksAsync(id, null, TaskStatus.Failed, FailedShown, null, cancel)).Items
                : [];
            if (session.Screen.Json) session.Screen.WriteJson(new RunDetails(view, steps, failed));
            else Write(session, view, steps, failed);
            return ExitCode.Success;
        });
    }

    private static void Write(Session session, RunView run, IReadOnlyList<StepView> steps, IReadOnlyList<TaskView> failed)
    {
        var screen = session.Screen;
        var now = session.Host.Clock.GetUtcNow();
        screen.SayMarkup($"Run [bold]{Screen.Escape(run.Run)}[/] of {Screen.Escape(run.Flow)}, deployment {run.Deployment}: {Paint.Status(run.Status)}");
        screen.Say($"  started   {Words.Time(run.CreatedAt, session.Host.Clock)} by {Words.Printable(run.Actor)}, {(run.EndedAt is null ? "for" : "took")} {Words.Duration((run.EndedAt ?? now) - run.CreatedAt)}");
        if (run.Parameters.ValueKind == System.Text.Json.JsonValueKind.Object && run.Parameters.EnumerateObject().Any())
            screen.Say($"  with      {Words.Brief(Api.ApiJson.ShowLine(run.Parameters), 500)}");
        if (run.Tags.Count > 0) screen.Say($"  tags      {Words.Printable(string.Join(' ', run.Tags))}");
        if (run.Priority != 0) screen.Say($"  priority  {run.Priority}");
        if (run.Generation > 0) screen.Say($"  retried   {Words.Count(run.Generation, "time")}");
        screen.Say($"  page      {session.Api.Link(run.Page)}");
        screen.Say("");
        screen.Table(["STEP", "STATUS", "DONE", "RUNNING", "WAITING", "FAILED", "TOOK"], StepProgress.Of(steps).Select(s => new[]
        {
            Screen.Escape(s.Step), Paint.Status(s.Status), $"{s.Done}/{s.Total}", $"{s.Running}", $"{s.Waiting + s.Backoff}",
            s.Failed > 0 ? $"[red]{s.Failed}[/]" : "0", Words.Duration((s.EndedAt ?? now) - s.OpenedAt),
        }));
        if (run.Error is not null || failed.Count > 0) screen.Say("");
        if (run.Error is { } error) screen.Say($"{Words.Printable(error.Type)}: {string.Join("\n  ", error.Message.Trim().Split('\n').Select(Words.Printable))}");
        RunSummary.Failures(screen, new RunReport(run, "", steps, failed, null, null, []));
    }
}
