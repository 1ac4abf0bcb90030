using System.CommandLine;
using Fanfare.Gateway;

namespace Fanfare.Cli.Commands;

/// <summary>How a process that stays writes its log, and from which level on.</summary>
internal sealed class LogArguments
{
    private readonly Option<string?> _format = new("--log-format") { Description = "How the log on standard error is written: text, or json for one object a line. Default: $FANFARE_LOG_FORMAT, else text", HelpName = "FORMAT" };
    private readonly Option<string?> _level = new("--log-level") { Description = "From which level on is logged: LEVEL, or CATEGORY=LEVEL, several with commas between, such as Fanfare.Attempts=debug. Default: $FANFARE_LOG_LEVEL, else information", HelpName = "LEVELS" };

    public void AddTo(Command command)
    {
        command.Options.Add(_format);
        command.Options.Add(_level);
    }

    /// <exception cref="CommandException">A word is not known.</exception>
    public (LogForm Format, LogLevels Levels) Read(CliHost host, ParseResult parsed) => (Format(host, parsed.GetValue(_format)), Levels(host, parsed.GetValue(_level)));

    private static LogForm Format(CliHost host, string? given)
    {
        var (name, word) = Given(host, "--log-format", given, "FANFARE_LOG_FORMAT");
        return word switch
        {
            null or "text" => LogForm.Text,
            "json" => LogForm.Json,
            _ => throw new CommandException(ExitCode.Usage, $"{name} '{word}' is no format of a log.", "Give text or json."),
        };
    }

    private static LogLevels Levels(CliHost host, string? given)
    {
        var (name, text) = Given(host, "--log-level", given, "FANFARE_LOG_LEVEL");
        if (text is null) return new LogLevels();
        return LogLevels.TryRead(text, out var rules, out var error) ? new LogLevels(rules) : throw new CommandException(ExitCode.Usage, $"{name}: {error}");
    }

    private static (string Name, string? Value) Given(CliHost host, string option, string? given, string variable) =>
        given is not null ? (option, given) : (variable, host.Variable(variable) is { Length: > 0 } value ? value : null);
}
