using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare flow delete</c>.</summary>
internal static class FlowCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("flow", "Operate on a deployed flow") { Delete(global) };
        ExampleHelp.Add(command, "fanfare flow delete report");
        return command;
    }

    // It asks nobody: what runs goes on, and deploying again puts the flow back.
    private static Command Delete(GlobalOptions global)
    {
        var flow = Arguments.Flow(global, "Name of a deployed flow");
        var deployment = new Option<int?>("--deployment") { Description = "Only if this is its latest deployment. Default: whichever is", HelpName = "N" };
        var command = new Command("delete", "Delete a flow with all its deployments; runs of it go on to their end, and stay readable") { flow, deployment };
        ExampleHelp.Add(command, "fanfare flow delete report", "fanfare flow delete report --deployment 7");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var answer = await session.Api.DeleteFlowAsync(parsed.GetRequiredValue(flow), parsed.GetValue(deployment), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(answer);
            else session.Screen.Say(answer.New
                ? $"Deleted {answer.Flow}, up to deployment {answer.Deployment}. What runs of it goes on: fanfare runs --flow {answer.Flow} --active"
                : $"{answer.Flow} was deleted before, up to deployment {answer.Deployment}.");
            return ExitCode.Success;
        });
    }
}
