using System.CommandLine;
using Fanfare.Core;

namespace Fanfare.Cli;

/// <summary>What a mistyped command or option may have meant.</summary>
internal static class Guesses
{
    public static IEnumerable<string> For(ParseResult parsed)
    {
        var command = parsed.CommandResult.Command;
        var words = command.Subcommands.Select(c => c.Name)
            .Concat(command.Options.Where(o => !o.Hidden).Select(o => o.Name))
            .Concat(command.Parents.OfType<Command>().SelectMany(p => p.Options).Where(o => o.Recursive).Select(o => o.Name))
            .ToList();
        return parsed.UnmatchedTokens.Select(token => NearestName.Of(token, words)).OfType<string>().Distinct();
    }
}
