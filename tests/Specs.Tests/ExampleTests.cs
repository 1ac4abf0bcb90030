using Fanfare.Contracts;
using Fanfare.Specs;

namespace Fanfare.Specs.Tests;

public sealed class ExampleTests
{
    public static TheoryData<string> Flows => [.. Examples.Paths.Select(p => Path.GetRelativePath(Examples.Root, p))];

    [Fact]
    public void TheExamplesAreThere() =>
        Assert.Equal(["hello", "stdlib-report", "sweep", "train-loop"], Examples.Paths.Select(p => Path.GetFileName(Path.GetDirectoryName(p))!));

    [Theory, MemberData(nameof(Flows))]
    public void AnExample_IsARightFlow_NamedAsItsFolder(string path)
    {
        var file = Path.Combine(Examples.Root, path);
        var result = FlowSpecReader.Read(File.ReadAllText(file));

        Assert.Empty(result.Errors);
        Assert.Equal(Path.GetFileName(Path.GetDirectoryName(file)), result.Spec!.Name);
    }

    [Theory, MemberData(nameof(Flows))]
    public void TheFilesThatAnExampleRuns_AreThere(string path)
    {
        var folder = Path.GetDirectoryName(Path.Combine(Examples.Root, path))!;
        var spec = FlowSpecReader.Read(File.ReadAllText(Path.Combine(Examples.Root, path))).Spec!;

        // A shell string names no file that could be checked.
        Assert.All(spec.Steps.Where(s => s.Run.Argv is not null), s => Assert.True(File.Exists(Path.Combine(folder, s.Run.Argv![1])), $"{s.Name} runs {s.Run.Argv[1]}."));
    }

    [Fact]
    public void TheExamples_ShowEveryKindOfTransition_AndHandlingOfFailures()
    {
        var steps = Examples.Flows().SelectMany(f => FlowSpecReader.Read(f).Spec!.Steps).ToList();

        Assert.All(new[] { typeof(GoTo), typeof(StaticSplit), typeof(Foreach), typeof(Switch) }, kind => Assert.Contains(steps, s => s.Next?.GetType() == kind));
        Assert.Contains(steps, s => s.CatchOutput is not null && s.Retry.MaxAttempts > 1 && s.Retry.ExitCodes is not null);
        Assert.Contains(steps, s => s.Next is Switch { MaxLoops: not null });
        Assert.Contains(steps, s => s.Join is { Kind: JoinKind.Tolerate });
    }
}
