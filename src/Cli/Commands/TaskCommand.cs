using System.CommandLine;
using System.Text.Json;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare task kill</c>, <c>retry</c> and <c>skip</c>.</summary>
internal static class TaskCommand
{
    public static Command Create(GlobalOptions global)
    {
        var output = new Option<string?>("--output")
        {
            Description = "The outputs to go on with, a JSON object, or @FILE. Default: none",
            HelpName = "JSON",
        };
        var command = new Command("task", "Operate on one task of a run")
        {
            Verb(global, "kill", "End the running attempt; it counts as a failure", "asked to end", null, "fanfare task kill last 'train[3,1]'"),
            Verb(global, "retry", "Send the task back to the start, with all its attempts", "goes back to the start", null, "fanfare task retry last 'train[3,1]'"),
            Verb(global, "skip", "Declare the task done, with the outputs given", "counts as done", output, "fanfare task skip last train --output '{\"score\": 0.9}'"),
        };
        ExampleHelp.Add(command, "fanfare task retry last 'train[3,1]'");
        return command;
    }

    private static Command Verb(GlobalOptions global, string verb, string description, string done, Option<string?>? output, string example)
    {
        var run = Arguments.Run(global);
        var task = Arguments.Task();
        var command = new Command(verb, description) { run, task };
        if (output is not null) command.Options.Add(output);
        ExampleHelp.Add(command, example);
        return global.On(command, async (session, parsed, cancel) =>
        {
            var id = await Arguments.RunIdAsync(session, parsed.GetRequiredValue(run), cancel);
            var name = parsed.GetRequiredValue(task);
            var request = new TaskCommandRequest(output is null ? null : ReadOutput(session, parsed.GetValue(output)));
            await session.Api.CommandTaskAsync(id, name, verb, request, cancel);
            if (session.Screen.Json) session.Screen.WriteJson(new CommandOutcome(id, verb, Task: name));
            else session.Screen.SayMarkup($"[bold]{Screen.Escape(name)}[/] {done}.");
            return ExitCode.Success;
        });
    }

    private static JsonElement? ReadOutput(Session session, string? given)
    {
        if (given is null) return null;
        const string remedy = "Write it as in --output '{\"score\": 0.9}'.";
        try
        {
            var text = given.StartsWith('@') ? File.ReadAllText(Path.GetFullPath(given[1..], session.Host.WorkingDirectory)) : given;
            using var document = JsonDocument.Parse(text);
            return document.RootElement.ValueKind == JsonValueKind.Object
                ? document.RootElement.Clone()
                : throw new CommandException(ExitCode.Usage, "--output is not a JSON object.", remedy);
        }
        catch (JsonException e)
        {
            throw new CommandException(ExitCode.Usage, $"--output is not JSON: {e.Message}", remedy);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Usage, $"--output cannot be read: {e.Message}");
        }
    }
}
