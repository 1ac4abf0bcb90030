using System.Xml.Linq;

namespace Fanfare.Tidy;

/// <summary>Which project may know which: the arrows of ARCHITECTURE.md.</summary>
public sealed class ReferenceTests
{
    private static readonly Dictionary<string, string[]> Allowed = new()
    {
        ["Contracts"] = [],
        ["Core"] = ["Contracts"],
        ["Engine"] = ["Core"],
        ["Storage"] = ["Contracts"],
        ["Specs"] = ["Core"],
        ["Gateway"] = ["Engine", "Specs", "Storage"],
        ["Notices"] = ["Specs"],
        ["Pools"] = ["Contracts"],
        ["Worker"] = ["Contracts"],
        ["Cli"] = ["Gateway", "Notices", "Pools", "Worker"],
        ["Grains"] = ["Engine"],
        ["Silo"] = ["Cli", "Grains"],
    };

    private static readonly string[] Programs = ["Silo", "Gateway", "Worker", "Cli"];

    public static TheoryData<string> Projects() => [.. Tree.Sources("src", "*.csproj")];

    [Theory]
    [MemberData(nameof(Projects))]
    public void AProject_ReferencesExactlyWhatTheTreeAllows(string project)
    {
        var name = Path.GetFileNameWithoutExtension(project);
        Assert.True(Allowed.TryGetValue(name, out var allowed), $"{project} has no place in the tree: add it to {nameof(ReferenceTests)} and ARCHITECTURE.md.");

        Assert.Equal(allowed, References(project).Order(StringComparer.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Projects))]
    public void AProjectsFile_LiesInAFolderOfItsName(string project) =>
        Assert.Equal($"src/{Path.GetFileNameWithoutExtension(project)}/{Path.GetFileName(project)}", project);

    [Fact]
    public void OnlyWhatIsStartedHasAProgram()
    {
        var programs = Tree.Sources("src", "Program.cs");

        Assert.All(programs, p => Assert.Contains(p, Programs.Select(name => $"src/{name}/Program.cs")));
        Assert.All(programs, p => Assert.True(Tree.Lines(p).Length <= 60, $"{p} is longer than 60 lines: a program puts parts together, it is not one."));
    }

    [Fact]
    public void ThePackagesVersions_StandInOnePlace()
    {
        var projects = Tree.Sources("src", "*.csproj").Concat(Tree.Sources("tests", "*.csproj")).Concat(Tree.Sources("bench", "*.csproj"));

        Tree.None(Tree.Places(projects, l => l.Contains("<PackageReference", StringComparison.Ordinal) && l.Contains("Version=", StringComparison.Ordinal)),
            "Versions of packages stand in Directory.Packages.props only:");
    }

    [Fact]
    public void EveryProject_IsInTheSolution()
    {
        var solution = Tree.Text("Scheduler.sln").Replace('\\', '/');

        Tree.None([.. Tree.Sources("src", "*.csproj").Concat(Tree.Sources("tests", "*.csproj")).Where(p => !solution.Contains($"\"{p}\"", StringComparison.Ordinal))],
            "Scheduler.sln lacks:");
    }

    [Fact]
    public void TestsAreNotReferencedBySources() =>
        Tree.None(Tree.Places(Tree.Sources("src", "*.csproj"), l => l.Contains("tests/", StringComparison.Ordinal)), "Sources reference tests:");

    private static IEnumerable<string> References(string project) =>
        XDocument.Parse(Tree.Text(project)).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(r.Attribute("Include")!.Value.Replace('\\', '/')));
}
