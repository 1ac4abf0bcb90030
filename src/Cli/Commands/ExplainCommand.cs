using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare explain</c>: why a task is where it is.</summary>
internal static class ExplainCommand
{
    public static Command Create(GlobalOptions global)
    {
        var run = Arguments.Run(global);
        var task = Arguments.Task();
        var command = new Command("explain", "Say why a task is where it is: why it waits, where it runs, how it ended") { run, task };
        ExampleHelp.Add(command, "fanfare explain last 'train[3,1]'");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var id = await Arguments.RunIdAsync(session, parsed.GetRequiredValue(run), cancel);
            var name = parsed.GetRequiredValue(task);
            var explanation = await session.Api.ExplainAsync(id, name, cancel);
            if (session.Screen.Json)
            {
                session.Screen.WriteJson(explanation);
                return ExitCode.Success;
            }
            session.Screen.SayMarkup($"[bold]{Screen.Escape(name)}[/] is {Screen.Escape(explanation.State)}: {Screen.Escape(explanation.Reason)}");
            foreach (var detail in explanation.Details) session.Screen.Say($"  {Words.Printable(detail)}");
            if (explanation.ExpectedAt is { } at) session.Screen.Say($"  It starts about {Words.Time(at, session.Host.Clock)}, as things are.");
            return ExitCode.Success;
        });
    }
}
