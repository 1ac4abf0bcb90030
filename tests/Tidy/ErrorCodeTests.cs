using System.Text.RegularExpressions;

namespace Fanfare.Tidy;

/// <summary>Every error code has its page, and every page its code.</summary>
public sealed partial class ErrorCodeTests
{
    private const string Folder = "docs/errors";

    [Fact]
    public void EveryCodeInTheSources_HasItsPage() =>
        Tree.None([.. Codes().Where(c => !Tree.Exists($"{Folder}/{c.Code}.md")).Select(c => $"{c.Code} ({c.File})")],
            $"An error's type leads to its page; {Folder} lacks these:");

    [Fact]
    public void EveryPage_IsOfACodeInUse()
    {
        var used = Codes().Select(c => c.Code).ToHashSet();

        Tree.None([.. Tree.Sources(Folder, "FAN*.md").Where(p => !used.Contains(Path.GetFileNameWithoutExtension(p)))],
            "No source uses the codes of these pages:");
    }

    [Fact]
    public void EveryPage_BeginsWithItsCode() =>
        Tree.None([.. Tree.Sources(Folder, "FAN*.md").Where(p => !Tree.Text(p).StartsWith($"# {Path.GetFileNameWithoutExtension(p)}", StringComparison.Ordinal))],
            "A page's title begins with its code, as in '# FAN0007: …':");

    private static List<(string Code, string File)> Codes() =>
        [.. Tree.Sources("src").SelectMany(f => Code().Matches(Tree.Text(f)).Select(m => (m.Value, f))).DistinctBy(c => c.Value)];

    [GeneratedRegex(@"\bFAN\d{4}\b")]
    private static partial Regex Code();
}
