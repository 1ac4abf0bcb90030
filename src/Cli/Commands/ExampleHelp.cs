using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Fanfare.Cli.Commands;

/// <summary>Help that ends with examples; the root's also with the exit codes.</summary>
internal sealed class ExampleHelp(HelpAction help) : SynchronousCommandLineAction
{
    private static readonly ConditionalWeakTable<Command, string[]> Examples = [];

    public override bool ClearsParseErrors => true;

    /// <summary>Gives a command its examples, each a line as it is typed.</summary>
    public static Command Add(Command command, params string[] examples)
    {
        Examples.Add(command, examples);
        return command;
    }

    public override int Invoke(ParseResult parseResult)
    {
        var output = parseResult.InvocationConfiguration.Output;
        help.Invoke(parseResult);
        var command = parseResult.CommandResult.Command;
        if (command is RootCommand)
        {
            output.WriteLine("Examples:");
            output.WriteLine("  fanfare run examples/stdlib-report/flow.yaml");
            output.WriteLine("  fanfare COMMAND --help");
            output.WriteLine();
            output.WriteLine("Exit codes:");
            output.WriteLine("  0    success; a run that was followed succeeded");
            output.WriteLine("  1    the run failed");
            output.WriteLine("  2    bad usage or input, or the server refused it");
            output.WriteLine("  3    the server cannot be reached, or cannot serve now");
            output.WriteLine("  130  cancelled: the run was, or the command by Ctrl-C");
        }
        else if (Examples.TryGetValue(command, out var examples))
        {
            output.WriteLine(examples.Length == 1 ? "Example:" : "Examples:");
            foreach (var example in examples) output.WriteLine($"  {example}");
        }
        return ExitCode.Success;
    }
}
