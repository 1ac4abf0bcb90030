using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare cancel</c>, <c>pause</c>, <c>resume</c> and <c>retry</c>.</summary>
internal static class RunVerbCommands
{
    public static IEnumerable<Command> Create(GlobalOptions global)
    {
        var reason = new Option<string?>("--reason") { Description = "Why; kept in the run's history", HelpName = "TEXT" };
        var from = new Option<string?>("--from") { Description = "Run this step and all after it again, also what succeeded", HelpName = "STEP" };
        yield return Verb(global, "cancel", "Cancel a run: nothing more of it starts, and what runs is ended", reason, "fanfare cancel last --reason 'wrong data'");
        yield return Verb(global, "pause", "Pause a run: what runs goes on, nothing more of it starts", reason, "fanfare pause RUN");
        yield return Verb(global, "resume", "Let a paused run go on", reason, "fanfare resume RUN");
        yield return Verb(global, "retry", "Run what failed or was cancelled again; what succeeded is kept", from, "fanfare retry last", "fanfare retry RUN --from train");
    }

    private static Command Verb(GlobalOptions global, string verb, string description, Option<string?> option, params string[] examples)
    {
        var run = Arguments.Run(global);
        var command = new Command(verb, description) { run, option };
        ExampleHelp.Add(command, examples);
        return global.On(command, async (session, parsed, cancel) =>
        {
            var id = await Arguments.RunIdAsync(session, parsed.GetRequiredValue(run), cancel);
            var value = parsed.GetValue(option);
            var request = verb == "retry" ? new RunCommandRequest(FromStep: value) : new RunCommandRequest(value);
            var answer = await session.Api.CommandRunAsync(id, verb, request, cancel);
            if (session.Screen.Json) session.Screen.WriteJson(new CommandOutcome(answer.Run, verb, answer.Status));
            else session.Screen.SayMarkup($"Run [bold]{Screen.Escape(answer.Run)}[/] is {Paint.Status(answer.Status)}.");
            return ExitCode.Success;
        });
    }
}
