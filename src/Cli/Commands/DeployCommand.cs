using System.CommandLine;
using Fanfare.Cli.Hosting;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare deploy</c>: sends a flow's file and directory to the server.</summary>
internal static class DeployCommand
{
    public static Command Create(GlobalOptions global)
    {
        var file = Arguments.FlowFile();
        var command = new Command("deploy", "Send a flow and its directory to the server, as a new deployment unless nothing changed") { file };
        ExampleHelp.Add(command, "fanfare deploy flow.yaml", "fanfare deploy flow.yaml --server http://scheduler:7433");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var flowFile = parsed.GetRequiredValue(file);
            var source = FlowFiles.Read(session, flowFile);
            FlowFiles.Check(session, source);
            var deployed = await FlowFiles.DeployAsync(
                session, session.Api, flowFile, source, DataDirectory.Default(session.Host), cancel);
            if (session.Screen.Json) session.Screen.WriteJson(deployed);
            else session.Screen.Say(deployed.New
                ? $"Deployed {deployed.Flow} as deployment {deployed.Deployment}. Start it with: fanfare trigger {deployed.Flow}"
                : $"{deployed.Flow} is unchanged: deployment {deployed.Deployment}.");
            return ExitCode.Success;
        });
    }
}
