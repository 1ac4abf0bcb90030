using System.Text;
using System.Text.RegularExpressions;

namespace Fanfare.Cli.Packaging;

/// <summary>What of a flow's directory stays out of its package. Lines read as in a .gitignore: <c>*</c> and <c>?</c> within a
/// name, <c>**</c> across directories, a leading or inner <c>/</c> anchors at the root, a trailing one means directories only,
/// <c>!</c> takes in again, and the last rule that matches decides.</summary>
internal sealed class IgnoreRules
{
    public const string FileName = ".fanfareignore";

    private static readonly string[] Always = [".*", "__pycache__/", "node_modules/", "*.pyc"];

    private readonly List<Rule> _rules;

    private IgnoreRules(IEnumerable<string> lines) => _rules = [.. lines.Select(Rule.Parse).OfType<Rule>()];

    /// <summary>The built-in rules (hidden files, __pycache__, node_modules, *.pyc), then <paramref name="lines"/>.</summary>
    public static IgnoreRules Of(IEnumerable<string> lines) => new(Always.Concat(lines));

    /// <summary>The rules for a directory, with its .fanfareignore where there is one.</summary>
    public static IgnoreRules ForDirectory(string directory)
    {
        var file = Path.Combine(directory, FileName);
        return Of(File.Exists(file) ? File.ReadLines(file) : []);
    }

    /// <param name="path">Relative, with forward slashes. What lies in an ignored directory is not asked for.</param>
    public bool Ignores(string path, bool directory)
    {
        var ignored = false;
        foreach (var rule in _rules)
            if (rule.Matches(path, directory)) ignored = !rule.Negated;
        return ignored;
    }

    private sealed record Rule(Regex Pattern, bool Negated, bool DirectoriesOnly)
    {
        public static Rule? Parse(string line)
        {
            var text = line.Trim();
            if (text.Length == 0 || text[0] == '#') return null;
            var negated = text[0] == '!';
            if (negated) text = text[1..];
            if (text.StartsWith('\\')) text = text[1..];
            var directoriesOnly = text.EndsWith('/');
            text = text.TrimEnd('/');
            if (text.Length == 0) return null;
            var anchored = text.Contains('/', StringComparison.Ordinal);
            var regex = new StringBuilder(anchored ? "^" : "^(?:.*/)?");
            Translate(text.TrimStart('/'), regex);
            return new Rule(new Regex(regex.Append('$').ToString(), RegexOptions.NonBacktracking | RegexOptions.CultureInvariant), negated, directoriesOnly);
        }

        public bool Matches(string path, bool directory) => (directory || !DirectoriesOnly) && Pattern.IsMatch(path);

        private static void Translate(string glob, StringBuilder regex)
        {
            for (var i = 0; i < glob.Length; i++)
            {
                var rest = glob.AsSpan(i);
                if (rest.StartsWith("**/"))
                {
                    regex.Append("(?:.*/)?");
                    i += 2;
                }
                else if (rest.StartsWith("**"))
                {
                    regex.Append(".*");
                    i++;
                }
                else
                {
                    regex.Append(glob[i] switch
                    {
                        '*' => "[^/]*",
                        '?' => "[^/]",
                        _ => Regex.Escape(glob[i].ToString()),
                    });
                }
            }
        }
    }
}
