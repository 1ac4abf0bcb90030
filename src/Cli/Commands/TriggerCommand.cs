using System.CommandLine;
using Fanfare.Cli.Running;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare trigger</c>: starts a run of a deployed flow.</summary>
internal static class TriggerCommand
{
    public static Command Create(GlobalOptions global)
    {
        var name = Arguments.Flow(global, "Name of a deployed flow");
        var parameters = Arguments.Parameters();
        var tags = Arguments.Tags();
        var priority = Arguments.Priority();
        var deployment = new Option<int?>("--deployment") { Description = "Which deployment. Default: the latest", HelpName = "N" };
        var key = new Option<string?>("--key") { Description = "Idempotency key: the same key never starts two runs of the flow", HelpName = "KEY" };
        var follow = new Option<bool>("--follow", "-f") { Description = "Show the run's progress and exit with its outcome; Ctrl-C leaves the run going" };
        var logs = new Option<bool>("--logs") { Description = "With --follow: show the tasks' log lines as they come" };
        var command = new Command("trigger", "Start a run of a deployed flow") { name, parameters, tags, priority, deployment, key, follow, logs };
        ExampleHelp.Add(command, "fanfare trigger report -p day=2026-01-31 --key report-2026-01-31", "fanfare trigger report --follow");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var given = ParameterValues.Parse(parsed.GetValue(parameters)!, session.Host.WorkingDirectory);
            var flow = await session.Api.GetFlowAsync(parsed.GetRequiredValue(name), cancel);
            var run = await RunStart.StartAsync(session, session.Api, flow, new StartRunRequest
            {
                Deployment = parsed.GetValue(deployment),
                Parameters = ParameterValues.Type(given, flow.Parameters),
                Tags = parsed.GetValue(tags),
                Priority = parsed.GetValue(priority),
                IdempotencyKey = parsed.GetValue(key),
            }, reattach: false, cancel);
            return parsed.GetValue(follow)
                ? await new RunWatch(session, session.Api, flow.Steps, parsed.GetValue(logs)).WatchAsync(run.Run, cancelOnInterrupt: false)
                : RunStart.Detach(session, session.Api, run);
        });
    }
}
