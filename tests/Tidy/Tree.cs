using System.Runtime.CompilerServices;

namespace Fanfare.Tidy;

/// <summary>The repository as it lies on disk: sources only, no build outputs.</summary>
internal static class Tree
{
    public static readonly string Root = FindRoot();

    /// <summary>Paths of the sources under a folder, relative to the root, with forward slashes.</summary>
    public static IReadOnlyList<string> Sources(string folder, string pattern = "*.cs")
    {
        var start = Path.Combine(Root, folder);
        return !Directory.Exists(start)
            ? []
            : [.. Directory.EnumerateFiles(start, pattern, SearchOption.AllDirectories)
                .Select(f => Path.GetRelativePath(Root, f).Replace('\\', '/'))
                .Where(f => !f.Split('/').Any(part => part is "bin" or "obj" or "node_modules"))
                .Order(StringComparer.Ordinal)];
    }

    public static string[] Lines(string path) => File.ReadAllLines(Path.Combine(Root, path));

    public static string Text(string path) => File.ReadAllText(Path.Combine(Root, path));

    public static bool Exists(string path) => File.Exists(Path.Combine(Root, path));

    /// <summary>The places where a line of a source satisfies <paramref name="wrong"/>, as <c>file:line: text</c>.</summary>
    public static IReadOnlyList<string> Places(IEnumerable<string> sources, Func<string, bool> wrong) =>
        [.. sources.SelectMany(path => Lines(path).Select((line, index) => (path, line, index)))
            .Where(l => wrong(l.line)).Select(l => $"{l.path}:{l.index + 1}: {l.line.Trim()}")];

    /// <summary>Fails with the whole list, since xunit cuts collections short.</summary>
    public static void None(IReadOnlyCollection<string> places, string rule) =>
        Assert.True(places.Count == 0, $"{rule}\n  {string.Join("\n  ", places)}");

    private static string FindRoot([CallerFilePath] string here = "")
    {
        for (var at = Path.GetDirectoryName(here); at is not null; at = Path.GetDirectoryName(at))
            if (File.Exists(Path.Combine(at, "Scheduler.sln"))) return at;
        throw new InvalidOperationException($"No Scheduler.sln above {here}.");
    }
}
