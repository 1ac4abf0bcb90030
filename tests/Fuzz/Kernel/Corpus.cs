namespace Fanfare.Fuzz.Kernel;

/// <summary>Inputs that once broke something: files under Corpus/KIND whose names say what they were. Each is played before anything is drawn.</summary>
internal static class Corpus
{
    public static string Root { get; } = FindRoot();

    private static readonly string Folder = Path.Combine(Root, "tests", "Fuzz", "Corpus");

    /// <summary>Names of a kind's files.</summary>
    public static TheoryData<string> Names(string kind) => [.. Files(kind).Select(f => Path.GetFileName(f))];

    public static IReadOnlyList<string> Files(string kind) => [.. Directory.EnumerateFiles(Path.Combine(Folder, kind)).Order(StringComparer.Ordinal)];

    public static string Text(string kind, string name) => File.ReadAllText(Path.Combine(Folder, kind, name));

    /// <summary>Keeps an input that broke something, and says where.</summary>
    public static string Keep(string kind, string content, string extension)
    {
        var folder = Path.Combine(Path.GetTempPath(), "fanfare-fuzz");
        Directory.CreateDirectory(folder);
        var path = Path.Combine(folder, $"{kind}-{Guid.NewGuid():N}.{extension}");
        File.WriteAllText(path, content);
        return $"The input is in {path}; once it is mended, move it to tests/Fuzz/Corpus/{kind} under a name that says what it is.";
    }

    private static string FindRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Scheduler.sln"))) return folder.FullName;
        throw new DirectoryNotFoundException("Scheduler.sln is in no folder above the tests.");
    }
}
