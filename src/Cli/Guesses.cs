using System.CommandLine;

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
        return parsed.UnmatchedTokens
            .SelectMany(token => words.Where(w => IsNear(token, w)).OrderBy(w => Distance(token, w)).Take(1))
            .Distinct();
    }

    private static bool IsNear(string typed, string word) =>
        Distance(typed, word) <= Math.Max(1, word.TrimStart('-').Length / 3);

    // Levenshtein's distance, one row at a time.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var cost = Math.Min(diagonal + (a[i - 1] == b[j - 1] ? 0 : 1), Math.Min(row[j], row[j - 1]) + 1);
                (diagonal, row[j]) = (row[j], cost);
            }
        }
        return row[b.Length];
    }
}
