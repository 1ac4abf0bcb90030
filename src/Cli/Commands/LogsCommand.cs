using System.CommandLine;
using Fanfare.Cli.Api;
using Fanfare.Cli.Output;
using Fanfare.Cli.Running;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare logs</c>: what a task, or all tasks of a run, wrote.</summary>
internal static class LogsCommand
{
    public static Command Create(GlobalOptions global)
    {
        var run = Arguments.Run(global);
        var task = new Argument<string?>("TASK") { Description = "The task, as in train or 'train[3,1]'. Default: all of the run", Arity = ArgumentArity.ZeroOrOne };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on with what is written from now on, until the task or the run ends" };
        var tail = new Option<int?>("--tail") { Description = "Only the last N lines of each task", HelpName = "N", Validators = { r => Arguments.InRange(r, 0, 100_000) } };
        var attempt = new Option<int?>("--attempt") { Description = "Which attempt, from 0. Default: the newest", HelpName = "N" };
        var stream = new Option<string?>("--stream") { Description = "Only standard output (out) or standard error (err)", HelpName = "out|err" };
        stream.AcceptOnlyFromAmong("out", "err");
        var times = new Option<bool>("--timestamps") { Description = "Begin each line with its time" };
        var command = new Command("logs", "Print the log of a task, or of all tasks of a run") { run, task, follow, tail, attempt, stream, times };
        ExampleHelp.Add(command, "fanfare logs last -f", "fanfare logs RUN 'train[3,1]' --tail 100");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var id = await Arguments.RunIdAsync(session, parsed.GetRequiredValue(run), cancel);
            var one = parsed.GetValue(task);
            var query = new LogQuery(parsed.GetValue(tail), parsed.GetValue(follow), parsed.GetValue(attempt), parsed.GetValue(stream));
            using var printer = new LogPrinter(session, named: one is null, parsed.GetValue(times));
            if (one is not null)
            {
                await printer.PrintAsync(session.Api.ReadLogAsync(id, one, query, cancel), one);
                return ExitCode.Success;
            }
            if (query.Attempt is not null) throw new CommandException(ExitCode.Usage, "--attempt is of one task.", "Name the task too.");
            if (query.Follow) return await printer.FollowAsync(id, query, cancel);
            await printer.PrintAllAsync(id, query, cancel);
            return ExitCode.Success;
        });
    }
}
