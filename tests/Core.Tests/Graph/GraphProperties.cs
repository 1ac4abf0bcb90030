using Fanfare.Contracts;
using Fanfare.Core;

namespace Fanfare.Core.Tests.Graph;

public sealed class GraphProperties
{
    [Fact]
    public void FlowsBuiltByTheRules_AreAccepted_AndTheirStructureHolds() => ForAll(2000, random =>
    {
        var sketch = new RandomFlow(random).Sketch();
        var graph = FlowGraph.Compile(Sketch.Flow(sketch), out var errors);
        Assert.True(graph is not null, $"{sketch}{Environment.NewLine}{string.Join(Environment.NewLine, errors)}");
        AssertStructure(graph, sketch);
    });

    [Fact]
    public void FlowsWithTargetsMovedAtRandom_AreRefused_OrTheirStructureHolds() => ForAll(6000, random =>
    {
        var spec = Sketch.Flow(new RandomFlow(random).Sketch());
        var names = spec.Steps.Select(s => s.Name).ToList();
        var steps = spec.Steps.ToList();
        for (var changes = random.Next(1, 4); changes > 0; changes--)
        {
            var at = random.Next(steps.Count);
            steps[at] = Change(steps[at], names[random.Next(names.Count)], random);
        }
        var graph = FlowGraph.Compile(spec with { Steps = steps }, out var errors);
        Assert.Equal(graph is null, errors.Count > 0);
        if (graph is not null) AssertStructure(graph, string.Join("; ", steps));
    });

    private static StepSpec Change(StepSpec step, string target, Random random) => random.Next(6) switch
    {
        0 => step with { Next = null },
        1 => step with { Join = step.Join is null ? JoinSpec.All : null },
        2 => step with { Next = new GoTo(target) },
        3 => step with { Next = new Foreach(target, new OverOutput("items")) },
        4 => step with { Next = new Switch("verdict", [new("a", target), new("b", (step.Next as GoTo)?.Step ?? target)], null, random.Next(2) == 0 ? 3 : null) },
        _ => step with { Next = Retarget(step.Next, target) },
    };

    private static NextSpec Retarget(NextSpec? next, string target) => next switch
    {
        StaticSplit split => new StaticSplit([target, .. split.Steps.Skip(1)]),
        Switch choice => choice with { Cases = [new("a", target), .. choice.Cases] },
        _ => new GoTo(target),
    };

    private static void AssertStructure(FlowGraph graph, string sketch)
    {
        foreach (var node in graph.Nodes)
        {
            var edges = Targets(node);
            Assert.True(edges.Count > 0 || node.Frame.Kind == FrameKind.Root, $"'{node.Name}' ends inside a split: {sketch}");
            Assert.True(node.Frame.Kind == FrameKind.Root || node.Frame.Join is not null, $"The frame of '{node.Name}' has no join: {sketch}");
            Assert.Equal(node.Spec.Join is not null, node.Joins is not null);
            foreach (var target in edges.Select(e => graph[e]))
            {
                Assert.Contains(node.Name, target.Predecessors);
                var opens = node.Spec.Next is StaticSplit or Foreach;
                var expected = opens ? target.Frame.Parent : target.Joins is null ? target.Frame : null;
                if (!opens && target.Joins is not null)
                {
                    Assert.Equal(target.Name, node.Frame.Join);
                    Assert.Equal(target.Joins, node.Frame.Kind);
                    Assert.Same(node.Frame.Parent, target.Frame);
                    Assert.Same(graph[node.Frame.Opener!].Frame, target.Frame);
                    Assert.Equal(node.Frame.Branches, target.JoinBranches);
                }
                else
                {
                    Assert.Same(node.Frame, expected);
                    Assert.True(!opens || target.Frame.Opener == node.Name, sketch);
                }
            }
        }
        AssertEveryCycleHasABackEdge(graph, sketch);
    }

    private static void AssertEveryCycleHasABackEdge(FlowGraph graph, string sketch)
    {
        var left = graph.Nodes.ToDictionary(n => n.Name, n => Targets(n).Where(t => !n.BackEdges.Contains(t)).ToHashSet());
        while (left.Count > 0)
        {
            var ends = left.Where(n => n.Value.Count == 0).Select(n => n.Key).ToList();
            Assert.True(ends.Count > 0, $"A cycle has no back edge: {sketch}");
            foreach (var end in ends) left.Remove(end);
            foreach (var targets in left.Values) targets.ExceptWith(ends);
        }
        Assert.All(graph.Nodes.Where(n => n.BackEdges.Count > 0), n => Assert.NotNull(Assert.IsType<Switch>(n.Spec.Next).MaxLoops));
    }

    private static List<string> Targets(StepNode node) => node.Spec.Next switch
    {
        null => [],
        GoTo go => [go.Step],
        StaticSplit split => [.. split.Steps],
        Foreach each => [each.Step],
        Switch choice => [.. choice.Cases.Select(c => c.Step), .. choice.Default is null ? [] : new[] { choice.Default }],
        _ => throw new NotSupportedException(node.Spec.Next.GetType().Name),
    };

    private static void ForAll(int cases, Action<Random> check)
    {
        var seed = int.TryParse(Environment.GetEnvironmentVariable("FANFARE_TEST_SEED"), out var given) ? given : Environment.TickCount;
        for (var i = 0; i < cases; i++)
        {
            try
            {
                check(new Random(unchecked(seed + i)));
            }
            catch (Exception e)
            {
                throw new Xunit.Sdk.XunitException($"Run again with FANFARE_TEST_SEED={unchecked(seed + i)}: {e}");
            }
        }
    }
}
