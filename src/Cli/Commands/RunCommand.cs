using System.CommandLine;
using Fanfare.Cli.Api;
using Fanfare.Cli.Hosting;
using Fanfare.Cli.Running;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare run</c>: deploys a flow's file, runs it, follows the run, and exits with its outcome.</summary>
internal static class RunCommand
{
    public static Command Create(GlobalOptions global)
    {
        var file = Arguments.FlowFile();
        var parameters = Arguments.Parameters();
        var tags = Arguments.Tags();
        var priority = Arguments.Priority();
        var fresh = new Option<bool>("--new") { Description = "Start a new run even when one with the same parameters is under way" };
        var data = new Option<string?>("--data")
        {
            Description = "Data directory of the server that is started when none answers. Default: $XDG_DATA_HOME/fanfare, else ~/.local/share/fanfare",
            HelpName = "DIR",
        };
        var logs = new Option<bool>("--logs") { Description = "Show the tasks' log lines as they come" };
        var detach = new Option<bool>("--detach") { Description = "Start the run and leave; needs a server that stays (fanfare serve)" };
        var command = new Command("run", "Deploy a flow, run it, show its progress, and exit with its outcome. "
            + "Without a server to reach, one is started for as long as the run takes. The same flow with the same parameters takes up an unfinished run")
        {
            file, parameters, tags, priority, fresh, data, logs, detach,
        };
        ExampleHelp.Add(command, "fanfare run flow.yaml", "fanfare run flow.yaml -p size=100 -p config=@config.json --tag nightly", "fanfare run flow.yaml --new --logs");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var given = ParameterValues.Parse(parsed.GetValue(parameters)!, session.Host.WorkingDirectory);
            var flowFile = parsed.GetRequiredValue(file);
            var source = FlowFiles.Read(session, flowFile);
            FlowFiles.Check(session, source);
            var directory = parsed.GetValue(data);
            await using var server = await new ServerLocator(session.Host, session.Address, session.Screen, directory).LocateAsync(cancel);
            if (server.Hosted && parsed.GetValue(detach))
                throw new CommandException(ExitCode.Usage, "There is no server to leave the run with.", "Start one with: fanfare serve. Or run without --detach.");
            var deployed = await FlowFiles.DeployAsync(
                session, server.Api, flowFile, source, DataDirectory.Resolve(session.Host, directory), cancel);
            var flow = await server.Api.GetFlowAsync(deployed.Flow, cancel);
            var request = new StartRunRequest
            {
                Deployment = deployed.Deployment,
                Parameters = ParameterValues.Type(given, flow.Parameters),
                Tags = parsed.GetValue(tags),
                Priority = parsed.GetValue(priority),
            };
            var run = await RunStart.StartAsync(session, server.Api, flow, request, reattach: !parsed.GetValue(fresh), cancel);
            if (parsed.GetValue(detach)) return RunStart.Detach(session, server.Api, run);
            return await new RunWatch(session, server.Api, flow.Steps, parsed.GetValue(logs)).WatchAsync(run.Run, cancelOnInterrupt: true);
        });
    }
}
