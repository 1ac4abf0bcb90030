using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare cluster</c>: the servers that share the work.</summary>
internal static class ClusterCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("cluster", "List the servers that share the work: their releases, and how much each has of it");
        ExampleHelp.Add(command, "fanfare cluster");
        return global.On(command, async (session, _, cancel) =>
        {
            var page = await session.Api.ListNodesAsync(cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("The server shares its work with no other. Servers that do are started with: fanfare silo");
            else
            {
                var now = session.Host.Clock.GetUtcNow();
                session.Screen.Table(["SERVER", "API", "VERSION", "FORMAT", "UP", "SHARDS", "AWAKE", "WORKERS"], page.Items.Select(node => new[]
                {
                    Screen.Escape(node.Address.Split('@')[0]), Screen.Escape(node.Url), node.Version.Length == 0 ? "no answer" : Screen.Escape(node.Version), node.Version.Length == 0 ? "" : $"{node.Format}",
                    node.Version.Length == 0 ? "" : Words.Duration(now - node.Since), $"{node.Shards}", $"{node.Awake}", $"{node.Workers}",
                }));
            }
            return ExitCode.Success;
        });
    }
}
