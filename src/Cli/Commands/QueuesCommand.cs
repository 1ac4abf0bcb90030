using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare queues</c>: what waits where.</summary>
internal static class QueuesCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("queues", "List the queues and what waits in them");
        ExampleHelp.Add(command, "fanfare queues");
        return global.On(command, async (session, _, cancel) =>
        {
            var page = await session.Api.ListQueuesAsync(cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("No queues: nothing has waited in one yet.");
            else
                session.Screen.Table(["QUEUE", "READY", "RUNNING", "OPEN STEPS"], page.Items.Select(q => new[]
                {
                    Screen.Escape(q.Queue), $"{q.ReadyTasks}", $"{q.RunningTasks}", $"{q.OpenSteps}",
                }));
            return ExitCode.Success;
        });
    }
}
