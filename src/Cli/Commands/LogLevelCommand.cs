using System.CommandLine;
using Fanfare.Cli.Output;

namespace Fanfare.Cli.Commands;

/// <summary><c>fanfare log-level</c>: what a running server logs.</summary>
internal static class LogLevelCommand
{
    public static Command Create(GlobalOptions global)
    {
        var category = new Argument<string?>("CATEGORY") { Description = "Category, with all below it, such as Fanfare.Runs, Fanfare.Attempts, Fanfare.Engine, or Fanfare. Default: none, which shows all levels", Arity = ArgumentArity.ZeroOrOne };
        var level = new Argument<string?>("LEVEL") { Description = "trace, debug, information, warning, error, critical or none. Default: what it was at the server's start", Arity = ArgumentArity.ZeroOrOne };
        var command = new Command("log-level", "Show from which level on a server logs what, or change it while the server runs") { category, level };
        ExampleHelp.Add(command, "fanfare log-level", "fanfare log-level Fanfare.Attempts debug", "fanfare log-level Fanfare.Attempts", "fanfare log-level Microsoft.AspNetCore information --server http://b:7433");
        return global.On(command, async (session, parsed, cancel) =>
        {
            var levels = parsed.GetValue(category) is { } named
                ? await session.Api.SetLogLevelAsync(new LogLevelRequest(named, Level(parsed.GetValue(level))), cancel)
                : await session.Api.ListLogLevelsAsync(cancel);
            if (session.Screen.Json) session.Screen.WriteJson(levels);
            else session.Screen.Table(["CATEGORY", "LEVEL"], levels.Items.Select(rule => (IReadOnlyList<string>)[rule.Category.Length == 0 ? "(all others)" : Screen.Escape(rule.Category), rule.Level.ToString().ToLowerInvariant()]));
            return ExitCode.Success;
        });
    }

    private static LogSeverity? Level(string? word)
    {
        if (word is null) return null;
        return Enum.GetNames<LogSeverity>().Contains(word, StringComparer.OrdinalIgnoreCase)
            ? Enum.Parse<LogSeverity>(word, ignoreCase: true)
            : throw new CommandException(ExitCode.Usage, $"LEVEL '{word}' is no level.", "Give trace, debug, information, warning, error, critical or none.");
    }
}
