using System.Text.RegularExpressions;

namespace Fanfare.Tidy;

/// <summary>Rules of style that no analyzer knows. Exceptions only ever become fewer.</summary>
public sealed partial class SourceTests
{
    private const int MostLines = 600;

    /// <summary>Files that may be longer than <see cref="MostLines"/>, and how long.</summary>
    private static readonly Dictionary<string, int> LongFiles = [];

    private static IEnumerable<string> All => Tree.Sources("src").Concat(Tree.Sources("tests")).Concat(Tree.Sources("bench"));

    [Fact]
    public void Files_AreShort() =>
        Tree.None([.. All.Select(f => (File: f, Lines: Tree.Lines(f).Length)).Where(f => f.Lines > LongFiles.GetValueOrDefault(f.File, MostLines))
            .Select(f => $"{f.File}: {f.Lines} lines")], $"A file has at most {MostLines} lines; split it by concern:");

    [Fact]
    public void TheListOfLongFiles_HoldsOnlyWhatIsStillThatLong() =>
        Tree.None([.. LongFiles.Where(f => !Tree.Exists(f.Key) || Tree.Lines(f.Key).Length < f.Value).Select(f => f.Key)],
            "These became shorter: lower their number, or take them off the list:");

    [Fact]
    public void ThereAreNoRegions() =>
        Tree.None(Tree.Places(All, l => Region().IsMatch(l)), "A file that needs regions is two files:");

    [Fact]
    public void Types_AreNamedAfterWhatTheyAre() =>
        Tree.None(Tree.Places(All, l => JunkName().IsMatch(l)), "Name the noun (Backoff, Lease, ReadyQueue), no Helper, Manager or Util:");

    [Fact]
    public void Namespaces_AreTheirProjects() =>
        Tree.None([.. Tree.Sources("src").Where(f => NamespaceOf(f) is { } ns && !InProject(ns, f.Split('/')[1])).Select(f => $"{f}: {NamespaceOf(f)}")],
            "A file's namespace begins with Fanfare and its project's name:");

    [Fact]
    public void Namespaces_AreFileScoped() =>
        Tree.None(Tree.Places(All, l => BlockNamespace().IsMatch(l)), "Namespaces are file-scoped:");

    [Fact]
    public void NothingIsLeftForLater() =>
        Tree.None(Tree.Places(Tree.Sources("src"), l => Leftover().IsMatch(l)), "Do it, or write an issue:");

    [Fact]
    public void NoSourceThrowsNotImplemented() =>
        Tree.None(Tree.Places(Tree.Sources("src"), l => l.Contains("NotImplementedException", StringComparison.Ordinal)), "Build it whole:");

    [Fact]
    public void NoSourceKnowsAMachine() =>
        Tree.None(Tree.Places(Tree.Sources("src"), l => MachinePath().IsMatch(l)), "A path of some machine stands in a source; use Path.GetTempPath or an option:");

    [Fact]
    public void NoTestSleeps() =>
        Tree.None(Tree.Places(Tree.Sources("tests").Where(f => !f.StartsWith("tests/Tidy/", StringComparison.Ordinal)), l => l.Contains("Thread.Sleep", StringComparison.Ordinal)),
            "A test waits for what it needs, with a timeout; it does not sleep:");

    [Fact]
    public void TextFiles_EndWithANewline_AndHaveNoTabsOrCarriageReturns()
    {
        var files = All.Concat(Tree.Sources("src", "*.csproj")).Concat(Tree.Sources("tests", "*.csproj"));

        Tree.None([.. files.Where(f => Tree.Text(f) is { Length: > 0 } text && (!text.EndsWith('\n') || text.Contains('\r', StringComparison.Ordinal)))],
            "Files end with a newline and lines with a line feed alone:");
    }

    private static string? NamespaceOf(string file) => Tree.Lines(file).Select(l => FileNamespace().Match(l)).FirstOrDefault(m => m.Success)?.Groups[1].Value;

    private static bool InProject(string ns, string project) => ns == $"Fanfare.{project}" || ns.StartsWith($"Fanfare.{project}.", StringComparison.Ordinal);

    [GeneratedRegex(@"^\s*#\s*(end)?region\b")]
    private static partial Regex Region();

    [GeneratedRegex(@"\b(class|struct|record|interface|enum)\s+(?:struct\s+|class\s+)?\w*(Helpers?|Managers?|Utils?|Utilit(y|ies))\b")]
    private static partial Regex JunkName();

    [GeneratedRegex(@"^namespace\s+([\w.]+);")]
    private static partial Regex FileNamespace();

    [GeneratedRegex(@"^namespace\s+[\w.]+\s*(\{|$)")]
    private static partial Regex BlockNamespace();

    [GeneratedRegex(@"\b(TODO|FIXME|HACK|XXX)\b")]
    private static partial Regex Leftover();

    [GeneratedRegex("""["'/(](/tmp/|/home/\w|/root/|C:\\)""")]
    private static partial Regex MachinePath();
}
