namespace Fanfare.Specs.Tests;

/// <summary>The repository's own files, found from where the tests run.</summary>
internal static class Examples
{
    public static string Root { get; } = FindRoot();

    public static IReadOnlyList<string> Paths { get; } =
        [.. Directory.EnumerateFiles(Path.Combine(Root, "examples"), "flow.yaml", SearchOption.AllDirectories).Order()];

    public static IEnumerable<string> Flows() => Paths.Select(File.ReadAllText);

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Scheduler.sln"))) return folder.FullName;
        throw new InvalidOperationException($"No Scheduler.sln above {AppContext.BaseDirectory}.");
    }
}
