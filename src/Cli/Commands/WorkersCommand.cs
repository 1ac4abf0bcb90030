using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare workers</c>: who takes tasks.</summary>
internal static class WorkersCommand
{
    public static Command Create(GlobalOptions global)
    {
        var command = new Command("workers", "List the workers that were seen lately, what they have, and what is free");
        ExampleHelp.Add(command, "fanfare workers");
        return global.On(command, async (session, _, cancel) =>
        {
            var page = await session.Api.ListWorkersAsync(cancel);
            if (session.Screen.Json) session.Screen.WriteJson(page);
            else if (page.Items.Count == 0) session.Screen.Say("No workers. Start one with: fanfare worker --server URL");
            else
            {
                var now = session.Host.Clock.GetUtcNow();
                session.Screen.Table(["WORKER", "SEEN", "TASKS", "CPU FREE", "MEMORY FREE", "GPU FREE", "QUEUES", "STATE"], page.Items.Select(w => new[]
                {
                    Screen.Escape(w.Worker), $"{Words.Duration(now - w.LastSeen)} ago", $"{w.Leases}", $"{w.Free.Cpu:0.##}/{w.Capacity.Cpu:0.##}",
                    $"{Words.Bytes(w.Free.MemoryBytes)}/{Words.Bytes(w.Capacity.MemoryBytes)}", $"{w.Free.Gpu}/{w.Capacity.Gpu}",
                    w.Queues.Count == 0 ? "all" : Screen.Escape(string.Join(' ', w.Queues)),
                    w.Draining is { } why ? $"draining: {Screen.Escape(why)}" : "",
                }));
            }
            return ExitCode.Success;
        });
    }
}
