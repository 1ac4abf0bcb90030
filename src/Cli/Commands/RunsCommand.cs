using System.CommandLine;
using Fanfare.Cli.Api;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare runs</c>: a table of runs, newest first.</summary>
internal static class RunsCommand
{
    public static Command Create(GlobalOptions global)
    {
        var flow = new Option<string?>("--flow") { Description = "Only runs of this flow", HelpName = "FLOW" };
        var status = new Option<string?>("--status") { Description = "Only runs in this status: running, paused, succeeded, failed, cancelled, …", HelpName = "STATUS" };
        status.AcceptOnlyFromAmong([.. Enum.GetValues<RunStatus>().Select(Words.Of)]);
        var tag = new Option<string?>("--tag") { Description = "Only runs with this tag", HelpName = "TAG" };
        var active = new Option<bool>("--active") { Description = "Only runs that have not ended" };
        var limit = Arguments.Limit(20);
        var cursor = Arguments.Cursor();
        var command = new Command("runs", "List runs, newest first") { flow, status, tag, active, limit, cursor };
        ExampleHelp.Add(command, "fanfare runs --flow report --status failed", "fanfare runs --active --json");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var page = await session.Api.ListRunsAsync(new RunQuery
            {
                Flow = parsed.GetValue(flow),
                Status = parsed.GetValue(status) is { } word ? Enum.GetValues<RunStatus>().First(s => Words.Of(s) == word) : null,
                Tag = parsed.GetValue(tag),
                Active = parsed.GetValue(active) ? true : null,
                Limit = parsed.GetValue(limit),
                Cursor = parsed.GetValue(cursor),
            }, cancel);
            if (session.Screen.Json)
            {
                session.Screen.WriteJson(page);
                return ExitCode.Success;
            }
            if (page.Items.Count == 0)
            {
                session.Screen.Say("No runs.");
                return ExitCode.Success;
            }
            var now = session.Host.Clock.GetUtcNow();
            session.Screen.Table(["RUN", "FLOW", "STATUS", "STARTED", "TOOK", "TAGS"], page.Items.Select(r => new[]
            {
                Screen.Escape(r.Run), Screen.Escape($"{r.Flow}@{r.Deployment}"), Paint.Status(r.Status), Words.Time(r.CreatedAt, session.Host.Clock),
                Words.Duration((r.EndedAt ?? now) - r.CreatedAt), Screen.Escape(string.Join(' ', r.Tags)),
            }));
            if (page.Next is not null) session.Screen.Note($"There are more: --limit, or --cursor {page.Next}");
            return ExitCode.Success;
        });
    }
}
