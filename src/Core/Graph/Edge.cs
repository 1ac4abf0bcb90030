using Fanfare.Contracts;

namespace Fanfare.Core;

internal enum EdgeKind
{
    Go,
    Branch,
    Foreach,
    Case,
}

/// <summary>One way from a step to another, and the path of the field that says so.</summary>
internal sealed record Edge(string From, string To, EdgeKind Kind, int Branch, string Path)
{
    public bool Opens => Kind is EdgeKind.Branch or EdgeKind.Foreach;

    public static IReadOnlyList<Edge> Of(StepSpec step)
    {
        var path = $"steps.{step.Name}.next";
        return step.Next switch
        {
            null => [],
            GoTo go => [new Edge(step.Name, go.Step, EdgeKind.Go, 0, path)],
            StaticSplit split => [.. split.Steps.Select((s, i) => new Edge(step.Name, s, EdgeKind.Branch, i, $"{path}[{i}]"))],
            Foreach each => [new Edge(step.Name, each.Step, EdgeKind.Foreach, 0, $"{path}.foreach")],
            Switch choice =>
            [
                .. choice.Cases.Select(c => new Edge(step.Name, c.Step, EdgeKind.Case, 0, $"{path}.cases.{c.Value}")),
                .. choice.Default is null ? [] : new[] { new Edge(step.Name, choice.Default, EdgeKind.Case, 0, $"{path}.default") },
            ],
            _ => throw new ArgumentOutOfRangeException(nameof(step), step.Next.GetType().Name, "An unknown kind of transition."),
        };
    }
}
