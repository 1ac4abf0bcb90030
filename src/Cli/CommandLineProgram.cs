using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Fanfare.Cli.Commands;

namespace Fanfare.Cli;

/// <summary>The program: reads the command line, carries out the command, and answers with an exit code.</summary>
internal static class CommandLineProgram
{
    /// <summary>Runs in this process, with its console, environment and signals.</summary>
    /// <param name="more">Adds to the host what this program has and the plain one has not.</param>
    public static async Task<int> RunAsync(string[] args, Func<CliHost, CliHost>? more = null)
    {
        using var interrupts = new Interrupts(TimeProvider.System, () => Environment.Exit(ExitCode.Cancelled));
        interrupts.Listen();
        var host = ProcessHost.Create(interrupts);
        return await RunAsync(args, more?.Invoke(host) ?? host);
    }

    public static async Task<int> RunAsync(string[] args, CliHost host)
    {
        var root = CommandTree.Create(new GlobalOptions(host));
        var parsed = root.Parse(args, new ParserConfiguration { ResponseFileTokenReplacer = null });
        var configuration = new InvocationConfiguration
        {
            Output = host.Out,
            Error = host.Error,
            EnableDefaultExceptionHandler = false,
            // Signals are handled by Interrupts, which gives a run the time that its cancellation takes.
            ProcessTerminationTimeout = null,
        };
        if (args.Length == 0)
        {
            root.Parse("--help").Invoke(new InvocationConfiguration { Output = host.Error, Error = host.Error });
            return ExitCode.Usage;
        }
        if (parsed.Action is ParseErrorAction)
        {
            WriteUsageErrors(parsed, host.Error);
            return ExitCode.Usage;
        }
        if (WithoutValue(parsed) is { } option)
        {
            host.Error.WriteLine($"error: Required argument missing for option: '{option}'.");
            host.Error.WriteLine($"  See {CommandTree.PathOf(parsed.CommandResult)} --help");
            return ExitCode.Usage;
        }
        return await parsed.InvokeAsync(configuration, CancellationToken.None);
    }

    /// <summary>The option that took the one after it for its value, as in <c>--status --json</c>; null for none. The library lets it, and does not hold such a value against the words that the option accepts.</summary>
    private static string? WithoutValue(ParseResult parsed)
    {
        List<CommandResult> path = [];
        for (SymbolResult? at = parsed.CommandResult; at is not null; at = at.Parent)
            if (at is CommandResult command) path.Add(command);
        var names = path.SelectMany(command => command.Command.Options).SelectMany(option => option.Aliases.Append(option.Name)).ToHashSet();
        return path.SelectMany(command => command.Children.OfType<OptionResult>()).FirstOrDefault(given => given.Tokens.Any(token => names.Contains(token.Value)))?.Option.Name;
    }

    private static void WriteUsageErrors(ParseResult parsed, TextWriter error)
    {
        // A command that is not there is one mistake, not also a missing command.
        var messages = parsed.Errors.Select(e => e.Message).Distinct().ToList();
        foreach (var message in parsed.UnmatchedTokens.Count > 0 ? messages.Where(m => m.Contains('\'', StringComparison.Ordinal)) : messages)
            error.WriteLine($"error: {message}");
        foreach (var guess in Guesses.For(parsed)) error.WriteLine($"  Did you mean '{guess}'?");
        error.WriteLine($"  See {CommandTree.PathOf(parsed.CommandResult)} --help");
    }
}
